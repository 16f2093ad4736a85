//! What a scope has and a clean-up point has not: a future of its own to be woken, a deadline, a grace period, and
//! perhaps somebody on another thread who may cancel it.

use crate::{
    region::remote::Remote,
    time::{instant::Instant, wheel::When},
};
use std::{
    cell::{Cell, OnceCell},
    sync::Arc,
    task::Waker,
    time::Duration,
};

/// The deadline of a scope that has none.
pub(crate) const NEVER: When = When::At(Instant::NEVER);
/// The longest time that a deadline can be away; one nanosecond more is never.
const NEVER_NANOS: u64 = u64::MAX - 1;

/// The part of a scope that its handles reach.
pub(crate) struct Limit {
    /// A future runs, or ran, in the scope.
    entered: Cell<bool>,
    /// The future does not run in the scope any more, or no deadline stops it.
    ended: Cell<bool>,
    /// Wakes the scope's future.
    waker: Cell<Option<Waker>>,
    pub(crate) deadline: Cell<When>,
    pub(crate) grace: Cell<Option<Duration>>,
    pub(crate) remote: OnceCell<Arc<Remote>>,
}

impl Limit {
    #[inline]
    pub(crate) fn new() -> Limit {
        Limit {
            entered: Cell::new(false),
            ended: Cell::new(false),
            waker: Cell::new(None),
            deadline: Cell::new(NEVER),
            grace: Cell::new(None),
            remote: OnceCell::new(),
        }
    }

    /// Does a future run in the scope, or did one?
    pub(crate) fn was_entered(&self) -> bool {
        self.entered.get()
    }

    /// Notes that the scope begins to run. Somebody who has a handle may ask for its deadline, so that is fixed now.
    pub(crate) fn enter(&self, is_shared: bool) {
        self.entered.set(true);
        if let (When::After(after @ 1..=NEVER_NANOS), true) = (self.deadline.get(), is_shared) {
            self.deadline.set(When::At(Instant::now() + Duration::from_nanos(after)));
        }
    }

    /// Notes that something begins to run in the scope that no deadline stops.
    pub(crate) fn enter_for_good(&self) {
        self.entered.set(true);
        self.ended.set(true);
    }

    /// Notes that the scope's future has ended.
    pub(crate) fn end(&self) {
        self.ended.set(true);
    }

    /// Does a deadline come too late? The scope's future has ended, or nothing in it heeds one.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Keeps the waker by which the scope's future, which waits, is to be woken. The waker's clone may be foreign code.
    #[inline]
    pub(crate) fn keep_waker(&self, newest: &Waker) {
        let stored = self.waker.take();
        if stored.as_ref().is_some_and(|stored| stored.will_wake(newest)) {
            self.waker.set(stored);
        } else {
            let old = self.waker.replace(Some(newest.clone()));
            drop((stored, old));
        }
    }

    /// Takes the waker of the scope's future, if that waits.
    pub(crate) fn take_waker(&self) -> Option<Waker> {
        self.waker.take()
    }
}

/// Has a deadline passed before its timer was started?
#[inline]
pub(crate) fn is_past(deadline: When) -> bool {
    match deadline {
        When::After(after) => after == 0,
        NEVER => false,
        When::At(at) => at <= Instant::now(),
    }
}
