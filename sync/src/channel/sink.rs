//! A sender as a sink.

use super::{ends::Shared, sender::Sender};
use crate::{
    closed::Closed,
    queue::{Fifo, Putting, Queue},
    wait::Wait,
};
use futures_sink::Sink;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

impl<T> Sender<T> {
    /// This sender as a [`Sink`], for `StreamExt::forward` and `SinkExt`: tokio's `PollSender`.
    ///
    /// ```
    /// use evenkeel::sync::channel;
    /// use futures::{SinkExt, StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, receiver) = channel(2);
    /// let numbers = stream::iter([1, 2, 3]).map(Ok);
    /// let (sent, received) = futures::join!(numbers.forward(sender.into_sink()), receiver.collect::<Vec<_>>());
    /// assert_eq!((sent, received), (Ok(()), vec![1, 2, 3]));
    /// # });
    /// ```
    pub fn into_sink(self) -> SenderSink<T> {
        SenderSink { wait: None, has_place: false, sender: Some(self) }
    }
}

/// A [`Sender`] as a [`Sink`]; made by [`Sender::into_sink`]. To be ready is to have a place that is kept, as
/// [`reserve`](Sender::reserve) gives: it is given back when the sink is dropped. An item is on its way once it was sent, so there is nothing
/// to be flushed. To close the sink drops the sender.
///
/// A sink that was polled and had to wait stands in line until it is polled again, closed or dropped.
///
/// Its error is [`Closed`]: all receivers are gone or the channel was closed. Items for which there is none left are dropped; who wants them
/// back sends with [`Sender::send`].
#[must_use = "nothing is sent until items are"]
pub struct SenderSink<T> {
    /// The place in line, from a poll that had to wait to the next.
    wait: Option<Place<T>>,
    /// Is a place in the channel kept for the next item?
    has_place: bool,
    /// Dropped after the others. `None` when the sink is closed.
    sender: Option<Sender<T>>,
}

type Place<T> = Wait<Shared<T>, Putting<T, Fifo<T>>>;

impl<T> SenderSink<T> {
    /// The sender, without the sink; `None` if that was closed. A place that was kept is the next one's.
    pub fn into_sender(mut self) -> Option<Sender<T>> {
        self.abort_send();
        self.sender.take()
    }

    /// The sender, unless the sink was closed.
    pub fn sender(&self) -> Option<&Sender<T>> {
        self.sender.as_ref()
    }

    /// Leaves the line, and gives back the place that is kept: tokio's `abort_send`.
    pub fn abort_send(&mut self) {
        self.wait = None;
        if let (true, Some(sender)) = (std::mem::take(&mut self.has_place), &self.sender) {
            sender.0.release_places(1);
        }
    }
}

impl<T> Sink<T> for SenderSink<T> {
    type Error = Closed;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        let this = &mut *self;
        if this.has_place {
            return Poll::Ready(Ok(()));
        }
        let Some(sender) = &this.sender else { return Poll::Ready(Err(Closed)) };
        // Out of its place while foreign code runs: if that panics, the place in line is given up, and the next poll takes another.
        let mut wait = this.wait.take().unwrap_or_else(|| Queue::wait_for_places(sender.0.clone(), 1));
        let Poll::Ready(outcome) = Pin::new(&mut wait).poll(cx) else {
            this.wait = Some(wait);
            return Poll::Pending;
        };
        this.has_place = outcome.is_ok();
        Poll::Ready(outcome.map(drop).map_err(|_| Closed))
    }

    /// Sends an item.
    ///
    /// # Panics
    ///
    /// If the sink is not ready, by [`poll_ready`](Sink::poll_ready).
    #[track_caller]
    fn start_send(mut self: Pin<&mut Self>, item: T) -> Result<(), Closed> {
        assert!(
            std::mem::take(&mut self.has_place),
            "an item was sent to a sink that is not ready: poll_ready() first"
        );
        match &self.sender {
            Some(sender) => Ok(sender.0.put_in_place(item)?),
            None => Err(Closed),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.abort_send();
        self.sender = None;
        Poll::Ready(Ok(()))
    }
}

/// A sink of its own, without the place that this one has.
impl<T> Clone for SenderSink<T> {
    fn clone(&self) -> Self {
        SenderSink { wait: None, has_place: false, sender: self.sender.clone() }
    }
}

impl<T> Drop for SenderSink<T> {
    fn drop(&mut self) {
        self.abort_send();
    }
}

impl<T> fmt::Debug for SenderSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SenderSink").field("sender", &self.sender).field("is_ready", &self.has_place).finish()
    }
}
