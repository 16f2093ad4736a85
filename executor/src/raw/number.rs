//! The number that names a task: executor, slot and generation, packed into one machine word.
//!
//! | field | 64-bit targets | 32-bit targets |
//! |---|---|---|
//! | generation | 26 bits | 8 bits |
//! | executor | 12 bits: 4 095 executors at a time | 6 bits: 63 |
//! | slot | 26 bits: 67 108 864 tasks each | 18 bits: 262 144 |
//!
//! Wakers carry nothing but this number. It is compared, never followed: a number that is out of date finds another
//! generation in its slot and does nothing. A generation comes round again after 2²⁶ (2⁸) reuses of one slot; a waker
//! that was kept for so long wakes a task that did not ask for it, which the `Future` contract allows.
//!
//! No executor has the id 0, so the number 0 means "no task".

use core::fmt;

#[cfg(target_pointer_width = "64")]
mod width {
    pub(crate) const SLOT: u32 = 26;
    pub(crate) const EXECUTOR: u32 = 12;
}
#[cfg(target_pointer_width = "32")]
mod width {
    pub(crate) const SLOT: u32 = 18;
    pub(crate) const EXECUTOR: u32 = 6;
}
#[cfg(not(any(target_pointer_width = "64", target_pointer_width = "32")))]
compile_error!("evenkeel packs a task's name into a pointer of 32 or 64 bits");

/// The bits of the slot index.
pub(crate) const SLOT_MASK: usize = (1 << width::SLOT) - 1;
/// How many slots one executor can have.
pub(crate) const MAX_SLOTS: usize = 1 << width::SLOT;
/// How many ids there are for executors. The id 0 is not used.
pub(crate) const EXECUTOR_IDS: usize = 1 << width::EXECUTOR;

const GENERATION_SHIFT: u32 = width::SLOT + width::EXECUTOR;
/// One step of the generation field.
const GENERATION_ONE: usize = 1 << GENERATION_SHIFT;
const EXECUTOR_MASK: usize = (EXECUTOR_IDS - 1) << width::SLOT;

/// The name of a task (or of one of the tasks that its slot held before).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Number(pub(crate) usize);

impl Number {
    /// The number in a waker's data word.
    #[inline(always)]
    pub(crate) fn of_word(word: *const ()) -> Number {
        Number(word.addr())
    }

    pub(crate) const NONE: Number = Number(0);

    /// The number of the first task in slot 0 of an executor that begins with this generation.
    pub(crate) fn first(executor: usize, generation: usize) -> Number {
        debug_assert!(0 < executor && executor < EXECUTOR_IDS);
        Number((executor << width::SLOT) | (generation << GENERATION_SHIFT))
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

    /// Has this number a later generation than the other one? They come round, so that is so if there are fewer from there to here than from
    /// here to there.
    pub(crate) fn is_later_than(self, other: Number) -> bool {
        let ahead = (self.0 & !(GENERATION_ONE - 1)).wrapping_sub(other.0 & !(GENERATION_ONE - 1));
        ahead != 0 && ahead <= usize::MAX / 2
    }

    /// The number of this slot with the next generation.
    #[inline(always)]
    pub(crate) fn next_generation(self) -> Number {
        Number(self.0.wrapping_add(GENERATION_ONE))
    }

    /// The number of the slot before this one. There must be one.
    #[inline(always)]
    pub(crate) fn next_lower(self) -> Number {
        Number(self.0.wrapping_sub(1))
    }

    /// The number of this slot and executor in generation 0, which the inbox takes for "whoever is in this slot now".
    pub(crate) fn anyone(self) -> Number {
        Number(self.0 & (GENERATION_ONE - 1))
    }
}

impl Default for Number {
    fn default() -> Number {
        Number::NONE
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}.{}", self.executor(), self.slot(), self.generation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_fields_round_trip() {
        let number = Number(Number::first(EXECUTOR_IDS - 1, 5).0 | (MAX_SLOTS - 1));
        assert_eq!((number.executor(), number.slot(), number.generation()), (EXECUTOR_IDS - 1, MAX_SLOTS - 1, 5));
        assert_eq!(number.tag() | number.slot(), number.0);
    }

    #[test]
    fn fault_30_a_generation_that_has_come_round_is_later_than_those_before() {
        let number = |generation| Number::first(1, generation & (usize::MAX >> GENERATION_SHIFT));
        assert!(number(1).is_later_than(number(0)) && !number(0).is_later_than(number(1)));
        assert!(number(2).is_later_than(number(usize::MAX)) && !number(usize::MAX).is_later_than(number(2)));
        assert!(!number(5).is_later_than(number(5)));
    }

    #[test]
    fn fault_30_generation_comes_round_without_touching_its_neighbours() {
        let newest = Number(Number::first(3, usize::MAX >> GENERATION_SHIFT).0 | 77);
        let next = newest.next_generation();
        assert_eq!((next.executor(), next.slot(), next.generation()), (3, 77, 0));
        assert_ne!(next, Number::NONE);
    }
}
