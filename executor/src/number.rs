//! The number that names a task: executor, slot and generation, packed into one machine word.
//!
//! | field | 64-bit targets | 32-bit targets |
//! |---|---|---|
//! | generation | 26 bits | 8 bits |
//! | executor | 12 bits: 4 096 executors at a time | 6 bits: 64 |
//! | slot | 26 bits: 67 108 864 tasks each | 18 bits: 262 144 |
//!
//! Wakers carry nothing but this number. It is compared, never followed: a number that is out of date finds another
//! generation in its slot and does nothing. A generation comes round again after 2²⁶ (2⁸) reuses of one slot; a waker
//! that was kept for so long wakes a task that did not ask for it, which the `Future` contract allows.
//!
//! Generation 0 is never given to a task, so the number 0 means "no task".

use std::fmt;

#[cfg(target_pointer_width = "64")]
mod width {
    pub(super) const SLOT: u32 = 26;
    pub(super) const EXECUTOR: u32 = 12;
}
#[cfg(target_pointer_width = "32")]
mod width {
    pub(super) const SLOT: u32 = 18;
    pub(super) const EXECUTOR: u32 = 6;
}
#[cfg(not(any(target_pointer_width = "64", target_pointer_width = "32")))]
compile_error!("evenkeel packs a task's name into a pointer of 32 or 64 bits");

/// The bits of the slot index. In a slot's own tag they hold flags instead, since a slot knows its index.
pub(crate) const SLOT_MASK: usize = (1 << width::SLOT) - 1;
/// How many slots one executor can have.
pub(crate) const MAX_SLOTS: usize = 1 << width::SLOT;
/// How many executors can live in one process at a time.
pub(crate) const MAX_EXECUTORS: usize = 1 << width::EXECUTOR;

const GENERATION_SHIFT: u32 = width::SLOT + width::EXECUTOR;
/// One step of the generation field.
const GENERATION_ONE: usize = 1 << GENERATION_SHIFT;
const EXECUTOR_MASK: usize = (MAX_EXECUTORS - 1) << width::SLOT;

/// The name of a task (or of one of the tasks that its slot held before).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Number(pub(crate) usize);

impl Number {
    pub(crate) const NONE: Number = Number(0);

    /// The number of the first task in slot 0 of an executor, with the generation field set to `generation`.
    pub(crate) fn first(executor: usize, generation: usize) -> Number {
        debug_assert!(executor < MAX_EXECUTORS);
        Number((executor << width::SLOT) | (generation << GENERATION_SHIFT)).or_skip_zero()
    }

    #[inline(always)]
    pub(crate) fn slot(self) -> usize {
        self.0 & SLOT_MASK
    }

    /// Executor and generation, with zeros where the slot was.
    #[inline(always)]
    pub(crate) fn tag(self) -> usize {
        self.0 & !SLOT_MASK
    }

    #[inline(always)]
    pub(crate) fn executor(self) -> usize {
        (self.0 & EXECUTOR_MASK) >> width::SLOT
    }

    #[inline(always)]
    pub(crate) fn generation(self) -> usize {
        self.0 >> GENERATION_SHIFT
    }

    /// The same slot with the next generation; 0 is skipped.
    #[inline(always)]
    pub(crate) fn next_generation(self) -> Number {
        Number(self.0.wrapping_add(GENERATION_ONE)).or_skip_zero()
    }

    /// The same slot and executor, in no generation: "whoever is in this slot now".
    pub(crate) fn anyone(self) -> Number {
        Number(self.0 & (GENERATION_ONE - 1))
    }

    #[inline(always)]
    fn or_skip_zero(self) -> Number {
        if self.generation() == 0 {
            Number(self.0 | GENERATION_ONE)
        } else {
            self
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}.{}",
            self.executor(),
            self.slot(),
            self.generation()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_fields_round_trip() {
        let number = Number(Number::first(MAX_EXECUTORS - 1, 5).0 | (MAX_SLOTS - 1));
        assert_eq!(
            (number.executor(), number.slot(), number.generation()),
            (MAX_EXECUTORS - 1, MAX_SLOTS - 1, 5)
        );
        assert_eq!(number.tag() | number.slot(), number.0);
    }

    #[test]
    fn fault_30_generation_comes_round_without_touching_its_neighbours() {
        let first = Number(Number::first(3, 1).0 | 77);
        let mut number = first;
        let mut steps = 0_usize;
        // The last generation is followed by 1, not by 0: 0 is kept for "no task".
        let last = (usize::MAX >> GENERATION_SHIFT) - 2;
        number.0 += last * GENERATION_ONE;
        while number != first {
            assert!(number.generation() != 0);
            assert_eq!((number.executor(), number.slot()), (3, 77));
            number = number.next_generation();
            steps += 1;
        }
        assert_eq!(steps, 2);
    }
}
