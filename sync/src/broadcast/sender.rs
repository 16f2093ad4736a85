//! The end that sends.

use super::{
    feed::{Ending, Feed},
    receiver::Receiver,
};
use crate::wait::Wait;
use std::{fmt, rc::Rc};

/// The end that sends. Clones are equals; when the last is gone, receivers take what is left and are told.
pub struct Sender<T>(Rc<Feed<T>>);

impl<T: Clone> Sender<T> {
    /// A channel without a receiver; [`subscribe`](Self::subscribe) makes some. It keeps exactly the last `capacity` values.
    ///
    /// # Panics
    ///
    /// If `capacity` is zero.
    #[track_caller]
    pub fn new(capacity: usize) -> Sender<T> {
        assert!(capacity > 0, "a broadcast channel keeps at least one value");
        Sender(Rc::new(Feed::new(capacity)))
    }

    /// Sends a value to all receivers, and returns how many these are. It never waits: the oldest value goes if there are
    /// too many.
    ///
    /// # Errors
    ///
    /// The value, if there is no receiver.
    pub fn send(&self, value: T) -> Result<usize, T> {
        let receivers = self.receiver_count();
        if receivers == 0 {
            return Err(value);
        }
        self.0.put(value, receivers);
        Ok(receivers)
    }
}

impl<T> Sender<T> {
    /// One more receiver, of all that is sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(self.0.clone())
    }

    /// How many values some receiver has not seen and can still see: at most [`capacity`](Self::capacity).
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Have all receivers seen all values?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values the channel keeps at most.
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.0.receivers.get()
    }

    /// How many senders there are, this one included: tokio's `strong_count`.
    pub fn sender_count(&self) -> usize {
        self.0.senders.get()
    }

    /// How many weak senders there are.
    pub fn weak_sender_count(&self) -> usize {
        Rc::weak_count(&self.0)
    }

    /// Are this sender and `other` of one channel?
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn shared(&self) -> &Rc<Feed<T>> {
        &self.0
    }

    /// A sender of a channel that is still open.
    pub(super) fn of(shared: Rc<Feed<T>>) -> Sender<T> {
        shared.senders.set(shared.senders.get() + 1);
        Sender(shared)
    }

    /// Is there no receiver?
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Waits until there is no receiver. Who waits goes on also if somebody subscribes right afterwards.
    ///
    /// Cancel-safe.
    ///
    /// ```
    /// use evenkeel::sync::broadcast;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, receiver) = broadcast::channel::<u8>(1);
    /// futures::join!(sender.closed(), async { drop(receiver) });
    /// assert_eq!(sender.send(1), Err(1));
    /// # });
    /// ```
    pub async fn closed(&self) {
        // It is never refused.
        let _ = Wait::<_, Ending<T>>::new(self.0.clone(), ()).await;
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender::of(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let left = self.0.senders.get() - 1;
        self.0.senders.set(left);
        if left == 0 {
            self.0.queue.refuse_all();
            self.0.queue.wake();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("broadcast::Sender").field("receivers", &self.receiver_count()).finish()
    }
}
