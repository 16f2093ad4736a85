//! How the loop sleeps, when nothing is ready.

use crate::{
    core::Core,
    ebb::LONG,
    outcome::unhandled::{Unhandled, UnhandledKind},
    time::{instant::Instant, standstill::Patience},
    wake::inbox::Arm,
};
use std::{task::Waker, time::Duration};

impl Core {
    /// [`Core::sleep`], awake and alone again: wake-ups from elsewhere signal nobody.
    pub(crate) fn wait(&self, max: Option<Duration>) {
        self.sleep(max);
        self.tasks.inbox.disarm();
    }

    /// Nothing is ready: sleeps until a wake-up comes from elsewhere or the next timer is due, at most for `max`. The next turn takes
    /// what came. From then on the inbox may be armed.
    ///
    /// From `arm` to the sleep nothing of the host's runs but its `Park`: whatever else blocks this thread in between takes the token
    /// of a wake-up with it, which is then slept through.
    pub(crate) fn sleep(&self, max: Option<Duration>) {
        let Some(max) = self.time_to_sleep(max) else { return };
        if max.is_none_or(|max| max >= LONG) {
            self.ebb_before_long_sleep();
        }
        let Some(patience) = self.patience(max) else { return };
        let Some(max) = (if patience.is_none() { self.tell_of_waits(max) } else { Some(max) }) else { return };
        if self.tasks.inbox.arm() == Arm::Sleep {
            match patience {
                Some(patience) => self.park_patiently(patience),
                None => self.park(max),
            }
        } else {
            // Something has come, as it may each time: the driver is not to wait for an end of that.
            self.look_out_now();
        }
    }

    /// How long this sleep may be in vain, if there is an end to that; the outer `None` if there is something to do. It asks the clock,
    /// which is the host's code, so it is called before the inbox is armed.
    fn patience(&self, max: Option<Duration>) -> Option<Option<Duration>> {
        if max.is_some() || !self.time.clock.may_jump() {
            return Some(None);
        }
        self.tasks.clear_current();
        let patience = self.time.clock.patience().filter(|_| !self.is_time_real());
        (self.tasks.ready().is_empty() && !self.time.timers.has_fresh()).then_some(patience)
    }

    /// For how long there is nothing to do, if nothing comes; `None` if there is. Lets time that passes by itself pass, by no more
    /// than `max`.
    ///
    /// The clock is the host's code. It may wake, spawn, end and start timers, so that is looked for after each call.
    fn time_to_sleep(&self, max: Option<Duration>) -> Option<Option<Duration>> {
        if self.time.timers.has_fresh() {
            // Somebody's waker started a timer when it was woken by one. The next turn finds out when it is due.
            return None;
        }
        if self.time.timers.next().is_none() {
            return Some(max);
        }
        let now = self.now();
        self.ebb(now);
        // Asked for now, as the ebb puts the timer at hand into the wheel, which may tell a time before its deadline.
        let deadline = self.time.timers.next()?;
        let is_as_before = || {
            self.tasks.ready().is_empty() && !self.time.timers.has_fresh() && self.time.timers.next() == Some(deadline)
        };
        let left = deadline.saturating_duration_since(now);
        if left.is_zero() || !is_as_before() {
            return None;
        }
        let left = max.map_or(left, |max| max.min(left));
        if self.time.clock.may_jump() {
            // What has come to the driver by now comes before what is to come with time.
            self.look_out_now();
            if !is_as_before() {
                return None;
            }
        }
        // The clock is the host's, and may wake somebody as it is asked.
        let may_jump = self.may_jump();
        if !is_as_before() {
            return None;
        }
        if may_jump && self.jump_to(now + left) {
            self.time.standstill.is_over();
            return None;
        }
        let left = if self.time.clock.may_jump() { self.bear_standstill(now, left)? } else { left };
        is_as_before().then_some(Some(left))
    }

    /// Time is waited for, and may not jump: for how long to sleep at most. A standstill that lasts is told of; `None` then.
    #[cold]
    fn bear_standstill(&self, now: Instant, left: Duration) -> Option<Duration> {
        if !self.is_time_real() {
            return Some(left);
        }
        match self.time.standstill.look(now, self.notices.after) {
            Patience::Wait(most) => Some(left.min(most)),
            Patience::Tell => {
                let jobs: Vec<_> =
                    self.threads.jobs_at_work().iter().map(|job| format!("of the to_thread at {job}")).collect();
                let text = match jobs.is_empty() {
                    true => "it is held, and timers wait".to_owned(),
                    false => format!("a job is out ({}), whose time is real, and timers wait", jobs.join(", ")),
                };
                self.tasks.clear_current();
                self.tasks.unhandler.report(Unhandled::new(UnhandledKind::TimeStands(text.into())));
                None
            }
        }
    }

    /// May time pass by itself? Not while a job is out on another thread, or somebody holds the clock for one: its time is real. Either
    /// calls the loop when that is over, under the lock under which it was asked here, so the loop looks again. Whoever works on
    /// another thread asks things of the loop, and wakes its tasks, before he comes to his end; so the inbox is looked at last.
    pub(crate) fn may_jump(&self) -> bool {
        self.time.clock.may_jump() && !self.is_time_real() && !self.tasks.inbox.is_pending()
    }

    /// Is a job out on another thread, or is the clock held? If so, the loop is called when that is over.
    pub(crate) fn is_time_real(&self) -> bool {
        self.threads.has_jobs_out() || self.is_held()
    }

    /// Is there nothing left to do, until something new is asked for? Armed for that, as for a sleep.
    pub(crate) fn is_finished(&self) -> bool {
        let closes = self.tasks.is_closing();
        self.tasks.live() == 0 && !(closes && self.threads.is_running()) && self.tasks.inbox.arm() == Arm::Sleep
    }

    // What follows calls the host's code. A panic there is the host's, not that of the task that was polled last.

    pub(crate) fn now(&self) -> Instant {
        self.tasks.clear_current();
        self.time.clock.now()
    }

    fn is_held(&self) -> bool {
        self.tasks.clear_current();
        self.time.clock.is_held(&Waker::from(self.calls.clone()))
    }

    pub(crate) fn jump_to(&self, deadline: Instant) -> bool {
        self.tasks.clear_current();
        self.time.clock.jump_to(deadline)
    }

    pub(crate) fn park(&self, max: Option<Duration>) {
        self.tasks.clear_current();
        self.lookout.looked(self.tasks.ready().head());
        self.parking.park(max);
    }

    /// Looks at the driver, without waiting, if that is due and there is so much to do that it is not asked otherwise.
    pub(crate) fn look_out(&self) {
        let ready = self.tasks.ready();
        if self.lookout.is_driver() && self.lookout.is_due(ready.head()) && !ready.is_empty() {
            self.park(Some(Duration::ZERO));
        }
    }

    /// Looks at the driver, if there is one: a host that ticks may never park, nor a loop to which calls come without end.
    pub(crate) fn look_out_now(&self) {
        if self.lookout.is_driver() {
            self.park(Some(Duration::ZERO));
        }
    }
}
