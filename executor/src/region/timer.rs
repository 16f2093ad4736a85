//! The timer of a scope: of its deadline, or of its grace period. Or that it has none.

use crate::{
    region::limit::{Limit, NEVER},
    time::{
        alarm::Alarm,
        instant::{Instant, saturating_nanos},
        wheel::When,
    },
};
use std::{task::Waker, time::Duration};

/// What a scope's future asks of its timer. The answers of [`NoTimer`] are constants, so that the code of a scope without a timer has none.
pub(crate) trait Timing {
    /// The deadline of a scope that has no region to keep it in.
    fn first_deadline(&self) -> When;

    /// Has the timer fired?
    fn has_fired(&self) -> bool;

    /// Has the region's deadline passed?
    fn is_past(&mut self, limit: &Limit) -> bool;

    /// The scope's future waits: sees to it that it is woken at the deadline.
    fn keep_deadline(&mut self, deadline: When, waker: &Waker);

    /// The scope is cancelled: its deadline does not count any more.
    fn forget_deadline(&mut self);

    /// Clean-up is at work: sees to it that the scope's future is woken when that takes too long. `true` when it has.
    fn is_overdue(&mut self, limit: &Limit, waker: &Waker) -> bool;

    /// Is the timer the grace period's?
    fn is_lent(&self) -> bool;

    /// The scope's future has ended: it is woken for no time any more.
    fn stop(&mut self);
}

/// A scope's future without a timer: nobody has a handle of the scope, so neither a deadline nor a grace period is ever set.
pub(crate) struct NoTimer;

impl Timing for NoTimer {
    #[inline(always)]
    fn first_deadline(&self) -> When {
        NEVER
    }

    #[inline(always)]
    fn has_fired(&self) -> bool {
        false
    }

    #[inline(always)]
    fn is_past(&mut self, _: &Limit) -> bool {
        false
    }

    #[inline(always)]
    fn keep_deadline(&mut self, _: When, _: &Waker) {}

    #[inline(always)]
    fn forget_deadline(&mut self) {}

    #[inline(always)]
    fn is_overdue(&mut self, _: &Limit, _: &Waker) -> bool {
        false
    }

    #[inline(always)]
    fn is_lent(&self) -> bool {
        false
    }

    #[inline(always)]
    fn stop(&mut self) {}
}

/// The timer of a scope's future: of its deadline, and while clean-up is at work of its grace period, if it has one.
pub(crate) struct ScopeTimer {
    alarm: Option<Alarm>,
    /// What the alarm was started for. `None`: for the grace period.
    deadline: Option<When>,
    /// The grace period that the alarm was started for.
    grace: Option<Duration>,
    /// The deadline that the scope was made with.
    first: When,
}

impl Timing for ScopeTimer {
    #[inline]
    fn first_deadline(&self) -> When {
        self.first
    }

    #[inline]
    fn has_fired(&self) -> bool {
        self.alarm.as_ref().is_some_and(Alarm::has_fired)
    }

    /// If the deadline was moved, the timer of the old one counts no more.
    #[inline]
    fn is_past(&mut self, limit: &Limit) -> bool {
        // Once the scope is cancelled, the timer is the grace period's, and no deadline counts.
        let (Some(alarm), Some(_)) = (&self.alarm, self.deadline) else { return false };
        if self.deadline != Some(limit.deadline.get()) {
            self.alarm = None;
            return false;
        }
        alarm.has_fired()
    }

    #[inline]
    fn keep_deadline(&mut self, deadline: When, waker: &Waker) {
        if self.deadline != Some(deadline) {
            if self.alarm.is_some() || self.grace.is_some() {
                self.clear();
            }
            self.deadline = Some(deadline);
        }
        if deadline != NEVER && deadline != When::After(u64::MAX) {
            self.keep(deadline, waker);
        }
    }

    fn forget_deadline(&mut self) {
        if self.deadline.take().is_some() {
            self.alarm = None;
        }
    }

    fn is_overdue(&mut self, limit: &Limit, waker: &Waker) -> bool {
        let grace = limit.grace.get();
        let Some(length) = grace else {
            if self.is_lent() {
                self.clear();
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

    fn is_lent(&self) -> bool {
        self.deadline.is_none() && self.grace.is_some()
    }

    #[inline]
    fn stop(&mut self) {
        self.alarm = None;
    }
}

impl ScopeTimer {
    /// The timer of a scope with that deadline. It is started when the scope first waits.
    #[inline]
    pub(crate) fn new(first: When) -> ScopeTimer {
        ScopeTimer { alarm: None, deadline: None, grace: None, first }
    }

    /// The scope's deadline, once it is known. `latest` is what it has now.
    pub(crate) fn known_deadline(&self, latest: When) -> Option<Instant> {
        match (latest, &self.alarm) {
            (NEVER, _) => None,
            (When::At(deadline), _) => Some(deadline),
            // It was started for no other.
            (When::After(_), Some(alarm)) if self.deadline == Some(latest) => alarm.deadline(),
            (When::After(_), _) => None,
        }
    }

    /// Ends the timer, which counts no more.
    #[cold]
    #[inline(never)]
    fn clear(&mut self) {
        (self.alarm, self.grace) = (None, None);
    }

    /// Starts the timer, if there is none, and has it wake by that waker.
    #[inline]
    fn keep(&mut self, when: When, waker: &Waker) {
        match self.alarm {
            None => self.alarm = Alarm::start(when, waker),
            Some(_) => self.keep_on(when, waker),
        }
    }

    /// The timer that there is goes on, in the executor that is current now.
    #[inline(never)]
    fn keep_on(&mut self, when: When, waker: &Waker) {
        match &self.alarm {
            Some(alarm) if alarm.is_here() => alarm.set_waker(waker),
            elsewhere => {
                let deadline = elsewhere.as_ref().and_then(Alarm::deadline);
                self.alarm = Alarm::start(deadline.map_or(when, When::At), waker);
            }
        }
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
}
