//! What is between the queue and somebody's hands while foreign code runs.

use super::{
    order::Order,
    ordered::{Handed, Intake, OrderedQueue},
};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Items that are about to be given away. If a panic comes in between (from a waker, or from a comparison of items), they go back to
/// where they were. A panic that this brings is given up, since the first one is under way.
pub(crate) struct InHand<'a, T, O: Order<T>, I: Default + IntoIterator<Item = Handed<T>>> {
    queue: &'a OrderedQueue<T, O>,
    pub(super) items: I,
    /// Are the items taken for done with already?
    pub(super) done: bool,
}

impl<'a, T, O: Order<T>, I: Default + IntoIterator<Item = Handed<T>>> InHand<'a, T, O, I> {
    pub(super) fn new(queue: &'a OrderedQueue<T, O>, items: I) -> Self {
        InHand { queue, items, done: false }
    }

    pub(super) fn done(queue: &'a OrderedQueue<T, O>, items: I) -> Self {
        InHand { queue, items, done: true }
    }

    /// Gives the items away.
    pub(crate) fn take(mut self) -> I {
        std::mem::take(&mut self.items)
    }
}

impl<T, O: Order<T>, I: Default + IntoIterator<Item = Handed<T>>> Drop for InHand<'_, T, O, I> {
    fn drop(&mut self) {
        for handed in std::mem::take(&mut self.items) {
            if self.done {
                self.queue.count_up();
            }
            self.queue.quietly(|queue| queue.put_back(handed));
        }
    }
}

/// A guard to be forgotten when all went well. If a comparison of items panics, nobody is left in vain because of the item that was lost: for
/// its room others are let in, and if it was the last one, those who wait for the end of all are told.
pub(super) struct Settle<'a, T, O: Order<T>>(pub(super) &'a OrderedQueue<T, O>);

impl<T, O: Order<T>> Drop for Settle<'_, T, O> {
    #[cold]
    fn drop(&mut self) {
        let queue = self.0;
        // Each time, at least one is let in, or there is no panic.
        while !queue.quietly(OrderedQueue::admit) {}
        if queue.unfinished() == 0 {
            queue.quietly(OrderedQueue::end_joins);
        }
    }
}

impl<T, O: Order<T>> OrderedQueue<T, O> {
    /// Takes an item back that had been handed to somebody.
    pub(super) fn put_back(&self, Handed { item, number }: Handed<T>) {
        if !self.getters.is_empty() {
            let _ = self.getters.waking().grant(Handed { item, number });
            return;
        }
        // A comparison of items may panic: it is counted once it is in.
        self.unfinished.set(self.unfinished.get() - 1);
        let settle = Settle(self);
        self.items.put_back(item, number);
        std::mem::forget(settle);
        if self.intake.get() == Intake::ClosedNow {
            drop(self.end_waits());
        } else {
            self.count_up();
        }
    }

    /// Did `f` end without a panic?
    fn quietly(&self, f: impl FnOnce(&Self)) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(|| f(self)));
        // The destructor of what it panicked with could panic as well.
        outcome.map_err(std::mem::forget).is_ok()
    }
}
