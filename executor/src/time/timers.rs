//! An executor's timers, as its loop and its sleeps share them.

use crate::{
    time::{
        instant::Instant,
        wheel::{Wheel, When},
    },
    wake::waker_cell::newest_of,
};
use std::{
    cell::{Cell, RefCell},
    task::Waker,
};

/// The wheel is borrowed only inside these methods, none of which runs user code meanwhile: wakers are cloned before and
/// dropped or called after.
pub(crate) struct Timers {
    wheel: RefCell<Wheel>,
    /// How many have not fired.
    armed: Cell<usize>,
    fired: Cell<Vec<(Instant, Waker)>>,
}

impl Timers {
    pub(crate) fn new() -> Timers {
        Timers { wheel: RefCell::new(Wheel::new()), armed: Cell::new(0), fired: Cell::new(Vec::new()) }
    }

    /// Is there any timer that the loop must look after?
    #[inline(always)]
    pub(crate) fn is_armed(&self) -> bool {
        self.armed.get() != 0
    }

    /// Starts a timer. `true` if so many were started since the last look at the clock that it is time for another.
    #[inline]
    pub(crate) fn start(&self, when: When, waker: Waker) -> (u32, bool) {
        /// A look at the clock takes 25 ns, so that it adds less than one to each timer.
        const SHARE_A_LOOK: usize = 32;
        self.armed.set(self.armed.get() + 1);
        let mut wheel = self.wheel.borrow_mut();
        (wheel.insert(when, waker), wheel.fresh() >= SHARE_A_LOOK)
    }

    /// The time is `now`: timers that were started before begin to count.
    #[cold]
    pub(crate) fn settle(&self, now: Instant) {
        self.wheel.borrow_mut().settle(now);
    }

    /// Ends a timer, fired or not.
    pub(crate) fn remove(&self, key: u32) {
        let (waker, was_armed) = self.wheel.borrow_mut().remove(key);
        if was_armed {
            self.armed.set(self.armed.get() - 1);
        }
        drop(waker);
    }

    /// The timer's deadline, once it is known.
    pub(crate) fn deadline(&self, key: u32) -> Option<Instant> {
        self.wheel.borrow().deadline(key)
    }

    /// Are there timers that wait for the next look at the clock?
    pub(crate) fn has_fresh(&self) -> bool {
        self.wheel.borrow().fresh() > 0
    }

    pub(crate) fn has_fired(&self, key: u32) -> bool {
        self.wheel.borrow().has_fired(key)
    }

    /// A timer that has not fired is to wake this waker from now on, and no older one.
    pub(crate) fn set_waker(&self, key: u32, newest: &Waker) {
        let stored = self.wheel.borrow_mut().waker(key).take();
        let (kept, stale) = newest_of(stored, newest);
        let old = self.wheel.borrow_mut().waker(key).replace(kept);
        drop((old, stale));
    }

    /// The time is `now`: calls `wake` for each timer that is due. `wake` does not unwind.
    ///
    /// `order`, if given, is asked which of `n` timers with one deadline comes next.
    pub(crate) fn fire(
        &self,
        now: Instant,
        order: Option<&mut dyn FnMut(usize) -> usize>,
        mut wake: impl FnMut(Waker),
    ) {
        let mut fired = self.fired.take();
        let count = self.wheel.borrow_mut().advance(now, &mut fired);
        self.armed.set(self.armed.get() - count);
        if let Some(order) = order {
            for ties in fired.chunk_by_mut(|a, b| a.0 == b.0) {
                for begin in 0..ties.len() - 1 {
                    let chosen = order(ties.len() - begin);
                    ties[begin..=begin + chosen].rotate_right(1);
                }
            }
        }
        for (_, waker) in fired.drain(..) {
            wake(waker);
        }
        self.fired.set(fired);
    }

    /// When [`Timers::fire`] is to be called next, if no timer was started since its last call.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.wheel.borrow_mut().next()
    }

    /// How many timers there is memory for.
    pub(crate) fn capacity(&self) -> usize {
        self.wheel.borrow().capacity()
    }

    /// Frees memory that a crowd of timers has left behind, beyond room for `kept`.
    pub(crate) fn trim(&self, kept: usize) {
        self.wheel.borrow_mut().trim(kept);
        let mut fired = self.fired.take();
        fired.shrink_to(kept);
        self.fired.set(fired);
    }
}
