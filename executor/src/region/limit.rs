//! What a scope has and a clean-up point has not: a future of its own to be woken, a deadline, a grace period, and
//! perhaps somebody on another thread who may cancel it.

use crate::region::remote::Remote;
use crate::time::{
    alarm::Alarm,
    instant::{Instant, saturating_nanos},
    wheel::When,
};
use std::{
    cell::{Cell, OnceCell},
    sync::Arc,
    task::Waker,
    time::Duration,
};

pub(crate) const NEVER: When = When::At(Instant::NEVER);
/// The longest time that a deadline can be away; one nanosecond more is never.
const NEVER_NANOS: u64 = u64::MAX - 1;

/// The part that a scope's handles reach.
pub(crate) struct Limit {
    /// A future runs, or ran, in the scope.
    entered: Cell<bool>,
    /// It does not run any more.
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

    pub(crate) fn was_entered(&self) -> bool {
        self.entered.get()
    }

    /// The scope begins to run. Somebody who has a handle may ask for its deadline, so that is fixed now.
    pub(crate) fn enter(&self, is_shared: bool) {
        self.entered.set(true);
        if let (When::After(after @ 1..=NEVER_NANOS), true) = (self.deadline.get(), is_shared) {
            self.deadline.set(When::At(Instant::now() + Duration::from_nanos(after)));
        }
    }

    pub(crate) fn end(&self) {
        self.ended.set(true);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// The scope's future waits: it is to be woken by the newest waker. Its clone may be foreign code.
    pub(crate) fn keep_waker(&self, newest: &Waker) {
        let stored = self.waker.take();
        if stored.as_ref().is_some_and(|stored| stored.will_wake(newest)) {
            self.waker.set(stored);
        } else {
            let old = self.waker.replace(Some(newest.clone()));
            drop((stored, old));
        }
    }

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

/// The part that a scope's future has: the timer of its deadline, and while clean-up is at work that of its grace period, if it has one.
#[derive(Default)]
pub(crate) struct Watch {
    alarm: Option<Alarm>,
    /// What the alarm was started for. `None`: for the grace period.
    deadline: Option<When>,
    /// The grace period that the alarm was started for.
    grace: Option<Duration>,
}

impl Watch {
    /// Has the timer fired?
    #[inline]
    pub(crate) fn has_fired(&self) -> bool {
        self.alarm.as_ref().is_some_and(Alarm::has_fired)
    }

    /// Has the deadline passed? If it was moved, the timer of the old one counts no more.
    #[inline]
    pub(crate) fn is_past(&mut self, limit: &Limit) -> bool {
        // Once the scope is cancelled, the timer is the grace period's, and no deadline counts.
        let (Some(alarm), Some(_)) = (&self.alarm, self.deadline) else { return false };
        if self.deadline != Some(limit.deadline.get()) {
            self.alarm = None;
            return false;
        }
        alarm.has_fired()
    }

    /// The scope's future waits: sees to it that it is woken at the deadline.
    #[inline]
    pub(crate) fn keep_deadline(&mut self, deadline: When, waker: &Waker) {
        if self.deadline != Some(deadline) {
            (self.alarm, self.grace) = (None, None);
            self.deadline = Some(deadline);
        }
        if deadline != NEVER && deadline != When::After(u64::MAX) {
            self.keep(deadline, waker);
        }
    }

    #[inline]
    fn keep(&mut self, when: When, waker: &Waker) {
        match &self.alarm {
            None => self.alarm = Alarm::start(when, waker),
            Some(alarm) if alarm.is_here() => alarm.set_waker(waker),
            Some(elsewhere) => self.alarm = Alarm::start(elsewhere.deadline().map_or(when, When::At), waker),
        }
    }

    /// Clean-up is at work: sees to it that the scope's future is woken when that takes too long. `true` when it has.
    pub(crate) fn is_overdue(&mut self, limit: &Limit, waker: &Waker) -> bool {
        let grace = limit.grace.get();
        let Some(length) = grace else {
            if self.is_lent() {
                (self.alarm, self.grace) = (None, None);
            }
            return false;
        };
        if self.deadline.is_some() || self.grace != grace {
            self.lend(limit);
            self.grace = grace;
        }
        if length.is_zero() || self.alarm.as_ref().is_some_and(Alarm::has_fired) {
            return true;
        }
        self.keep(When::After(saturating_nanos(length)), waker);
        false
    }

    /// Is the timer the grace period's?
    pub(crate) fn is_lent(&self) -> bool {
        self.deadline.is_none() && self.grace.is_some()
    }

    /// Is the timer the deadline's, if there is one?
    pub(crate) fn has_deadline(&self) -> bool {
        self.deadline.is_some()
    }

    /// From now on the timer is the grace period's. The deadline counts again if the future outlives what is cancelled around it, and is the
    /// same then as it was: a time, and no more a while from the beginning.
    fn lend(&mut self, limit: &Limit) {
        let alarm = self.alarm.take();
        if self.deadline.take() == Some(limit.deadline.get()) {
            if let Some(deadline) = alarm.and_then(|alarm| alarm.deadline()) {
                limit.deadline.set(When::At(deadline));
            }
        }
    }

    /// The scope is cancelled: its deadline does not count any more.
    pub(crate) fn forget_deadline(&mut self) {
        if self.deadline.take().is_some() {
            self.alarm = None;
        }
    }

    #[inline]
    pub(crate) fn stop(&mut self) {
        self.alarm = None;
    }
}
