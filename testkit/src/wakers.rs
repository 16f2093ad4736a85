//! Wakers that count, and ways to get at a task's own.

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

/// A waker that counts its calls.
#[derive(Default, Debug)]
pub struct Wakes(AtomicUsize);

impl Wakes {
    /// The count, and the waker that it counts.
    pub fn new() -> (Arc<Wakes>, Waker) {
        let wakes = Arc::new(Wakes::default());
        (wakes.clone(), Waker::from(wakes))
    }

    /// How often the waker was called.
    pub fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Polls with a waker that does nothing.
pub fn poll_with_noop<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// The current task's waker.
pub async fn my_waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

/// Waits until somebody wakes the task, whose waker it leaves in `slot`.
pub async fn wait_for_wake(slot: &RefCell<Option<Waker>>) {
    let mut first = true;
    poll_fn(|cx| {
        *slot.borrow_mut() = Some(cx.waker().clone());
        if std::mem::replace(&mut first, false) { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}
