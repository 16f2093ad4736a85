//! What the tests look with.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
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

pub(crate) async fn my_waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
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

/// Counts the drops of its guards.
#[derive(Clone, Default)]
pub(crate) struct Drops(Rc<Cell<usize>>);

/// Owns memory, so that a second drop or a missing one is seen.
pub(crate) struct Guard(Drops, #[expect(dead_code, reason = "owned to be dropped")] Box<u8>);

impl Drops {
    pub(crate) fn guard(&self) -> Guard {
        Guard(self.clone(), Box::new(7))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.get()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.set(self.0.0.get() + 1);
    }
}

pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

pub(crate) fn text_of(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "?".to_owned(),
    }
}

/// The panic with which `f` ends.
pub(crate) fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("there was no panic"),
        Err(payload) => text_of(&*payload),
    }
}
