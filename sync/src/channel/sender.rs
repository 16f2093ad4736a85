//! The end that items go into.

use super::ends::{Shared, count_in, count_out};
use crate::queue::PutError;
use std::fmt;

/// The end of a [`channel`](super::channel()) that items go into.
pub struct Sender<T>(pub(super) Shared<T>);

impl<T> Sender<T> {
    /// Sends an item, as soon as there is room and it is this one's turn.
    ///
    /// Cancel-safe as [`Queue::put`](crate::OrderedQueue::put): the item of a send that is dropped in line is dropped with it. If it is not to be
    /// lost, take a place first and make the item then ([`reserve`](Self::reserve)), or say when the item is to come back
    /// ([`send_until`](Self::send_until)).
    ///
    /// # Errors
    ///
    /// [`PutError`] with the item, when all receivers are gone or the channel was closed.
    #[inline]
    pub fn send(&self, item: T) -> impl Future<Output = Result<(), PutError<T>>> + Unpin {
        self.0.put(item)
    }

    /// Sends an item if there is room and nobody waits for room.
    ///
    /// # Errors
    ///
    /// [`PutError`] with the item, when the channel is full or closed.
    #[inline]
    pub fn try_send(&self, item: T) -> Result<(), PutError<T>> {
        self.0.try_put(item)
    }

    /// Sends an item as [`send`](Self::send) does, unless `end` ends before: then the item comes back. With a sleep as the end it is tokio's
    /// `send_timeout`. Where there is room the item is sent, whatever `end` says.
    ///
    /// Cancel-safe as [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// [`PutError`] with the item: with [`Refused::TooLate`](crate::Refused::TooLate) if `end` came first, otherwise as
    /// [`send`](Self::send).
    ///
    /// ```
    /// use evenkeel::{sleep, sync::{PutError, Refused, channel}, testing};
    /// use std::time::Duration;
    ///
    /// testing::run(async {
    ///     let (sender, receiver) = channel(1);
    ///     let limit = Duration::from_millis(5);
    ///     assert_eq!(sender.send_until("a", sleep(limit)).await, Ok(()));
    ///     assert_eq!(sender.send_until("b", sleep(limit)).await, Err(PutError("b", Refused::TooLate)));
    ///     assert_eq!(receiver.recv().await, Some("a"));
    /// });
    /// ```
    pub async fn send_until(&self, item: T, end: impl Future<Output = ()>) -> Result<(), PutError<T>> {
        self.0.put_until(item, end).await
    }

    /// Sends an item, and takes the oldest one back if the channel is full: async-channel's `force_send`.
    ///
    /// # Errors
    ///
    /// [`PutError`] with the item, when the channel is closed; and when it is full without an item and nobody waits for one: it has no
    /// capacity, or all of it is reserved.
    pub fn force_send(&self, item: T) -> Result<Option<T>, PutError<T>> {
        self.0.force_put(item)
    }

    /// Waits until sending is in vain: until all receivers are gone, or the channel was closed. So work that nobody wants can be given up.
    ///
    /// Cancel-safe.
    ///
    /// ```
    /// use evenkeel::{race, run, sync::channel};
    ///
    /// run(async {
    ///     let (sender, receiver) = channel::<u8>(1);
    ///     drop(receiver);
    ///     let work = async {
    ///         std::future::pending::<()>().await;
    ///         "done"
    ///     };
    ///     let gave_up = async {
    ///         sender.closed().await;
    ///         "nobody wants it"
    ///     };
    ///     assert_eq!(race((work, gave_up)).await, "nobody wants it");
    /// });
    /// ```
    pub async fn closed(&self) {
        self.0.closed().await;
    }

    /// Ends the channel from this side, for all senders: sending fails from now on, what is on its way can still be taken. async-channel's
    /// `close`.
    pub fn close(&self) {
        self.0.close();
    }

    /// Is sending in vain: are all receivers gone, or was the channel closed?
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// How many items are on their way.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is no item on its way?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Is there no room? Places that are reserved are no room.
    pub fn is_full(&self) -> bool {
        self.0.is_full()
    }

    /// For how many items there is room in all; `None` if that is not bounded. tokio's `max_capacity`; what tokio calls `capacity` is
    /// [`free_capacity`](Self::free_capacity).
    pub fn capacity(&self) -> Option<usize> {
        self.0.capacity()
    }

    /// For how many items more there is room right now; `None` if that is not bounded. Places that are reserved are no room. tokio's
    /// `capacity`.
    pub fn free_capacity(&self) -> Option<usize> {
        self.0.free_capacity()
    }

    /// How many senders there are: tokio's `strong_count`.
    pub fn sender_count(&self) -> usize {
        self.0.ends().senders.get()
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.0.ends().receivers.get()
    }

    /// How many [`WeakSender`](crate::WeakSender)s there are: tokio's `weak_count`.
    pub fn weak_sender_count(&self) -> usize {
        self.0.ends().weak_senders.get()
    }

    /// How many [`WeakReceiver`](crate::WeakReceiver)s there are.
    pub fn weak_receiver_count(&self) -> usize {
        self.0.ends().weak_receivers.get()
    }

    /// Are this sender and `other` of one channel?
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        self.0.same(&other.0)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        count_in(&self.0.ends().senders);
        Sender(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if count_out(&self.0.ends().senders) {
            self.0.forget_places();
            self.0.close();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("queue", &*self.0).field("senders", &self.sender_count()).finish()
    }
}
