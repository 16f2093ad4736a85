//! The end that items come out of.

use super::ends::{Shared, count_in, count_out};
use crate::{
    calls::go_on,
    closed::Closed,
    queue::{Fifo, Getting, Queue, TryGetError},
    wait::Wait,
};
use futures_core::{Stream, stream::FusedStream};
use std::{
    cell::Cell,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

/// The end of a [`channel`](super::channel()) that items come out of.
///
/// A receiver is a [`Stream`] of the items too, by value and by `&mut`: tokio's `ReceiverStream` is not needed. As a stream
/// ([`poll_recv`](Self::poll_recv)) it keeps its place in line from one poll to the next.
///
/// ```
/// use evenkeel::sync::channel;
/// use futures::StreamExt;
///
/// # futures::executor::block_on(async {
/// let (sender, mut receiver) = channel(4);
/// for n in 0..4 {
///     sender.send(n).await.unwrap();
/// }
/// drop(sender);
/// assert_eq!(receiver.next().await, Some(0));
/// assert_eq!(receiver.map(|n| n * 2).collect::<Vec<_>>().await, [2, 4, 6]);
/// # });
/// ```
pub struct Receiver<T> {
    shared: Shared<T>,
    /// The place in line, from a poll that had to wait to the next.
    place: Cell<Option<Place<T>>>,
    /// Is there a place?
    has_place: Cell<bool>,
}

type Place<T> = Wait<Shared<T>, Getting<T, Fifo<T>>>;

impl<T> Receiver<T> {
    /// One that is counted already.
    pub(super) fn new(shared: Shared<T>) -> Receiver<T> {
        Receiver { shared, place: Cell::new(None), has_place: Cell::new(false) }
    }

    /// Takes the next item, or `None` when all senders are gone (or the channel was closed) and nothing is left. After
    /// [`close`](Self::close) it waits for those places that are [`reserve`](crate::Sender::reserve)d.
    ///
    /// Cancel-safe as [`Queue::get`](crate::OrderedQueue::get).
    #[inline]
    pub fn recv(&self) -> impl Future<Output = Option<T>> + Unpin {
        self.queue().wait_for_item().then(|queue, outcome| match outcome {
            Ok(handed) => Some(queue.finished(handed)),
            Err(()) => None,
        })
    }

    /// Takes the next item if there is one.
    ///
    /// # Errors
    ///
    /// [`TryGetError::Empty`] or [`TryGetError::Closed`].
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryGetError> {
        self.queue().try_get()
    }

    /// Takes up to `count` items: waits for one, and takes with it those that are there.
    ///
    /// # Errors
    ///
    /// [`Closed`] when nothing more will come.
    pub async fn recv_many(&self, count: usize) -> Result<Vec<T>, Closed> {
        self.queue().get_many(count).await
    }

    /// Appends up to `limit` items to `buffer`: waits for one, and takes with it those that are there. How many these were is the result: 0
    /// if nothing more will come, or if `limit` is 0. tokio's `recv_many`.
    ///
    /// Cancel-safe: nothing was appended then.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let (sender, receiver) = evenkeel::sync::channel(10);
    /// for n in 0..5 {
    ///     sender.send(n).await.unwrap();
    /// }
    /// drop(sender);
    /// let mut buffer = Vec::with_capacity(3);
    /// while receiver.recv_into(&mut buffer, 3).await > 0 {
    ///     println!("{buffer:?}"); // [0, 1, 2], and then [3, 4]
    ///     buffer.clear();
    /// }
    /// # });
    /// ```
    pub async fn recv_into(&self, buffer: &mut Vec<T>, limit: usize) -> usize {
        self.queue().get_into(buffer, limit).await
    }

    /// Polls for the next item: `None` when nothing more will come.
    ///
    /// A receiver that had to wait stands in line until it is polled again, used in another way, or dropped; and may be handed an item
    /// meanwhile. One that is not polled any more keeps that item from other receivers.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.has_place.set(false);
        // Not in its place while foreign code runs: if that panics, the place in line is given up, and the next poll takes another.
        let mut place = self.place.take().unwrap_or_else(|| Wait::new(self.shared.clone(), ()));
        let Poll::Ready(outcome) = Pin::new(&mut place).poll(cx) else {
            self.place.set(Some(place));
            self.has_place.set(true);
            return Poll::Pending;
        };
        Poll::Ready(outcome.ok().map(|handed| self.shared.finished(handed)))
    }

    /// Ends the channel from this side: sending fails from now on, what is on its way can still be taken. So can what comes into places
    /// that are [`reserve`](crate::Sender::reserve)d: there is an end when these are used or given back.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Are all senders gone, or was the channel closed? There may still be items on their way, and items may come into places that are
    /// [`reserve`](crate::Sender::reserve)d.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// How many items are on their way: those in the channel, and the one that this receiver was handed in its place in line, if it keeps one
    /// ([`poll_recv`](Self::poll_recv)). What other receivers were handed is theirs, and not counted.
    pub fn len(&self) -> usize {
        self.shared.len() + usize::from(self.was_handed_one())
    }

    /// Is no item on its way? As [`len`](Self::len) counts them.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn was_handed_one(&self) -> bool {
        let place = self.place.take();
        let was_handed_one = place.as_ref().is_some_and(Wait::has_grant);
        self.place.set(place);
        was_handed_one
    }

    /// Is there no room? Places that are reserved are no room.
    pub fn is_full(&self) -> bool {
        self.shared.is_full()
    }

    /// For how many items there is room in all; `None` if that is not bounded. tokio's `max_capacity`.
    pub fn capacity(&self) -> Option<usize> {
        self.shared.capacity()
    }

    /// For how many items more there is room right now; `None` if that is not bounded. tokio's `capacity`.
    pub fn free_capacity(&self) -> Option<usize> {
        self.shared.free_capacity()
    }

    /// How many senders there are: tokio's `sender_strong_count`.
    pub fn sender_count(&self) -> usize {
        self.shared.ends().senders.get()
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.shared.ends().receivers.get()
    }

    /// How many [`WeakSender`](crate::WeakSender)s there are: tokio's `sender_weak_count`.
    pub fn weak_sender_count(&self) -> usize {
        self.shared.ends().weak_senders.get()
    }

    /// How many [`WeakReceiver`](crate::WeakReceiver)s there are.
    pub fn weak_receiver_count(&self) -> usize {
        self.shared.ends().weak_receivers.get()
    }

    /// Are this receiver and `other` of one channel?
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        self.shared.same(&other.shared)
    }

    pub(super) fn shared(&self) -> &Shared<T> {
        &self.shared
    }

    /// The queue, in whose line this receiver has no place of its own any more: an item that it was handed there is the next one's.
    #[inline(always)]
    pub(super) fn queue(&self) -> &Queue<T> {
        if self.has_place.get() {
            self.leave_line();
        }
        &self.shared
    }

    #[cold]
    fn leave_line(&self) {
        self.has_place.set(false);
        drop(self.place.take());
    }

    /// Ends the channel, if this is the last receiver.
    fn leave(&self) {
        if count_out(&self.shared.ends().receivers) {
            let (in_hand, calls) = self.shared.drain();
            // Dropped when those who waited were called, or have panicked.
            let _items = in_hand.take();
            drop(calls);
        }
    }
}

impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }
}

impl<T> FusedStream for Receiver<T> {
    fn is_terminated(&self) -> bool {
        !self.has_place.get() && self.shared.is_exhausted()
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        count_in(&self.shared.ends().receivers);
        Receiver::new(self.shared.clone())
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // An item that it was handed goes to another receiver, whose waker may panic.
        let left = catch_unwind(AssertUnwindSafe(|| drop(self.place.take())));
        self.leave();
        if let Err(payload) = left {
            go_on(payload);
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("queue", &*self.shared).field("receivers", &self.receiver_count()).finish()
    }
}
