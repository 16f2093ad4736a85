//! A way to a sender, while there is one.

use super::{
    channel::{Channel, lock},
    sender::Sender,
};
use crate::threads::latch::Latch;
use std::{
    fmt,
    sync::{Arc, Weak},
};

/// A way to a [`Sender`], while there is one: it does not keep the channel open. Made by [`Sender::downgrade`].
///
/// ```
/// use evenkeel::threads::remote;
///
/// let (sender, mut receiver) = remote::channel(1);
/// let weak = sender.downgrade();
/// std::thread::spawn(move || weak.upgrade().unwrap().send_blocking(1).unwrap()).join().unwrap();
/// let weak = sender.downgrade();
/// drop(sender);
/// assert!(weak.upgrade().is_none());
/// assert_eq!((receiver.recv_blocking(), receiver.recv_blocking()), (Some(1), None));
/// ```
#[must_use = "a weak sender does nothing but be there for an upgrade"]
pub struct WeakSender<T>(Weak<Latch<Channel<T>>>);

impl<T> Sender<T> {
    /// A [`WeakSender`] of the same channel.
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender(Arc::downgrade(&self.0))
    }
}

impl<T> WeakSender<T> {
    /// A sender, if there is one left. There is none from the moment on at which the last one is dropped.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let shared = self.0.upgrade()?;
        {
            let mut state = lock(&shared);
            if state.senders == 0 {
                return None;
            }
            state.senders += 1;
        }
        Some(Sender(shared))
    }

    /// How many senders there are: tokio's `strong_count`.
    pub fn sender_count(&self) -> usize {
        self.0.upgrade().map_or(0, |shared| lock(&shared).senders)
    }

    /// How many weak senders there are: tokio's `weak_count`; 0 when the channel is gone.
    pub fn weak_sender_count(&self) -> usize {
        self.0.weak_count()
    }

    /// Is that a weak sender of the same channel?
    pub fn same_channel(&self, other: &WeakSender<T>) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        WeakSender(self.0.clone())
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").field("senders", &self.sender_count()).finish()
    }
}
