//! Places in a channel that are kept for items to come.

use super::sender::Sender;
use crate::{
    closed::Closed,
    queue::{PutError, Queue, Refused},
};
use std::{fmt, iter::FusedIterator};

impl<T> Sender<T> {
    /// Waits for a place for an item, and keeps it: tokio's `mpsc::Sender::reserve`. So an item is made when there is room for it, and a
    /// [`send`](SendPermit::send) that cannot wait cannot be cancelled.
    ///
    /// Places are asked for in the line in which [`send`](Self::send)s wait, first come first served, and count as if their items were there.
    /// (An item that is handed to a receiver who waits for one needs no place: it is not kept from that by those who wait for places.) A
    /// channel without a bound gives a place at once. One without room, a rendezvous, lends a place when a receiver asks for an item and
    /// there is none: as many as there are receivers who wait or try. If another item comes first, or the receiver goes, the next receiver gets
    /// the item.
    ///
    /// Cancel-safe: dropped in line it leaves the line; a place that it had been given goes to the next one.
    ///
    /// # Errors
    ///
    /// [`Closed`] when all receivers are gone or the channel was closed.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let (sender, receiver) = evenkeel::sync::channel(1);
    /// let permit = sender.reserve().await.unwrap();
    /// assert!(sender.is_full() && sender.is_empty());
    /// permit.send("made for this place").unwrap();
    /// assert_eq!(receiver.recv().await, Some("made for this place"));
    /// # });
    /// ```
    pub fn reserve(&self) -> impl Future<Output = Result<SendPermit<'_, T>, Closed>> + Unpin {
        Queue::wait_for_places(&*self.0, 1).then(|queue, outcome| match outcome {
            Ok(_) => Ok(SendPermit { queue }),
            Err(_) => Err(Closed),
        })
    }

    /// Waits for `count` places at once, and keeps them. Who is first in line keeps what comes free, so that a large request is not starved by
    /// small ones. Zero places are had without waiting.
    ///
    /// Cancel-safe as [`reserve`](Self::reserve).
    ///
    /// # Errors
    ///
    /// [`Refused::Closed`] when all receivers are gone or the channel was closed, [`Refused::TooMany`] if the channel has not so much room at
    /// all; a channel without room lends one place at a time, and one without a bound gives at most `usize::MAX / 2` to those who want
    /// more than one.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let (sender, receiver) = evenkeel::sync::channel(3);
    /// let permits = sender.reserve_many(2).await.unwrap();
    /// assert_eq!((permits.len(), sender.free_capacity()), (2, Some(1)));
    /// for (permit, item) in permits.zip(["a", "b"]) {
    ///     permit.send(item).unwrap();
    /// }
    /// assert_eq!(receiver.recv_many(3).await.unwrap(), ["a", "b"]);
    /// # });
    /// ```
    pub fn reserve_many(&self, count: usize) -> impl Future<Output = Result<SendPermits<'_, T>, Refused>> + Unpin {
        Queue::wait_for_places(&*self.0, count).then(move |queue, outcome| match outcome {
            Ok(count) => Ok(SendPermits { queue, count }),
            Err(_) => Err(queue.why_no_places(count)),
        })
    }

    /// Waits for a place as [`reserve`](Self::reserve) does, for a permit that has the sender: it can move into `'static` tasks. To keep a
    /// sender, clone it before.
    ///
    /// Cancel-safe: dropped in line, this sender is dropped with it.
    ///
    /// # Errors
    ///
    /// [`Closed`] when all receivers are gone or the channel was closed.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let (sender, receiver) = evenkeel::sync::channel(1);
    /// let permit = sender.reserve_owned().await.unwrap();
    /// let sender = permit.send("a").unwrap();
    /// assert_eq!(receiver.recv().await, Some("a"));
    /// let permit = sender.reserve_owned().await.unwrap();
    /// let sender = permit.release();
    /// assert!(!sender.is_full());
    /// # });
    /// ```
    pub async fn reserve_owned(self) -> Result<OwnedSendPermit<T>, Closed> {
        match Queue::wait_for_places(&*self.0, 1).await {
            Ok(_) => Ok(OwnedSendPermit { sender: Some(self) }),
            Err(_) => Err(Closed),
        }
    }

    /// Keeps a place if there is one and nobody waits for room.
    ///
    /// # Errors
    ///
    /// [`Refused::Full`] or [`Refused::Closed`].
    pub fn try_reserve(&self) -> Result<SendPermit<'_, T>, Refused> {
        self.0.try_reserve(1).map(|_| SendPermit { queue: &self.0 })
    }

    /// Keeps `count` places if there are so many and nobody waits for room.
    ///
    /// # Errors
    ///
    /// [`Refused::Full`] if they are not there now, otherwise those of [`reserve_many`](Self::reserve_many).
    pub fn try_reserve_many(&self, count: usize) -> Result<SendPermits<'_, T>, Refused> {
        self.0.try_reserve(count).map(|count| SendPermits { queue: &self.0, count })
    }

    /// Keeps a place as [`try_reserve`](Self::try_reserve) does, for a permit that has the sender.
    ///
    /// # Errors
    ///
    /// [`PutError`] with the sender, when the channel is full or closed.
    pub fn try_reserve_owned(self) -> Result<OwnedSendPermit<T>, PutError<Sender<T>>> {
        match self.0.try_reserve(1) {
            Ok(_) => Ok(OwnedSendPermit { sender: Some(self) }),
            Err(refused) => Err(PutError(self, refused)),
        }
    }
}

