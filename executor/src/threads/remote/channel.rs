//! What the two ends of a channel share.

use super::home::Home;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

/// Room for so many items stays with a channel that is empty.
const KEPT: usize = 1024;

pub(super) struct Channel<T> {
    pub(super) items: VecDeque<T>,
    pub(super) capacity: usize,
    /// Senders that wait for room, by ticket.
    pub(super) line: BTreeMap<u64, Unsent<T>>,
    pub(super) next_ticket: u64,
    pub(super) senders: usize,
    /// Wakes the receiver, which waits.
    pub(super) receiver: Option<Waker>,
    /// Where the receiver is at home, as far as that is known.
    pub(super) home: Home,
    /// Nothing is taken any more.
    pub(super) closed: bool,
}

pub(super) struct Unsent<T> {
    pub(super) item: T,
    /// `None` once it was called.
    pub(super) waker: Option<Waker>,
}

impl<T> Channel<T> {
    pub(super) fn has_room(&self) -> bool {
        self.items.len() < self.capacity && self.line.is_empty()
    }

    /// Will nothing come any more?
    pub(super) fn is_over(&self) -> bool {
        self.senders == 0 || self.closed
    }

    /// Is there anything for the receiver to see, an item or the end?
    pub(super) fn is_there(&self) -> bool {
        !self.items.is_empty() || self.is_over()
    }

    /// There is no item. The room that a burst took goes back; it comes again by doubling, so that this adds little to each of so many items.
    #[cold]
    pub(super) fn give_back(items: &mut VecDeque<T>) {
        if items.capacity() > KEPT {
            *items = VecDeque::new();
        }
    }

    /// The oldest item, and the waker of the sender who gets its room.
    #[inline]
    pub(super) fn pop(&mut self, batch: &mut VecDeque<T>) -> Option<(T, Option<Waker>)> {
        if self.capacity == usize::MAX {
            std::mem::swap(&mut self.items, batch);
            return batch.pop_front().map(|item| (item, None));
        }
        let item = self.items.pop_front()?;
        if self.closed {
            return Some((item, None));
        }
        let next = self.line.pop_first().and_then(|(_, unsent)| {
            self.items.push_back(unsent.item);
            unsent.waker
        });
        Some((item, next))
    }
}

pub(super) type Shared<T> = Arc<Mutex<Channel<T>>>;

pub(super) fn lock<T>(shared: &Shared<T>) -> MutexGuard<'_, Channel<T>> {
    // Nothing foreign runs in a critical section.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
