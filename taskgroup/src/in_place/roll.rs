//! The roll: who is in a family.

use evenkeel_executor::combinator::WakeSet;
use std::cell::Cell;

/// Who is in a family: which children were woken, and how many there are.
pub(crate) struct Roll {
    set: WakeSet,
    /// How many have not ended.
    running: Cell<usize>,
    /// Every key there ever was is lower than this.
    end: Cell<usize>,
}

impl Roll {
    /// A roll of so many children, with the keys from 0.
    #[inline]
    pub(crate) fn of(count: usize) -> Roll {
        let set = WakeSet::new();
        set.insert_all(count);
        Roll { set, running: Cell::new(count), end: Cell::new(count) }
    }

    /// A new child. Returns its key.
    pub(crate) fn add(&self) -> usize {
        let key = self.set.insert();
        self.end.set(self.end.get().max(key + 1));
        self.running.set(self.running.get() + 1);
        key
    }

    /// The child has ended, or is dropped.
    #[inline]
    pub(crate) fn remove(&self, key: usize) {
        self.set.remove(key);
        self.running.set(self.running.get() - 1);
    }

    /// Which children were woken.
    #[inline]
    pub(crate) fn set(&self) -> &WakeSet {
        &self.set
    }

    /// How many have not ended.
    #[inline]
    pub(crate) fn running(&self) -> usize {
        self.running.get()
    }

    /// Every key there ever was is lower than this.
    #[inline]
    pub(crate) fn end(&self) -> usize {
        self.end.get()
    }
}
