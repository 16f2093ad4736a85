//! The ready queue: a ring of slot indices, first in, first out.
//!
//! It never holds a slot twice (the slot's `QUEUED` flag sees to that), so with room for every slot it can never be
//! full, and pushing, which is what waking does, never allocates.

use alloc::{boxed::Box, vec};
use core::cell::{Cell, UnsafeCell};

/// The shortest ring.
const LEAST: usize = 16;

pub(crate) struct Ready {
    /// Its length is a power of two and at least the number of slots.
    ring: UnsafeCell<Box<[u32]>>,
    /// That length less one: what turns a count into a place.
    mask: Cell<u32>,
    /// Both count up for ever, wrapping; `tail - head` is the length.
    head: Cell<u32>,
    tail: Cell<u32>,
}

impl Ready {
    pub(super) fn new() -> Ready {
        Ready {
            ring: UnsafeCell::new(Box::new([0; LEAST])),
            mask: Cell::new(LEAST as u32 - 1),
            head: Cell::new(0),
            tail: Cell::new(0),
        }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.tail.get().wrapping_sub(self.head.get()) as usize
    }

    /// Counts the entries that were ever taken, modulo 2³².
    #[inline(always)]
    pub(crate) fn head(&self) -> u32 {
        self.head.get()
    }

    /// What [`Ready::head`] will be when `n` more were taken.
    #[inline(always)]
    pub(crate) fn nth(&self, n: usize) -> u32 {
        self.head.get().wrapping_add(n as u32)
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.tail.get() == self.head.get()
    }

    /// The ring, for one short look.
    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "the one place that argues the exclusive access")]
    fn ring(&self) -> &mut Box<[u32]> {
        // SAFETY: this is private to the queue, whose methods let no reference out, call no foreign code, and are done with one
        // before they take another. The type is not `Sync`. So it is exclusive.
        unsafe { &mut *self.ring.get() }
    }

    /// Makes room for `slots` entries.
    pub(super) fn reserve(&self, slots: usize) {
        if slots > self.ring().len() {
            self.resize(slots.next_power_of_two());
        }
    }

    /// Gives back what `slots` entries need no room for. There are no more slots.
    pub(super) fn trim(&self, slots: usize) {
        let needed = slots.next_power_of_two().max(LEAST);
        if needed < self.ring().len() {
            self.resize(needed);
        }
    }

    /// The length is a power of two, and all entries have room in it.
    fn resize(&self, length: usize) {
        let ring = self.ring();
        let mut other = vec![0; length].into_boxed_slice();
        let (old, new) = (ring.len() - 1, other.len() - 1);
        for step in 0..self.len() {
            let at = self.head.get().wrapping_add(step as u32) as usize;
            other[at & new] = ring[at & old];
        }
        *ring = other;
        self.mask.set(new as u32);
    }

    /// The place of the entry with that count.
    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "as for `ring`")]
    fn place(&self, count: u32) -> &mut u32 {
        // SAFETY: the mask is the ring's length less one, a power of two less one, so the masked index is inside. Exclusive as in `ring`.
        unsafe { self.ring().get_unchecked_mut((count & self.mask.get()) as usize) }
    }

    /// Appends a slot that is not in the queue.
    #[inline(always)]
    pub(super) fn push(&self, slot: u32) {
        let tail = self.tail.get();
        *self.place(tail) = slot;
        self.tail.set(tail.wrapping_add(1));
    }

    /// Takes the oldest slot. The queue must not be empty.
    #[inline(always)]
    pub(super) fn pop(&self) -> u32 {
        debug_assert!(!self.is_empty());
        let head = self.head.get();
        self.head.set(head.wrapping_add(1));
        *self.place(head)
    }

    /// Forgets all entries.
    pub(crate) fn clear(&self) {
        self.head.set(self.tail.get());
    }

    /// The oldest slot. The queue must not be empty.
    pub(crate) fn front(&self) -> u32 {
        debug_assert!(!self.is_empty());
        *self.place(self.head.get())
    }

    /// Brings the entry that is `ahead` places behind the oldest to the front; those before it keep their order.
    pub(crate) fn bring_forward(&self, ahead: usize) {
        assert!(ahead < self.len(), "a schedule chose entry {ahead} of {}", self.len());
        let chosen = *self.place(self.head.get().wrapping_add(ahead as u32));
        for step in (0..ahead as u32).rev() {
            let at = self.head.get().wrapping_add(step);
            let before = *self.place(at);
            *self.place(at.wrapping_add(1)) = before;
        }
        *self.place(self.head.get()) = chosen;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_first_in_first_out_across_growth_and_wrapping() {
        let ready = Ready::new();
        ready.head.set(u32::MAX - 5);
        ready.tail.set(u32::MAX - 5);
        for n in 0..16 {
            ready.push(n);
        }
        assert_eq!((ready.pop(), ready.pop()), (0, 1));
        ready.reserve(17);
        for n in 16..34 {
            ready.push(n);
        }
        assert_eq!(ready.len(), 32);
        assert!((2..34).all(|n| ready.pop() == n) && ready.is_empty());
    }

    #[test]
    fn bringing_one_forward_keeps_the_others_in_order() {
        let ready = Ready::new();
        (0..5).for_each(|n| ready.push(n));
        ready.bring_forward(3);
        assert!([3, 0, 1, 2, 4].into_iter().all(|n| ready.pop() == n));
    }
}
