//! The tag: what a block with a slot begins with, and what the table and the pool know of it.

use super::{number::Number, pool::Size};
use core::{
    cell::Cell,
    mem::offset_of,
    ops::Deref,
    ptr::{self, NonNull},
};

/// Flags of a block with a slot. A task that waits has none of them.
pub(crate) mod flag {
    /// In the ready queue, exactly once.
    pub(crate) const QUEUED: u8 = 1 << 0;
    /// A waker was called since the last poll began (or the task is new). With `CANCEL` and no `CLEANING` it says whether that was so when
    /// the cancellation was asked for: what comes later does not count.
    pub(crate) const WOKEN: u8 = 1 << 1;
    /// Never polled.
    pub(crate) const FRESH: u8 = 1 << 2;
    /// Its root scope is cancelled; the loop delivers it. With `QUEUED`, or while the task is polled, or with `CLEANING`.
    pub(crate) const CANCEL: u8 = 1 << 3;
    /// To be dropped without another poll. Always with `QUEUED`, or while the task is polled.
    pub(crate) const ABORT: u8 = 1 << 4;
    /// Ended: there is an outcome and no future.
    pub(crate) const DONE: u8 = 1 << 5;
    /// No task is in the block, which lies in the pool.
    pub(in crate::raw) const VACANT: u8 = 1 << 6;
    /// Clean-up is at work in the task. Always with `CANCEL`; such a task may wait, without `QUEUED`.
    pub(crate) const CLEANING: u8 = 1 << 7;
    /// What makes the loop leave the straight path.
    pub(crate) const UNUSUAL: u8 = CANCEL | ABORT | DONE;
}
use flag::*;

/// What only a block with a slot has: the number, which stays when the block lies in the pool, and one word of the task's.
#[repr(C)]
pub(crate) struct Slotted<E> {
    /// The number of the task, or of the next one if there is none. The slot in it is always the block's.
    pub(super) number: Cell<Number>,
    /// A number that the task has noted, or a box of what few tasks have, by the block's `BOXED`. In a vacant block it is the pool's.
    pub(super) word: Cell<*mut E>,
}

impl<E> Slotted<E> {
    pub(super) const NO_WORD: *mut E = ptr::null_mut();
}

/// The beginning of a block with a slot, whatever else is in it.
#[repr(C)]
pub(crate) struct Tag {
    slotted: Slotted<()>,
    pub(super) flags: Cell<u8>,
}

/// A block with a slot, of whatever type, that is not freed. Only this room makes one.
#[derive(Clone, Copy)]
pub(super) struct Tagged(pub(super) NonNull<Tag>);

impl Deref for Tagged {
    type Target = Tag;

    #[inline(always)]
    fn deref(&self) -> &Tag {
        // SAFETY: it begins with a tag, and lives: the table leads to blocks only, and room is a block. See the room's argument, "Who keeps a
        // block".
        unsafe { self.0.as_ref() }
    }
}

/// The pool leaves the flags alone.
const _: () = assert!(Size::USED <= offset_of!(Tag, flags));

impl Tag {
    /// Fresh memory for a block with a slot, which is vacant.
    pub(super) fn alloc(size: &Size, number: Number) -> Tagged {
        assert!(size.bytes() >= size_of::<Tag>(), "a block with a slot begins with a tag");
        let slotted = Slotted { number: Cell::new(number), word: Cell::new(Slotted::NO_WORD) };
        let tag = size.alloc().cast::<Tag>();
        // SAFETY: the memory is large enough, aligned for a word at least, and nobody else's.
        unsafe { tag.write(Tag { slotted, flags: Cell::new(VACANT) }) };
        Tagged(tag)
    }

    #[inline(always)]
    pub(super) fn number(&self) -> Number {
        self.slotted.number.get()
    }

    /// Is this the block of the task of that number, or will it be?
    #[inline(always)]
    pub(super) fn is(&self, number: Number) -> bool {
        self.number() == number
    }

    /// The block is vacant from now on, and has the number of its next task.
    pub(super) fn vacate(&self) {
        self.slotted.number.set(self.number().next_generation());
        self.flags.set(VACANT);
    }

    #[inline(always)]
    pub(super) fn has(&self, flags: u8) -> bool {
        self.flags.get() & flags != 0
    }

    /// If the task waits: marks it as woken and queued. The caller queues it.
    #[inline(always)]
    pub(super) fn wake_waiting(&self) -> bool {
        let waits = self.flags.get() == 0;
        if waits {
            self.flags.set(QUEUED | WOKEN);
        }
        waits
    }

    /// [`Tag::wake_waiting`] of a task that does not plainly wait: notes that one which is queued was woken, unless it is to be stopped, and
    /// marks one that waits for its clean-up as queued. `true`: the caller queues it.
    pub(super) fn wake_unusual(&self) -> bool {
        let flags = self.flags.get();
        if flags & QUEUED != 0 {
            if flags & (CANCEL | CLEANING) != CANCEL {
                self.flags.set(flags | WOKEN);
            }
            return false;
        }
        let waits = flags == CANCEL | CLEANING;
        if waits {
            self.flags.set(flags | QUEUED | WOKEN);
        }
        waits
    }
}
