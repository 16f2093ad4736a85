//! The task table: one slot per task, and the tag that tells in one compare whether a waker's number is up to date and
//! its task is waiting.

use super::number::{Number, SLOT_MASK};
use alloc::vec::Vec;
use core::{
    cell::{Cell, UnsafeCell},
    fmt,
    ptr::{self, NonNull},
};

/// Flags of a slot. They lie in its tag where a number has the slot index. A task that waits has none of them, so its tag
/// equals the tag of its number.
pub(crate) mod flag {
    /// In the ready queue, exactly once.
    pub(crate) const QUEUED: usize = 1 << 0;
    /// A waker was called since the last poll began (or the task is new). With `CANCEL` and no `CLEANING` it says whether that was so when
    /// the cancellation was asked for: what comes later does not count.
    pub(crate) const WOKEN: usize = 1 << 1;
    /// Never polled.
    pub(crate) const FRESH: usize = 1 << 2;
    /// Its root scope is cancelled; the loop delivers it. With `QUEUED`, or while the task is polled, or with `CLEANING`.
    pub(crate) const CANCEL: usize = 1 << 3;
    /// To be dropped without another poll. Always with `QUEUED`, or while the task is polled.
    pub(crate) const ABORT: usize = 1 << 4;
    /// Ended: there is an outcome and no future.
    pub(crate) const DONE: usize = 1 << 5;
    /// No task is in the slot.
    pub(in crate::raw) const VACANT: usize = 1 << 6;
    /// Clean-up is at work in the task. Always with `CANCEL`; such a task may wait, without `QUEUED`.
    pub(crate) const CLEANING: usize = 1 << 7;
    /// The slot has no block either. Always with `VACANT`.
    pub(in crate::raw) const LONE: usize = 1 << 8;
    /// What makes the loop leave the straight path.
    pub(crate) const UNUSUAL: usize = CANCEL | ABORT | DONE;
}
use flag::*;

/// The table is full, or as full as its builder allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Full {
    limit: usize,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit;
        write!(
            f,
            "this executor has {limit} tasks, which is all that it may have: bound the fan-out, or raise ExecutorBuilder::max_tasks"
        )
    }
}

struct Slot {
    tag: usize,
    /// The task's block. A vacant slot may have one too, which lies in the pool; if not, it is on the list of lone slots,
    /// and this is an address that is none: the next lone slot's index.
    block: *mut u8,
}

/// What is in a slot: a block, and the number of its task.
pub(super) type Found = (NonNull<u8>, Number);

const NO_SLOT: usize = usize::MAX;

pub(crate) struct Table {
    slots: UnsafeCell<Vec<Slot>>,
    /// The first vacant slot that has no block.
    lone: Cell<usize>,
    /// The number of the first task in slot 0, if that were made now: every new slot begins with its generation, which no slot had that was
    /// taken away.
    first: Cell<Number>,
    limit: usize,
}

impl Table {
    pub(super) fn new(first: Number, limit: usize) -> Table {
        Table { slots: UnsafeCell::new(Vec::new()), lone: Cell::new(NO_SLOT), first: Cell::new(first), limit }
    }

