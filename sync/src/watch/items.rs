//! The newest values as a stream.

use super::{
    receiver::Receiver,
    value_ref::Ref,
    watched::{Changing, Watched},
};
use crate::wait::Wait;
use futures_core::Stream;
use std::{
    borrow::BorrowMut,
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

impl<T> Receiver<T> {
    /// The values that this receiver has not seen, as a stream: each at most once, and the newest at the time only. It ends when all senders
    /// are gone and the last value was seen.
    ///
    /// It is tokio-stream's `WatchStream::from_changes`. After [`mark_changed`](Self::mark_changed) it begins with the value as it is
    /// now, as `WatchStream::new` does. An item is a [`Ref`], which may be kept; clone the value out of it if need be.
    ///
    /// ```
    /// use evenkeel::sync::watch;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, mut receiver) = watch::channel(1);
    /// receiver.mark_changed();
    /// let mut items = receiver.items();
    /// assert_eq!(items.next().await.as_deref(), Some(&1));
    /// sender.send(2).unwrap();
    /// sender.send(3).unwrap();
    /// drop(sender);
    /// assert_eq!(items.next().await.as_deref(), Some(&3));
    /// assert!(items.next().await.is_none());
    /// # });
    /// ```
    pub fn items(&mut self) -> Items<'_, T> {
        Items(Changes::new(self))
    }

    /// The values as a stream, as [`items`](Self::items) has them, which owns the receiver: it can move into a `'static` task.
    pub fn into_items(self) -> OwnedItems<T> {
        OwnedItems(Changes::new(self))
    }
}

/// The newest values of a watch channel, as they come; made by [`Receiver::items`].
///
/// A stream that was polled and had to wait stands in line, with the waker of that poll, until it is polled again or dropped.
/// ([`next`](Self::next) leaves the line when it is dropped.)
#[must_use = "no item is taken until this stream is polled"]
pub struct Items<'a, T>(Changes<T, &'a mut Receiver<T>>);

/// The newest values of a watch channel, as they come; made by [`Receiver::into_items`]. It keeps a place in line as [`Items`] does.
#[must_use = "no item is taken until this stream is polled"]
pub struct OwnedItems<T>(Changes<T, Receiver<T>>);

impl<T> Items<'_, T> {
    /// The next value that was not seen, or `None` when all senders are gone and the last one was.
    ///
    /// Cancel-safe: dropped, nothing counts as seen.
    pub async fn next(&mut self) -> Option<Ref<T>> {
        self.0.next().await
    }
}

impl<T> OwnedItems<T> {
    /// The next value that was not seen, or `None` when all senders are gone and the last one was.
    ///
    /// Cancel-safe: dropped, nothing counts as seen.
    pub async fn next(&mut self) -> Option<Ref<T>> {
        self.0.next().await
    }

    /// The receiver, which has seen the items that were taken.
    pub fn into_receiver(self) -> Receiver<T> {
        self.0.receiver
    }
}

impl<T> Stream for Items<'_, T> {
    type Item = Ref<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Ref<T>>> {
        self.0.poll_next(cx)
    }
}

impl<T> Stream for OwnedItems<T> {
    type Item = Ref<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Ref<T>>> {
        self.0.poll_next(cx)
    }
}

/// A stream of the values that the receiver `R` has not seen.
struct Changes<T, R> {
    receiver: R,
    /// The place in line, from a poll that had to wait to the next.
    wait: Option<Wait<Rc<Watched<T>>, Changing<T>>>,
    of: PhantomData<T>,
}

impl<T, R: BorrowMut<Receiver<T>>> Changes<T, R> {
    fn new(receiver: R) -> Self {
        Changes { receiver, wait: None, of: PhantomData }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Ref<T>>> {
        let receiver = self.receiver.borrow_mut();
        // Out of its place while foreign code runs: if that panics, the place in line is given up, and the next poll takes another.
        let mut wait = self.wait.take().unwrap_or_else(|| receiver.wait_for_change());
        let Poll::Ready(outcome) = Pin::new(&mut wait).poll(cx) else {
            self.wait = Some(wait);
            return Poll::Pending;
        };
        Poll::Ready(outcome.ok().map(|()| receiver.borrow_and_update()))
    }

    async fn next(&mut self) -> Option<Ref<T>> {
        struct LeaveLine<'a, T, R>(&'a mut Changes<T, R>);
        impl<T, R> Drop for LeaveLine<'_, T, R> {
            fn drop(&mut self) {
                self.0.wait = None;
            }
        }
        let line = LeaveLine(self);
        poll_fn(|cx| line.0.poll_next(cx)).await
    }
}

impl<T, R> Unpin for Changes<T, R> {}

impl<T> fmt::Debug for Items<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("watch::Items").field(&self.0.receiver).finish()
    }
}

impl<T> fmt::Debug for OwnedItems<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("watch::OwnedItems").field(&self.0.receiver).finish()
    }
}
