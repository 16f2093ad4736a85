//! A child that says when it is ready.

use super::join_handle::JoinHandle;
use evenkeel_executor::CancelReason;
use std::{
    cell::Cell,
    fmt,
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
};

/// With this a child tells whoever [started](crate::TaskGroup::start) it that it is ready.
pub struct Ready<V>(Rc<Signal<V>>);

pub(crate) struct Signal<V> {
    value: Cell<Option<V>>,
    waker: Cell<Option<Waker>>,
}

impl<V> Ready<V> {
    pub(crate) fn new() -> (Ready<V>, Rc<Signal<V>>) {
        let signal = Rc::new(Signal { value: Cell::new(None), waker: Cell::new(None) });
        (Ready(signal.clone()), signal)
    }

    /// The child is ready. The value is returned where it was started.
    pub fn set(self, value: V) {
        self.0.value.set(Some(value));
        if let Some(waker) = self.0.waker.take() {
            super::group_core::wake(waker);
        }
    }
}

impl<V> fmt::Debug for Ready<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").finish_non_exhaustive()
    }
}

/// Waits until the child is ready, or has ended without: then its group is cancelled, and the code that awaits this does not go on.
pub(crate) async fn wait<V, T>(signal: Rc<Signal<V>>, mut child: JoinHandle<T>) -> V {
    let mut has_ended = false;
    poll_fn(|cx| {
        if let Some(value) = signal.value.take() {
            return Poll::Ready(value);
        }
        if has_ended {
            return Poll::Pending;
        }
        if let Poll::Ready(outcome) = child.poll_outcome(cx) {
            has_ended = true;
            // Waiting may have run foreign code, and the child may have been ready there.
            if let Some(value) = signal.value.take() {
                return Poll::Ready(value);
            }
            match outcome {
                Ok(_) => child.end_group(CancelReason::NotReady),
                // If it has failed, the group is being cancelled.
                Err(error) => child.no_value(error),
            }
            return Poll::Pending;
        }
        let newest = cx.waker().clone();
        let old = signal.waker.replace(Some(newest));
        drop(old);
        // So may the clone have: this is looked at last.
        signal.value.take().map_or(Poll::Pending, Poll::Ready)
    })
    .await
}
