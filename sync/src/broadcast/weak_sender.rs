//! A sender that does not keep the channel open.

use super::{feed::Feed, sender::Sender};
use std::{
    fmt,
    rc::{Rc, Weak},
};

/// A sender that does not keep the channel open; made by [`Sender::downgrade`].
///
/// ```
/// use evenkeel::sync::broadcast;
///
/// let (sender, mut receiver) = broadcast::channel(1);
/// let weak = sender.downgrade();
/// weak.upgrade().unwrap().send(1).unwrap();
/// drop(sender);
/// assert!(weak.upgrade().is_none());
/// assert_eq!(receiver.try_recv(), Ok(1));
/// assert!(receiver.is_closed());
/// ```
#[must_use = "a weak sender does nothing but be there for an upgrade"]
pub struct WeakSender<T>(Weak<Feed<T>>);

impl<T> Sender<T> {
    /// A sender that does not keep the channel open.
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender(Rc::downgrade(self.shared()))
    }
}

impl<T> WeakSender<T> {
    /// A sender, or none if the last one is gone: that end is final.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.0.upgrade().filter(|shared| shared.senders.get() > 0).map(Sender::of)
    }

    /// Are this weak sender and `other` of one channel?
    pub fn same_channel(&self, other: &WeakSender<T>) -> bool {
        self.0.ptr_eq(&other.0)
    }

    /// How many senders there are: tokio's `strong_count`.
    pub fn sender_count(&self) -> usize {
        self.0.upgrade().map_or(0, |shared| shared.senders.get())
    }

    /// How many weak senders there are, this one included. None are counted when all other ends are gone.
    pub fn weak_sender_count(&self) -> usize {
        self.0.weak_count()
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        WeakSender(self.0.clone())
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("broadcast::WeakSender").field("senders", &self.sender_count()).finish()
    }
}