    /// The slots, for one short look.
    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "the one place that argues the exclusive access")]
    fn slots(&self) -> &mut Vec<Slot> {
        // SAFETY: this is private to the table, whose methods use the result for a few loads and stores, let no
        // reference out, call no foreign code, and are done with one before they take another. The type is not `Sync`. So it is exclusive.
        unsafe { &mut *self.slots.get() }
    }

    pub(super) fn len(&self) -> usize {
        self.slots().len()
    }

    pub(super) fn executor(&self) -> usize {
        self.first.get().executor()
    }

    /// A slot that exists.
    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "as for `slots`")]
    fn slot(&self, index: usize) -> &mut Slot {
        debug_assert!(index < self.len());
        // SAFETY: an index comes from this table (through the ready queue, a block's header, the pool or the list of lone slots), and a slot
        // is taken away only if it is in none of these: `trim` takes vacant ones without a block, and makes the list anew. The access is
        // exclusive as in `slots`.
        unsafe { self.slots().get_unchecked_mut(index) }
    }

    /// Makes a block, and gives it a vacant slot that has none.
    /// There may be `most` slots, whatever the table's own limit.
    pub(super) fn attach(&self, most: usize, make: impl FnOnce() -> NonNull<u8>) -> Result<(NonNull<u8>, u32), Full> {
        let index = match self.lone.get() {
            NO_SLOT => self.grow(self.limit.min(most))?,
            index => {
                self.lone.set(self.slot(index).block.addr());
                index
            }
        };
        let block = make();
        let slot = self.slot(index);
        slot.block = block.as_ptr();
        slot.tag &= !LONE;
        Ok((block, index as u32))
    }

    fn grow(&self, limit: usize) -> Result<usize, Full> {
        let slots = self.slots();
        let index = slots.len();
        if index >= limit {
            return Err(Full { limit });
        }
        slots.push(Slot { tag: self.first.get().tag() | VACANT, block: ptr::without_provenance_mut(NO_SLOT) });
        Ok(index)
    }

    /// The vacant slot's block is gone.
    pub(super) fn detach(&self, index: u32) {
        let next = self.lone.replace(index as usize);
        let slot = self.slot(index as usize);
        slot.block = ptr::without_provenance_mut(next);
        slot.tag |= LONE;
    }

    /// Takes the last slots away that are lone, beyond so many, and gives their memory back. `true` if there were any. Of the others, those in
    /// front are used first from now on.
    pub(super) fn trim(&self, kept: usize) -> bool {
        let slots = self.slots();
        let before = slots.len();
        let mut first = self.first.get();
        while slots.len() > kept && slots.last().is_some_and(|slot| slot.tag & LONE != 0) {
            let Some(slot) = slots.pop() else { break };
            let now = Number(slot.tag & !SLOT_MASK);
            if now.is_later_than(first) {
                first = now;
            }
        }
        if slots.len() == before {
            return false;
        }
        slots.shrink_to_fit();
        self.first.set(first);
        self.lone.set(NO_SLOT);
        for (index, slot) in slots.iter_mut().enumerate().rev().filter(|(_, slot)| slot.tag & LONE != 0) {
            slot.block = ptr::without_provenance_mut(self.lone.replace(index));
        }
        true
    }

    /// The number of the task that moves into that vacant slot next.
    #[inline(always)]
    pub(super) fn number_of_next(&self, index: u32) -> Number {
        Number((self.slot(index as usize).tag & !SLOT_MASK) | index as usize)
    }

    /// A task moves into a vacant slot's block.
    #[inline(always)]
    pub(super) fn occupy(&self, index: u32, flags: usize) {
        let slot = self.slot(index as usize);
        debug_assert_eq!(slot.tag & SLOT_MASK, VACANT);
        slot.tag ^= VACANT ^ flags;
    }

    /// Makes the slot vacant if its task has ended and it is not queued. Numbers of the task are out of date then.
    #[inline(always)]
    pub(super) fn vacate_if_done(&self, index: u32) -> bool {
        let slot = self.slot(index as usize);
        if slot.tag & (DONE | QUEUED) != DONE {
            return false;
        }
        slot.tag = Number(slot.tag & !SLOT_MASK).next_generation().0 | VACANT;
        true
    }

    /// Makes the slot vacant, whatever its task is about. The caller takes it out of the ready queue.
    pub(super) fn vacate(&self, index: u32) {
        let slot = self.slot(index as usize);
        slot.tag = Number(slot.tag & !SLOT_MASK).next_generation().0 | VACANT;
    }

    /// If the number is up to date and its task waits: marks it as woken and queued. The caller queues it.
    #[inline(always)]
    pub(super) fn wake_waiting(&self, number: Number) -> bool {
        match self.slots().get_mut(number.slot()) {
            Some(slot) if slot.tag == number.tag() => {
                slot.tag |= QUEUED | WOKEN;
                true
            }
            _ => false,
        }
    }

    /// If the number is up to date, for tasks that [`Table::wake_waiting`] does not find: notes that one which is queued
    /// was woken, unless it is to be stopped, and marks one that waits for its clean-up as queued. `true`: the caller queues it.
    pub(super) fn wake_unusual(&self, number: Number) -> bool {
        match self.slots().get_mut(number.slot()) {
            Some(slot) if slot.tag & (!SLOT_MASK | QUEUED) == number.tag() | QUEUED => {
                if slot.tag & (CANCEL | CLEANING) != CANCEL {
                    slot.tag |= WOKEN;
                }
                false
            }
            Some(slot) if slot.tag == number.tag() | CANCEL | CLEANING => {
                slot.tag |= QUEUED | WOKEN;
                true
            }
            _ => false,
        }
    }

    /// Has the task of that number any of these flags?
    pub(super) fn is_flagged(&self, number: Number, flags: usize) -> bool {
        let slots = self.slots();
        slots.get(number.slot()).is_some_and(|slot| slot.tag & flags != 0 && slot.tag & !SLOT_MASK == number.tag())
    }

    /// Is the number up to date, of a task that is not cancelled, and was no waker of it called since its latest poll began?
    pub(super) fn is_still(&self, number: Number) -> bool {
        let slots = self.slots();
        slots.get(number.slot()).is_some_and(|slot| slot.tag & (!SLOT_MASK | WOKEN | CANCEL) == number.tag())
    }

    /// The block and number in a slot that came out of the ready queue. An error has its flags, as there is more to it.
    #[inline(always)]
    pub(super) fn dequeue(&self, index: usize) -> Result<Found, (Found, usize)> {
        let slot = self.slot(index);
        let tag = slot.tag;
        // SAFETY: a queued slot is not vacant, so it points at a block.
        let block = unsafe { NonNull::new_unchecked(slot.block) };
        slot.tag = tag & !SLOT_MASK;
        let number = Number(slot.tag | index);
        if tag & UNUSUAL == 0 {
            Ok((block, number))
        } else {
            // `CANCEL` and `ABORT` stay: a handle's second request finds that it is not the first.
            slot.tag |= tag & (UNUSUAL | CLEANING);
            Err(((block, number), tag & SLOT_MASK))
        }
    }

    pub(super) fn flags(&self, index: u32) -> usize {
        self.slot(index as usize).tag & SLOT_MASK
    }

    /// Sets flags, and returns those that were there before.
    #[inline(always)]
    pub(super) fn set_flags(&self, index: u32, flags: usize) -> usize {
        let slot = self.slot(index as usize);
        let before = slot.tag & SLOT_MASK;
        slot.tag |= flags;
        before
    }

    /// The number and block of the task in that slot.
    #[inline]
    pub(super) fn occupant(&self, index: usize) -> Option<(Number, NonNull<u8>)> {
        let slot = self.slots().get(index)?;
        if slot.tag & VACANT != 0 {
            return None;
        }
        Some((Number((slot.tag & !SLOT_MASK) | index), NonNull::new(slot.block)?))
    }

    /// The block of the task with that very number.
    pub(super) fn find(&self, number: Number) -> Option<NonNull<u8>> {
        self.occupant(number.slot()).filter(|(now, _)| *now == number).map(|(_, block)| block)
    }

    /// A number of this executor whose generation none of its tasks had, nor any child whose highest is given.
    pub(super) fn beyond(&self, children: usize) -> Number {
        let generations = self.slots().iter().map(|slot| Number(slot.tag).generation());
        let first = self.first.get().generation().max(children);
        Number::first(self.executor(), generations.fold(first, usize::max)).next_generation()
    }
}
