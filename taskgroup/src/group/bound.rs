//! The bound on a group's fan-out.

use super::group_core::wake;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    task::Waker,
};

/// Slots are handed to those who wait in the order in which they came; nobody overtakes.
pub(crate) struct Slots {
    limit: Option<usize>,
    used: Cell<usize>,
    /// The group has ended, or is cancelled: everybody gets one, whose child is cancelled from birth.
    open: Cell<bool>,
    waiting: RefCell<VecDeque<Rc<Waiter>>>,
    /// How many in the line have left it.
    left: Cell<usize>,
}

/// Somebody who waits for a slot.
#[derive(Default)]
pub(crate) struct Waiter {
    pub(crate) granted: Cell<bool>,
    /// It is a child that holds a slot itself.
    pub(crate) holds: Cell<bool>,
    /// It has left the queue, though it stands in it.
    pub(crate) left: Cell<bool>,
    pub(crate) waker: Cell<Option<Waker>>,
}

impl Slots {
    pub(crate) fn new(limit: Option<usize>) -> Slots {
        Slots { limit, used: Cell::new(0), open: Cell::new(false), waiting: RefCell::default(), left: Cell::new(0) }
    }

    pub(crate) fn limit(&self) -> Option<usize> {
        self.limit
    }

    pub(crate) fn used(&self) -> usize {
        self.used.get()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.borrow().len() - self.left.get()
    }

    /// How many of those who wait hold a slot themselves.
    pub(crate) fn waiting_holders(&self) -> usize {
        self.waiting.borrow().iter().filter(|waiter| waiter.holds.get() && !waiter.left.get()).count()
    }

    /// Takes a slot if one is free and nobody waits.
    pub(crate) fn try_take(&self) -> bool {
        let is_free = self.limit.is_none_or(|limit| self.used.get() < limit && self.waiting() == 0);
        if is_free || self.open.get() {
            self.used.set(self.used.get() + 1);
            return true;
        }
        false
    }

    /// Somebody waits, and is woken by this waker when it is granted a slot. None was to be had a moment ago, and nothing has run since.
    pub(crate) fn wait(&self, waker: Waker) -> Rc<Waiter> {
        let waiter = Rc::new(Waiter { waker: Cell::new(Some(waker)), ..Waiter::default() });
        self.waiting.borrow_mut().push_back(waiter.clone());
        waiter
    }

    /// A slot is free again: the first who waits gets it.
    pub(crate) fn give_back(&self) {
        self.used.set(self.used.get() - 1);
        if self.limit.is_some_and(|limit| self.used.get() < limit) {
            self.grant();
        }
    }

    fn grant(&self) -> bool {
        loop {
            let Some(waiter) = self.waiting.borrow_mut().pop_front() else { return false };
            if waiter.left.get() {
                self.left.set(self.left.get() - 1);
                continue;
            }
            self.used.set(self.used.get() + 1);
            waiter.granted.set(true);
            if let Some(waker) = waiter.waker.take() {
                wake(waker);
            }
            return true;
        }
    }

    /// From now on nobody waits.
    pub(crate) fn open(&self) {
        self.open.set(true);
        while self.grant() {}
    }

    /// A waiter is dropped.
    pub(crate) fn leave(&self, waiter: &Waiter) {
        waiter.left.set(true);
        if waiter.granted.get() {
            self.give_back();
            return;
        }
        // What stays in line has no waker. That may be foreign, so it goes last, when all is noted and nothing is borrowed.
        let waker = waiter.waker.take();
        self.left.set(self.left.get() + 1);
        let mut waiting = self.waiting.borrow_mut();
        if self.left.get() * 2 > waiting.len() {
            waiting.retain(|waiter| !waiter.left.get());
            self.left.set(0);
        }
        drop(waiting);
        drop(waker);
    }
}

impl Waiter {
    /// Is it woken by that waker already?
    pub(crate) fn has(&self, waker: &Waker) -> bool {
        let stored = self.waker.take();
        let has = stored.as_ref().is_some_and(|stored| stored.will_wake(waker));
        self.waker.set(stored);
        has
    }
}
