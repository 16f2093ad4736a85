//! The task table: where the block of each slot is. A block knows its number, so that a waker's number is up to date if the block in its slot
//! has that very number.

use super::{
    number::Number,
    tag::{Tagged, flag::VACANT},
};
use alloc::vec::Vec;
use core::{
    cell::{Cell, RefCell, UnsafeCell},
    cmp::Reverse,
    fmt,
};

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

pub(crate) struct Table {
    /// The block of each slot, which may be vacant, and lies in the pool then. `None`: the slot is lone, it has no block.
    blocks: UnsafeCell<Vec<Option<Tagged>>>,
    /// The numbers of the next tasks in lone slots. The last is used first.
    lone: RefCell<Vec<Number>>,
    /// The number of the first task in slot 0, if that were made now: every new slot begins with its generation, which no slot had that was
    /// taken away.
    first: Cell<Number>,
    limit: usize,
}

impl Table {
    pub(super) fn new(first: Number, limit: usize) -> Table {
        Table { blocks: UnsafeCell::new(Vec::new()), lone: RefCell::default(), first: Cell::new(first), limit }
    }

    /// The slots' blocks, for one short look.
    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "the one place that argues the exclusive access")]
    fn blocks(&self) -> &mut Vec<Option<Tagged>> {
        // SAFETY: this is private to the table, whose methods use the result for a few loads and stores, let no
        // reference out, call no foreign code, and are done with one before they take another. The type is not `Sync`. So it is exclusive.
        unsafe { &mut *self.blocks.get() }
    }

    pub(super) fn len(&self) -> usize {
        self.blocks().len()
    }

    pub(super) fn executor(&self) -> usize {
        self.first.get().executor()
    }

    /// The block in that slot, for one short look.
    #[inline(always)]
    fn tag(&self, slot: usize) -> Option<Tagged> {
        *self.blocks().get(slot)?
    }

    /// Makes a vacant block with a number, in a lone slot or a new one.
    /// There may be `most` slots, whatever the table's own limit.
    pub(super) fn attach(&self, most: usize, make: impl FnOnce(Number) -> Tagged) -> Result<Tagged, Full> {
        let lone = self.lone.borrow_mut().pop();
        let number = lone.map_or_else(|| self.grow(self.limit.min(most)), Ok)?;
        let block = make(number);
        self.blocks()[number.slot()] = Some(block);
        Ok(block)
    }

    /// The number of the first task in a new slot.
    fn grow(&self, limit: usize) -> Result<Number, Full> {
        let blocks = self.blocks();
        let slot = blocks.len();
        if slot >= limit {
            return Err(Full { limit });
        }
        blocks.push(None);
        Ok(Number(self.first.get().tag() | slot))
    }

    /// The block is not the slot's any more, which begins with that number if it gets another.
    pub(super) fn detach(&self, next: Number) {
        self.blocks()[next.slot()] = None;
        self.lone.borrow_mut().push(next);
    }

    /// Takes the last slots away that are lone, beyond so many, and gives their memory back. `true` if there were any. Of the others, those in
    /// front are used first from now on.
    pub(super) fn trim(&self, kept: usize) -> bool {
        let blocks = self.blocks();
        let used = blocks.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        let length = used.max(kept);
        if length >= blocks.len() {
            return false;
        }
        blocks.truncate(length);
        blocks.shrink_to_fit();
        let mut lone = self.lone.borrow_mut();
        lone.retain(|next| {
            let stays = next.slot() < length;
            if !stays && next.is_later_than(self.first.get()) {
                self.first.set(Number(next.tag()));
            }
            stays
        });
        lone.sort_unstable_by_key(|next| Reverse(next.slot()));
        lone.shrink_to_fit();
        true
    }

    /// If the number is up to date and its task waits: marks it as woken and queued. The caller queues it.
    #[inline(always)]
    pub(super) fn wake_waiting(&self, number: Number) -> bool {
        self.tag(number.slot()).is_some_and(|tag| tag.is(number) && tag.wake_waiting())
    }

    /// If the number is up to date, for tasks that [`Table::wake_waiting`] does not find: see [`Tag::wake_unusual`].
    pub(super) fn wake_unusual(&self, number: Number) -> bool {
        self.tag(number.slot()).is_some_and(|tag| tag.is(number) && tag.wake_unusual())
    }

    /// Has the task of that number any of these flags?
    pub(super) fn is_flagged(&self, number: Number, flags: u8) -> bool {
        self.tag(number.slot()).is_some_and(|tag| tag.has(flags) && tag.is(number))
    }

    /// Has the task of that number none of these flags?
    pub(super) fn is_unflagged(&self, number: Number, flags: u8) -> bool {
        self.tag(number.slot()).is_some_and(|tag| tag.is(number) && !tag.has(flags))
    }

    /// The flags of a slot, if it has a block.
    pub(super) fn flags(&self, slot: usize) -> Option<u8> {
        Some(self.tag(slot)?.flags.get())
    }

    /// The block of a slot that is queued.
    #[inline(always)]
    pub(super) fn queued(&self, slot: u32) -> Tagged {
        debug_assert!(self.blocks()[slot as usize].is_some());
        // SAFETY: a slot in the ready queue has a block, and a slot with a block is not taken away. The access is exclusive as in `blocks`.
        unsafe { self.blocks().get_unchecked(slot as usize).unwrap_unchecked() }
    }

    /// The number and block of the task in that slot.
    #[inline]
    pub(super) fn occupant(&self, slot: usize) -> Option<(Number, Tagged)> {
        let tag = self.tag(slot).filter(|tag| !tag.has(VACANT))?;
        Some((tag.number(), tag))
    }

    /// The block of the task with that very number.
    pub(super) fn find(&self, number: Number) -> Option<Tagged> {
        self.occupant(number.slot()).filter(|(now, _)| *now == number).map(|(_, block)| block)
    }

    /// A number of this executor whose generation none of its tasks had, nor any child whose highest is given.
    pub(super) fn beyond(&self, children: usize) -> Number {
        let first = self.first.get().generation().max(children);
        let with_block = (0..self.len()).filter_map(|slot| Some(self.tag(slot)?.number().generation()));
        let lone = self.lone.borrow().iter().map(|next| next.generation()).max();
        let last = with_block.chain(lone).fold(first, usize::max);
        Number::first(self.executor(), last).next_generation()
    }
}
