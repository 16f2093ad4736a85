//! The slots of one executor and the order in which those are due that were woken: the part of the tasks that waking needs.

use super::{
    number::Number,
    ready::Ready,
    table::Table,
    tag::flag::{CANCEL, WOKEN},
};

/// What an executor's tasks are known by, and which of them are ready.
pub(crate) struct Slots {
    pub(super) table: Table,
    pub(crate) ready: Ready,
}

impl Slots {
    pub(super) fn new(first: Number, limit: usize) -> Slots {
        Slots { table: Table::new(first, limit), ready: Ready::new() }
    }

    /// The id of the executor.
    pub(crate) fn executor(&self) -> usize {
        self.table.executor()
    }

    /// How many slots there are.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Queues the task of that number if it is one of these, and waits.
    #[inline(always)]
    pub(crate) fn wake_waiting(&self, number: Number) -> bool {
        let waiting = self.table.wake_waiting(number);
        if waiting {
            self.ready.push(number.slot() as u32);
        }
        waiting
    }

    /// Wakes the task of that number if it is one of these, where [`Slots::wake_waiting`] does not find it: tasks that are queued
    /// already, or wait for their clean-up.
    pub(crate) fn wake_unusual(&self, number: Number) {
        if self.table.wake_unusual(number) {
            self.ready.push(number.slot() as u32);
        }
    }

    /// The number of the task in that slot.
    #[inline]
    pub(crate) fn number_in(&self, slot: usize) -> Option<Number> {
        self.table.occupant(slot).map(|(number, _)| number)
    }

    /// The flags of the task in that slot, if it has a block.
    pub(crate) fn flags_in(&self, slot: usize) -> Option<u8> {
        self.table.flags(slot)
    }

    /// Has the task of that number any of these flags?
    #[inline]
    pub(crate) fn is_flagged(&self, number: Number, flags: u8) -> bool {
        self.table.is_flagged(number, flags)
    }

    /// Is the number one of these, of a task that is not cancelled, and was no waker of it called since its latest poll began?
    pub(crate) fn is_still(&self, number: Number) -> bool {
        self.table.is_unflagged(number, WOKEN | CANCEL)
    }
}