/// A place for an item in a channel: tokio's `mpsc::Permit`. Made by [`Sender::reserve`]. Dropped, the place is the next one's who waits for room.
#[must_use = "a place that is dropped at once is free at once, and `let _ = …` drops it: bind it to a name, as in `let permit = …`"]
pub struct SendPermit<'a, T> {
    queue: &'a Queue<T>,
}

/// Places for items in a channel, and an iterator of a [`SendPermit`] for each: tokio's `PermitIterator`. Made by [`Sender::reserve_many`].
/// Dropped, the places that are left are theirs who wait for room.
#[must_use = "places that are dropped at once are free at once, and `let _ = …` drops them: bind them to a name, as in `let permits = …`"]
pub struct SendPermits<'a, T> {
    queue: &'a Queue<T>,
    count: usize,
}

/// A place for an item in a channel, with the sender that it was made of: tokio's `OwnedPermit`. Made by [`Sender::reserve_owned`].
#[must_use = "a place that is dropped at once is free at once, and `let _ = …` drops it: bind it to a name, as in `let permit = …`"]
pub struct OwnedSendPermit<T> {
    /// `None` once the place was used.
    sender: Option<Sender<T>>,
}

impl<T> SendPermit<'_, T> {
    /// Sends an item, without waiting. A channel that was closed meanwhile takes it all the same, and its receivers get it: who closed it
    /// waits for places that are kept.
    ///
    /// # Errors
    ///
    /// [`PutError`] with the item, when all receivers are gone. (tokio drops the item then.)
    ///
    /// ```
    /// let (sender, receiver) = evenkeel::sync::channel(2);
    /// let (one, two) = (sender.try_reserve().unwrap(), sender.try_reserve().unwrap());
    /// receiver.close();
    /// one.send("a").unwrap();
    /// assert_eq!(receiver.try_recv(), Ok("a"));
    /// drop(receiver);
    /// assert_eq!(two.send("b").unwrap_err().into_inner(), "b");
    /// ```
    pub fn send(self, item: T) -> Result<(), PutError<T>> {
        let queue = self.queue;
        std::mem::forget(self);
        queue.put_in_place(item)
    }
}

impl<T> SendPermits<'_, T> {
    /// How many places are left.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Is no place left?
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl<'a, T> Iterator for SendPermits<'a, T> {
    type Item = SendPermit<'a, T>;

    fn next(&mut self) -> Option<SendPermit<'a, T>> {
        self.count = self.count.checked_sub(1)?;
        Some(SendPermit { queue: self.queue })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl<T> ExactSizeIterator for SendPermits<'_, T> {}

impl<T> FusedIterator for SendPermits<'_, T> {}

impl<T> OwnedSendPermit<T> {
    /// Sends an item as [`SendPermit::send`] does. The sender comes back.
    ///
    /// # Errors
    ///
    /// [`PutError`] with the item, when all receivers are gone; the sender is of no use then, and dropped.
    pub fn send(mut self, item: T) -> Result<Sender<T>, PutError<T>> {
        let sender = self.take();
        sender.0.put_in_place(item)?;
        Ok(sender)
    }

    /// Gives the place to the next one who waits for room. The sender comes back.
    pub fn release(mut self) -> Sender<T> {
        let sender = self.take();
        sender.0.release_places(1);
        sender
    }

    /// The sender whose place it is.
    pub fn sender(&self) -> &Sender<T> {
        self.sender.as_ref().expect("it goes with the permit")
    }

    fn take(&mut self) -> Sender<T> {
        self.sender.take().expect("it goes with the permit")
    }
}

impl<T> Drop for SendPermit<'_, T> {
    fn drop(&mut self) {
        self.queue.release_places(1);
    }
}

impl<T> Drop for SendPermits<'_, T> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.queue.release_places(self.count);
        }
    }
}

impl<T> Drop for OwnedSendPermit<T> {
    fn drop(&mut self) {
        // The sender is dropped after this, also if a waker panics.
        if let Some(sender) = &self.sender {
            sender.0.release_places(1);
        }
    }
}

impl<T> fmt::Debug for SendPermit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendPermit").field("queue", self.queue).finish()
    }
}

impl<T> fmt::Debug for SendPermits<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendPermits").field("queue", self.queue).field("count", &self.count).finish()
    }
}

impl<T> fmt::Debug for OwnedSendPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedSendPermit").field("sender", &self.sender).finish()
    }
}
