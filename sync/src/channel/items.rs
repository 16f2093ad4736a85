//! The items of a channel as a stream that borrows.

use super::receiver::Receiver;
use crate::queue::{Fifo, Items, Queue};
use futures_core::Stream;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

impl<T> Receiver<T> {
    /// The items as a stream that borrows the receiver. By value, or by `&mut`, the receiver itself is a stream.
    pub fn items(&self) -> ReceiverItems<'_, T> {
        ReceiverItems(Items::new(self.queue()))
    }
}

/// The items of a channel, as they come; made by [`Receiver::items`]. It keeps a place in line as
/// [`QueueItems`](crate::QueueItems) does.
#[must_use = "no item is taken until this stream is polled"]
pub struct ReceiverItems<'a, T>(Items<T, Fifo<T>, &'a Queue<T>>);

impl<T> ReceiverItems<'_, T> {
    /// The next item, or `None` when nothing more will come.
    ///
    /// Cancel-safe.
    pub async fn next(&mut self) -> Option<T> {
        self.0.next().await
    }
}

impl<T> Stream for ReceiverItems<'_, T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_next(cx)
    }
}

impl<T> fmt::Debug for ReceiverItems<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceiverItems")
    }
}
