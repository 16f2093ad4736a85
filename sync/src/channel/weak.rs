//! Ends of a channel that do not keep it open.

use super::{
    ends::{Shared, count_in, count_out},
    receiver::Receiver,
    sender::Sender,
};
use std::fmt;

/// A way to a [`Sender`], while there is one: it does not keep the channel open. Made by [`Sender::downgrade`].
///
/// ```
/// # futures::executor::block_on(async {
/// let (sender, receiver) = evenkeel::sync::channel(1);
/// let weak = sender.downgrade();
/// weak.upgrade().unwrap().try_send(1).unwrap();
/// drop(sender);
/// assert!(weak.upgrade().is_none());
/// assert_eq!((receiver.recv().await, receiver.recv().await), (Some(1), None));
/// # });
/// ```
#[must_use = "a weak sender does nothing but be there for an upgrade"]
pub struct WeakSender<T>(Shared<T>);

/// A way to a [`Receiver`], while there is one: it does not keep senders sending. Made by [`Receiver::downgrade`].
///
/// ```
/// let (sender, receiver) = evenkeel::sync::channel(1);
/// let weak = receiver.downgrade();
/// sender.try_send("a").unwrap();
/// assert_eq!(weak.upgrade().unwrap().try_recv(), Ok("a"));
/// drop(receiver);
/// assert!(weak.upgrade().is_none() && sender.is_closed());
/// ```
#[must_use = "a weak receiver does nothing but be there for an upgrade"]
pub struct WeakReceiver<T>(Shared<T>);

impl<T> Sender<T> {
    /// A [`WeakSender`] of the same channel.
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender::new(self.0.clone())
    }
}

impl<T> Receiver<T> {
    /// A [`WeakReceiver`] of the same channel.
    pub fn downgrade(&self) -> WeakReceiver<T> {
        WeakReceiver::new(self.shared().clone())
    }
}

impl<T> WeakSender<T> {
    fn new(shared: Shared<T>) -> Self {
        count_in(&shared.ends().weak_senders);
        WeakSender(shared)
    }

    /// A sender, if there is one left. There is none from the moment on at which the last one is dropped.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let senders = &self.0.ends().senders;
        (senders.get() > 0).then(|| {
            count_in(senders);
            Sender(self.0.clone())
        })
    }

    /// How many senders there are: tokio's `strong_count`.
    pub fn sender_count(&self) -> usize {
        self.0.ends().senders.get()
    }

    /// How many weak senders there are: tokio's `weak_count`.
    pub fn weak_sender_count(&self) -> usize {
        self.0.ends().weak_senders.get()
    }

    /// Is that a weak sender of the same channel?
    pub fn same_channel(&self, other: &WeakSender<T>) -> bool {
        self.0.same(&other.0)
    }
}

impl<T> WeakReceiver<T> {
    fn new(shared: Shared<T>) -> Self {
        count_in(&shared.ends().weak_receivers);
        WeakReceiver(shared)
    }

    /// A receiver, if there is one left. There is none from the moment on at which the last one is dropped.
    pub fn upgrade(&self) -> Option<Receiver<T>> {
        let receivers = &self.0.ends().receivers;
        (receivers.get() > 0).then(|| {
            count_in(receivers);
            Receiver::new(self.0.clone())
        })
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.0.ends().receivers.get()
    }

    /// How many weak receivers there are.
    pub fn weak_receiver_count(&self) -> usize {
        self.0.ends().weak_receivers.get()
    }

    /// Is that a weak receiver of the same channel?
    pub fn same_channel(&self, other: &WeakReceiver<T>) -> bool {
        self.0.same(&other.0)
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        WeakSender::new(self.0.clone())
    }
}

impl<T> Clone for WeakReceiver<T> {
    fn clone(&self) -> Self {
        WeakReceiver::new(self.0.clone())
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        count_out(&self.0.ends().weak_senders);
    }
}

impl<T> Drop for WeakReceiver<T> {
    fn drop(&mut self) {
        count_out(&self.0.ends().weak_receivers);
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").field("senders", &self.sender_count()).finish()
    }
}

impl<T> fmt::Debug for WeakReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakReceiver").field("receivers", &self.receiver_count()).finish()
    }
}
