//! What a scope has and a clean-up point has not: a future of its own to be woken, a deadline, a grace period, and
//! perhaps somebody on another thread who may cancel it.

use super::remote::Remote;
use crate::time::{Alarm, Instant, When};
use std::{
    cell::{Cell, OnceCell},
    sync::Arc,
    task::Waker,
    time::Duration,
};

pub(crate) const NEVER: When = When::At(Instant::NEVER);

pub(crate) struct Limit {
    /// A future runs, or ran, in the scope.
    entered: Cell<bool>,
    /// Wakes the scope's future.
    waker: Cell<Option<Waker>>,
    deadline: Cell<When>,
    /// The deadline's timer; once the scope is cancelled, the grace period's.
    alarm: Cell<Option<Alarm>>,
    grace: Cell<Option<Duration>>,
    /// The alarm is the grace period's.
    in_grace: Cell<bool>,
    pub(super) remote: OnceCell<Arc<Remote>>,
}

impl Limit {
    pub(super) fn new() -> Limit {
        Limit {
            entered: Cell::new(false),
            waker: Cell::new(None),
            deadline: Cell::new(NEVER),
            alarm: Cell::new(None),
            grace: Cell::new(None),
            in_grace: Cell::new(false),
            remote: OnceCell::new(),
        }
    }

    /// `true` if a future was entered before.
    pub(super) fn enter(&self) -> bool {
        self.entered.replace(true)
    }

    /// The scope's future waits: it is to be woken by the newest waker. Its clone may be foreign code.
    pub(super) fn keep_waker(&self, newest: &Waker) {
        let stored = self.waker.take();
        if stored.as_ref().is_some_and(|stored| stored.will_wake(newest)) {
            self.waker.set(stored);
        } else {
            let old = self.waker.replace(Some(newest.clone()));
            drop((stored, old));
        }
    }

    pub(super) fn take_waker(&self) -> Option<Waker> {
        self.waker.take()
    }

    // ---- the deadline

    /// The deadline, if there is one and it is known: one that counts from the start is not before that.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let alarm = self.alarm.take();
        let running = alarm.as_ref().filter(|_| !self.in_grace.get()).and_then(Alarm::deadline);
        self.alarm.set(alarm);
        running.or(match self.deadline.get() {
            NEVER | When::After(_) => None,
            When::At(at) => Some(at),
        })
    }

    pub(super) fn set_deadline(&self, deadline: When) {
        self.deadline.set(deadline);
        drop(self.alarm.take());
    }

    /// Has it passed already, before its timer was started?
    pub(super) fn is_past(&self) -> bool {
        match self.deadline.get() {
            NEVER => false,
            When::After(after) => after == 0,
            When::At(at) => at <= Instant::now(),
        }
    }

    /// Has its timer fired?
    #[inline]
    pub(super) fn has_passed(&self) -> bool {
        !self.in_grace.get() && self.alarm_has_fired()
    }

    #[inline]
    fn alarm_has_fired(&self) -> bool {
        let alarm = self.alarm.take();
        let fired = alarm.as_ref().is_some_and(Alarm::has_fired);
        self.alarm.set(alarm);
        fired
    }

    /// The scope's future waits: sees to it that it is woken at the deadline.
    #[inline]
    pub(super) fn watch_deadline(&self, waker: &Waker) {
        if self.deadline.get() != NEVER && self.deadline.get() != When::After(u64::MAX) {
            self.watch(self.deadline.get(), waker);
        }
    }

    fn watch(&self, when: When, waker: &Waker) {
        // A waker's clone may be foreign code, and set another deadline: then it has woken the scope's future as well.
        let before = self.deadline.get();
        let alarm = match self.alarm.take() {
            Some(alarm) if alarm.is_here() => {
                alarm.set_waker(waker);
                Some(alarm)
            }
            Some(elsewhere) => Alarm::start(elsewhere.deadline().map_or(when, When::At), waker),
            None => Alarm::start(when, waker),
        };
        if self.deadline.get() == before {
            self.alarm.set(alarm);
        }
    }

    /// The scope has ended.
    pub(super) fn end(&self, is_shared: bool) {
        if is_shared {
            if let Some(deadline) = self.deadline() {
                self.deadline.set(When::At(deadline));
            }
            drop(self.waker.take());
        }
        drop(self.alarm.take());
    }

    // ---- the grace period

    pub(super) fn set_grace(&self, grace: Option<Duration>) {
        self.grace.set(grace);
    }

    /// The scope is cancelled, and clean-up is at work: sees to it that its future is woken when that takes too long.
    pub(super) fn watch_grace(&self, waker: &Waker) {
        let Some(grace) = self.grace.get() else { return };
        if !self.in_grace.replace(true) {
            self.deadline.set(self.deadline().map_or(NEVER, When::At));
            drop(self.alarm.take());
        }
        self.watch(When::After(crate::time::saturating_nanos(grace)), waker);
    }

    pub(super) fn grace_has_passed(&self) -> bool {
        self.in_grace.get() && (self.grace.get() == Some(Duration::ZERO) || self.alarm_has_fired())
    }
}
