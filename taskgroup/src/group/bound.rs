//! The bound on a group's fan-out.

use crate::caught::call;
use evenkeel_sync::WaitQueue;
use std::{
    cell::{Cell, OnceCell},
    rc::Rc,
};

/// How many slots a group has, and who waits for one. Slots are handed to those who wait in the order in which they came; nobody
/// overtakes.
pub(super) struct Bound {
    limit: Option<usize>,
    used: Cell<usize>,
    /// The group has ended, or is cancelled: everybody gets one, whose child is cancelled from birth.
    open: Cell<bool>,
    line: WaitQueue<Option<HolderMark>, ()>,
    /// How many of those who wait are known to hold a slot themselves. `None` as long as none did.
    holders: OnceCell<Rc<Cell<usize>>>,
}

/// Counts one who waits for a slot and holds one, for as long as it waits.
pub(super) struct HolderMark(Rc<Cell<usize>>);

impl Drop for HolderMark {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Bound {
    pub(super) fn new(limit: Option<usize>) -> Bound {
        Bound {
            limit,
            used: Cell::new(0),
            open: Cell::new(false),
            line: WaitQueue::new("TaskGroup::slot"),
            holders: OnceCell::new(),
        }
    }

    /// Will there never be a slot?
    pub(super) fn has_no_slots(&self) -> bool {
        self.limit == Some(0) && !self.open.get()
    }

    pub(super) fn used(&self) -> usize {
        self.used.get()
    }

    pub(super) fn waiting(&self) -> usize {
        self.line.len()
    }

    /// The line of those who wait for a slot.
    pub(super) fn line(&self) -> &WaitQueue<Option<HolderMark>, ()> {
        &self.line
    }

    /// Marks a request as that of a child which holds a slot.
    pub(super) fn mark_holder(&self) -> HolderMark {
        let holders = self.holders.get_or_init(Rc::default);
        holders.set(holders.get() + 1);
        HolderMark(holders.clone())
    }

    /// Is every slot held by a child that waits for another?
    pub(super) fn is_held_by_waiters(&self) -> bool {
        let holders = self.holders.get().map_or(0, |holders| holders.get());
        self.limit.is_some_and(|limit| holders >= limit)
    }

    /// Takes a slot if one is free and nobody waits.
    pub(super) fn try_take(&self) -> bool {
        let is_free = self.limit.is_none_or(|limit| self.used.get() < limit && self.line.is_empty());
        if is_free || self.open.get() {
            self.used.set(self.used.get() + 1);
            return true;
        }
        false
    }

    /// A slot is free again: the first who waits gets it.
    pub(super) fn give_back(&self) {
        self.used.set(self.used.get() - 1);
        if self.limit.is_some_and(|limit| self.used.get() < limit) {
            self.grant();
        }
    }

    /// Grants a slot to the first who waits. `false` if nobody does.
    fn grant(&self) -> bool {
        if self.line.grant(()).is_err() {
            return false;
        }
        self.used.set(self.used.get() + 1);
        // One at a time, so that each waker's panic is reported.
        call(|| self.line.wake());
        true
    }

    /// Lets everybody have a slot, from now on.
    pub(super) fn open(&self) {
        self.open.set(true);
        while self.grant() {}
    }
}
