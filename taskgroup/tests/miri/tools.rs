//! What the tests look with: the kit of all crates, and hands for scopes and wakers.

pub(crate) use evenkeel_testkit::{DropGuard, Drops, LendsItself, my_waker, on_drop, panic_of};
use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::Pin,
    task::{Poll, Waker},
};

/// What a test's children can fail with.
pub(crate) type Error = Box<str>;

pub(crate) fn error(text: &str) -> Error {
    text.into()
}

/// Polls once; was it still pending?
pub(crate) async fn is_pending<F: Future>(future: &mut Pin<Box<F>>) -> bool {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

/// Polls a scope until its children have begun.
pub(crate) async fn begin<F: Future>(scope: &mut Pin<Box<F>>) {
    assert!(is_pending(scope).await && is_pending(scope).await);
}

/// Waits until `gate` is open, and leaves the waker that it is polled with in `slot`.
pub(crate) async fn wait(gate: &Cell<bool>, slot: &RefCell<Vec<Waker>>) {
    poll_fn(|cx| {
        slot.borrow_mut().push(cx.waker().clone());
        if gate.get() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Leaves the waker in `slot`.
pub(crate) async fn leave_waker(slot: &RefCell<Vec<Waker>>) {
    let waker = my_waker().await;
    slot.borrow_mut().push(waker);
}

/// The four things that can be done to a waker.
pub(crate) fn all_ops(waker: Waker) {
    waker.wake_by_ref();
    let clone = waker.clone();
    drop(waker.clone());
    clone.wake();
    drop(waker);
}
