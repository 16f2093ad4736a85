//! A running timer, as sleeps and scopes hold it.

use crate::{
    raw::lent::OnThread,
    time::{
        instant::Instant,
        time::{TIME, with_time},
        timers::Timers,
        wheel::When,
    },
};
use std::{rc::Rc, task::Waker};

/// One timer of an executor. It ends when this is dropped.
pub(crate) struct Alarm {
    timers: Rc<Timers>,
    key: u32,
}

impl Alarm {
    /// Starts a timer of the current executor, that will wake this waker. `None` outside an executor.
    #[inline(always)]
    pub(crate) fn start(when: When, waker: &Waker) -> Option<Alarm> {
        // The clone may be user code: it comes before anything is borrowed or changed.
        let waker = waker.clone();
        let timers = TIME.look(|time| time.map(|time| time.timers.clone()))?;
        let key = timers.start(when, waker, Instant::now);
        Some(Alarm { timers, key })
    }

    #[inline]
    pub(crate) fn has_fired(&self) -> bool {
        self.timers.has_fired(self.key)
    }

    /// The deadline of a timer that has fired.
    #[inline]
    pub(crate) fn fired(&self) -> Option<Instant> {
        self.timers.fired(self.key)
    }

    /// The timer, which has not fired, is due at that time from now on, and wakes whom it was to wake.
    pub(crate) fn reset(&mut self, deadline: Instant) {
        self.key = self.timers.reset(self.key, deadline);
    }

    /// Takes the waker. The timer wakes nobody any more.
    pub(crate) fn take_waker(&self) -> Option<Waker> {
        self.timers.replace_waker(self.key, None)
    }

    /// Is this a timer of the executor that is current?
    #[inline]
    pub(crate) fn is_here(&self) -> bool {
        TIME.look(|time| time.is_some_and(|time| Rc::ptr_eq(&time.timers, &self.timers)))
    }

    /// Is the time that code here goes by that of the timer's executor? It is the current one, or none is and it was entered.
    pub(crate) fn is_in_its_time(&self) -> bool {
        with_time(|time| time.is_some_and(|time| Rc::ptr_eq(&time.timers, &self.timers)))
    }

    /// From now on the timer is to wake this waker, and no older one.
    #[inline]
    pub(crate) fn set_waker(&self, newest: &Waker) {
        self.timers.set_waker(self.key, newest);
    }

    /// The timer's deadline, once the loop has looked at the clock.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.timers.deadline(self.key)
    }
}

impl Drop for Alarm {
    #[inline(always)]
    fn drop(&mut self) {
        self.timers.remove(self.key);
    }
}
