//! What becomes of futures that were stopped because something around them is cancelled.

use evenkeel_executor::combinator::Branch;
use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    task::{Context, Poll},
};

/// Whether children were stopped by a cancellation from around. Then there is no outcome, and the code that awaits one is not to go on: it
/// is about to be dropped. But the future that it awaits may only be borrowed in what is cancelled, and outlive that.
#[derive(Default)]
pub(crate) struct Cut {
    is_cut: bool,
    /// A branch that does not begin in what is cancelled, and has itself polled when that ends.
    end: Option<Branch<Ready<()>>>,
}

impl Cut {
    /// A child was stopped.
    pub(crate) fn set(&mut self) {
        self.is_cut = true;
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Waits until nothing around is cancelled any more.
    #[cold]
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = self.end.get_or_insert_with(|| Branch::new(ready(())));
        let polled = Pin::new(end).poll(cx).map(drop);
        if polled.is_ready() {
            self.end = None;
        }
        polled
    }

    /// Says that there is no outcome.
    ///
    /// # Panics
    ///
    /// If the code that awaits it is not cancelled: this future was only borrowed where it was, and is awaited again.
    #[cold]
    pub(crate) fn wait<T>(&mut self, what: &str, cx: &mut Context<'_>) -> Poll<T> {
        assert!(
            self.poll_end(cx).is_pending(),
            "{what} was awaited again after a scope around it had been cancelled, which has stopped some of its futures: make it anew"
        );
        Poll::Pending
    }
}
