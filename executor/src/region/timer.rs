//! The timer of a scope: of its deadline, or of its grace period.

use crate::{
    region::limit::{Limit, NEVER},
    time::{alarm::Alarm, instant::saturating_nanos, wheel::When},
};
use std::{task::Waker, time::Duration};

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
