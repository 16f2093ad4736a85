//! The values as a stream.

use super::{errors::RecvError, receiver::Receiver};
use futures_core::Stream;
use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

impl<T: Clone> Receiver<T> {
    /// The values as a stream, which ends when the channel is closed. Missed values are errors in it, as in tokio-stream's
    /// `BroadcastStream`.
    ///
    /// ```
    /// use evenkeel::sync::broadcast::{self, RecvError};
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, mut receiver) = broadcast::channel(1);
    /// sender.send(1).unwrap();
    /// sender.send(2).unwrap();
    /// drop(sender);
    /// let mut items = receiver.items();
    /// assert_eq!(items.next().await, Some(Err(RecvError::Lagged(1))));
    /// assert_eq!(items.next().await, Some(Ok(2)));
    /// assert_eq!(items.next().await, None);
    /// # });
    /// ```
    pub fn items(&mut self) -> Items<'_, T> {
        Items { receiver: self }
    }

    /// The values as a stream, as [`items`](Self::items) has them, which owns the receiver: it can move into a `'static` task.
    pub fn into_items(self) -> OwnedItems<T> {
        OwnedItems { receiver: self }
    }
}

/// The values of a broadcast channel, as they come; made by [`Receiver::items`].
///
/// A stream that was polled and had to wait stands in line, with the waker of that poll, until it is polled again or dropped.
/// ([`next`](Self::next) leaves the line when it is dropped.)
#[must_use = "no item is taken until this stream is polled"]
pub struct Items<'a, T: Clone> {
    receiver: &'a mut Receiver<T>,
}

/// The values of a broadcast channel, as they come; made by [`Receiver::into_items`]. It keeps a place in line as [`Items`] does.
#[must_use = "no item is taken until this stream is polled"]
pub struct OwnedItems<T: Clone> {
    receiver: Receiver<T>,
}

impl<T: Clone> Items<'_, T> {
    /// The next value, an error for those that were missed, or `None` when the channel is closed and empty.
    ///
    /// Cancel-safe: dropped, it has taken nothing.
    pub async fn next(&mut self) -> Option<Result<T, RecvError>> {
        next(self.receiver).await
    }
}

impl<T: Clone> OwnedItems<T> {
    /// The next value, an error for those that were missed, or `None` when the channel is closed and empty.
    ///
    /// Cancel-safe: dropped, it has taken nothing.
    pub async fn next(&mut self) -> Option<Result<T, RecvError>> {
        next(&mut self.receiver).await
    }

    /// The receiver, with all values that were not taken.
    pub fn into_receiver(self) -> Receiver<T> {
        let mut receiver = self.receiver;
        receiver.leave_line();
        receiver
    }
}

async fn next<T: Clone>(receiver: &mut Receiver<T>) -> Option<Result<T, RecvError>> {
    struct LeaveLine<'a, T>(&'a mut Receiver<T>);
    impl<T> Drop for LeaveLine<'_, T> {
        fn drop(&mut self) {
            self.0.leave_line();
        }
    }
    let line = LeaveLine(receiver);
    poll_fn(|cx| Pin::new(&mut *line.0).poll_next(cx)).await
}

impl<T: Clone> Stream for Items<'_, T> {
    type Item = Result<T, RecvError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.receiver).poll_next(cx)
    }
}

impl<T: Clone> Stream for OwnedItems<T> {
    type Item = Result<T, RecvError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.receiver).poll_next(cx)
    }
}

impl<T: Clone> Drop for Items<'_, T> {
    fn drop(&mut self) {
        self.receiver.leave_line();
    }
}

impl<T: Clone> fmt::Debug for Items<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("broadcast::Items").field(&self.receiver).finish()
    }
}

impl<T: Clone> fmt::Debug for OwnedItems<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("broadcast::OwnedItems").field(&self.receiver).finish()
    }
}
