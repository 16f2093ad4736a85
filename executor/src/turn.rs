//! The loop.

use crate::{
    core::Core,
    outcome::caught::{caught, forget_if_it_panics},
    raw::number::Number,
    schedule::Choice,
    task::tasks::{Stop, Tasks},
    wake::{call::call, calls::Call, wake::wake_entry},
};
use evenkeel_coop::renew_budget;
use std::{panic::resume_unwind, time::Duration};

/// For whom the loop runs: the main future, a host's tick, or the end of the executor.
pub(crate) trait Driver {
    /// Asked before each turn: how many tasks are to be polled in it, at most. `None`: the loop returns.
    ///
    /// What has to be asked again after a task's panic is asked here: a panic leaves out what stands behind the turn.
    fn begin(&mut self, core: &Core) -> Option<usize>;

    /// Polls or stops the oldest task that is ready.
    #[inline(always)]
    fn step(&mut self, tasks: &Tasks) {
        tasks.step();
    }

    /// Asked after each step, and after each call that was made for another thread: does the rest wait for another turn?
    #[inline(always)]
    fn has_enough(&mut self, core: &Core) -> bool {
        let _ = core;
        false
    }

    /// Asked behind each turn.
    fn end(&mut self, core: &Core) -> Next;
}

/// What follows a turn.
pub(crate) enum Next {
    /// Another one.
    Turn,
    /// Another one, after a sleep if nothing is ready: until something is, at most for so long.
    Sleep(Option<Duration>),
    /// Nothing: the loop returns.
    Return,
}

impl Core {
    /// Takes turns until the driver has enough. Wake-ups that came while nobody drove the executor are taken first of all: they are older
    /// than what its host did since. So are calls; but if there was no time for tasks after them when the driver before had enough, tasks go
    /// first now.
    pub(crate) fn run(&self, driver: &mut impl Driver) {
        self.catching(|| self.take_wakes());
        if self.calls_were_first.take() {
            // The first turn finds them behind its tasks.
            self.calls.leave_to_next_turn();
        } else {
            let was_enough = self.catching(|| self.do_calls(driver));
            self.calls_were_first.set(was_enough);
        }
        self.catching(
            || if self.schedule.is_some() { self.turns::<true>(driver) } else { self.turns::<false>(driver) },
        );
    }

    /// The loop. `CHOSEN`: there is a schedule.
    #[inline(always)]
    fn turns<const CHOSEN: bool>(&self, driver: &mut impl Driver) {
        let ready = self.tasks.ready();
        while let Some(most) = driver.begin(self) {
            // 1. Take the batch of tasks that are ready now, and poll each once. What becomes ready meanwhile waits for the next turn,
            //    so who is always ready starves no other, nor what follows here.
            let end = ready.nth(ready.len().min(most));
            while ready.head() != end {
                if CHOSEN {
                    self.choose_ready(end);
                }
                driver.step(&self.tasks);
                if driver.has_enough(self) {
                    break;
                }
            }
            // 2. Take the wake-ups that came from other threads.
            if self.tasks.inbox.is_pending() {
                self.take_wakes();
                if driver.has_enough(self) {
                    self.calls.leave_to_next_turn();
                } else {
                    self.do_calls(driver);
                }
            }
            // 3. Fire the timers that are due, and look at the park's driver, if there is one.
            if self.time.timers.is_armed() && self.time.pace.is_due(ready.is_empty(), ready.head()) {
                self.fire_timers();
            }
            if CHOSEN {
                self.resume_schedule_panic();
            }
            // 4. If nothing is ready: park until a wake-up comes or the next timer is due.
            match driver.end(self) {
                Next::Sleep(max) if ready.is_empty() => self.wait(max),
                Next::Sleep(_) | Next::Turn => {}
                Next::Return => return,
            }
        }
    }

    /// Calls `turns` until it returns without a panic.
    ///
    /// A task's panic unwinds to here and not only to its task, so that a poll that does not panic costs nothing for it.
    /// The panic ends the batch early: the tasks behind it are the first of the next one.
    pub(crate) fn catching<R>(&self, mut turns: impl FnMut() -> R) -> R {
        loop {
            match caught(&mut turns) {
                Ok(result) => return result,
                Err(payload) => {
                    self.tasks.recover(payload);
                    self.take_what_came();
                }
            }
        }
    }

    /// The second and third part of a turn that a panic has left out. Calls wait for the next turn, whose driver knows how many there may be.
    fn take_what_came(&self) {
        if self.tasks.inbox.is_pending() {
            self.take_wakes();
            self.calls.leave_to_next_turn();
        }
        let ready = self.tasks.ready();
        if self.time.timers.is_armed() && self.time.pace.is_due(ready.is_empty(), ready.head()) {
            self.fire_timers();
        }
    }

    /// Takes the wake-ups that came from elsewhere, and does what other threads have asked for.
    #[cold]
    pub(crate) fn drain_inbox(&self) {
        self.take_wakes();
        self.do_calls(&mut Untimed);
    }

    #[cold]
    fn take_wakes(&self) {
        let mut entries = self.entries.take();
        self.tasks.inbox.drain(&mut entries);
        if self.schedule.is_some() {
            for taken in 0..entries.len() {
                let chosen = self.choose_wake(Choice::ForeignWake, entries.len() - taken);
                entries[taken..=taken + chosen].rotate_right(1);
            }
        }
        entries.drain(..).for_each(wake_entry);
        self.entries.set(entries);
        if self.main.get() != Number::NONE {
            // Behind those wake-ups: what had come before counts.
            if let Some(reason) = self.calls.take_cancel_main() {
                self.tasks.request_number(self.main.get(), Stop::Cancel, reason);
            }
        }
    }

    /// Makes the calls that other threads have asked for, until the driver has enough: `true` then. What is left, and what comes meanwhile,
    /// waits for the next turn.
    #[cold]
    fn do_calls(&self, driver: &mut impl Driver) -> bool {
        let mut was_enough = false;
        let mut calls = self.taken_calls.take();
        self.calls.take_calls(&mut calls);
        while let Some(call) = calls.pop_front() {
            // The call belongs to no task.
            self.tasks.clear_current();
            renew_budget();
            match call {
                Call::Run(run) => forget_if_it_panics(caught(run)),
                Call::Report(unhandled) => self.tasks.unhandler.report(unhandled),
            }
            // The host's clock may panic.
            let asked = caught(|| driver.has_enough(self));
            was_enough = matches!(asked, Ok(true));
            if !matches!(asked, Ok(false)) {
                self.calls.put_back(&mut calls);
            }
            asked.unwrap_or_else(|payload| resume_unwind(payload));
        }
        self.taken_calls.set(calls);
        was_enough
    }

    #[inline(never)]
    fn fire_timers(&self) {
        if !self.lookout.is_driver() || self.time.timers.is_any_started() {
            self.fire_what_is_due();
        }
        self.look_out();
    }

    fn fire_what_is_due(&self) {
        let now = self.now();
        self.time.pace.looked(now, self.tasks.ready().head());
        self.ebb(now);
        let mut order = |ties| self.choose_wake(Choice::Timer, ties);
        let order: Option<&mut dyn FnMut(usize) -> usize> =
            if self.schedule.is_some() { Some(&mut order) } else { None };
        self.time.timers.fire(now, order, call);
    }
}

/// Drives nothing: all calls are made that there are.
struct Untimed;

impl Driver for Untimed {
    fn begin(&mut self, _: &Core) -> Option<usize> {
        None
    }

    fn end(&mut self, _: &Core) -> Next {
        Next::Return
    }
}
