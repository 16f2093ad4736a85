//! A hand-written channel with room for one value.

use std::{
    cell::Cell,
    future::poll_fn,
    task::{Poll, Waker},
};

/// A channel with room for one value, for one sender and one receiver on one thread.
///
/// It is what a program that needs no more would write, knows only `std::task`, and so is the same under every executor.
pub(crate) struct OneSlot<T> {
    value: Cell<Option<T>>,
    sender: Cell<Option<Waker>>,
    receiver: Cell<Option<Waker>>,
}

impl<T> Default for OneSlot<T> {
    fn default() -> Self {
        OneSlot { value: Cell::new(None), sender: Cell::new(None), receiver: Cell::new(None) }
    }
}

impl<T> OneSlot<T> {
    /// Puts a value in, once there is room.
    pub(crate) async fn send(&self, value: T) {
        let mut value = Some(value);
        poll_fn(|cx| {
            if let Some(held) = self.value.take() {
                self.value.set(Some(held));
                self.sender.set(Some(cx.waker().clone()));
                return Poll::Pending;
            }
            self.value.set(value.take());
            if let Some(receiver) = self.receiver.take() {
                receiver.wake();
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Takes the value out, once there is one.
    pub(crate) async fn receive(&self) -> T {
        poll_fn(|cx| {
            let Some(value) = self.value.take() else {
                self.receiver.set(Some(cx.waker().clone()));
                return Poll::Pending;
            };
            if let Some(sender) = self.sender.take() {
                sender.wake();
            }
            Poll::Ready(value)
        })
        .await
    }
}
