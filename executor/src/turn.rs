//! The loop.

use crate::{
    core::Core,
    outcome::caught::{caught, forget_if_it_panics},
    raw::number::Number,
    schedule::Choice,
    task::tasks::{Stop, Tasks},
    wake::{call::call, calls::Call, wake::wake_entry},
};
use std::time::Duration;

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
    /// than what its host did since.
    pub(crate) fn run(&self, driver: &mut impl Driver) {
        self.catching(|| self.drain_inbox());
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
            }
            // 2. Take the wake-ups that came from other threads.
            if self.tasks.inbox.is_pending() {
                self.drain_inbox();
            }
            // 3. Fire the timers that are due.
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

    /// The second and third part of a turn that a panic has left out.
    fn take_what_came(&self) {
        if self.tasks.inbox.is_pending() {
            self.drain_inbox();
        }
        let ready = self.tasks.ready();
        if self.time.timers.is_armed() && self.time.pace.is_due(ready.is_empty(), ready.head()) {
            self.fire_timers();
        }
    }

    /// Takes the wake-ups that came from elsewhere, and does what other threads have asked for.
    #[cold]
    pub(crate) fn drain_inbox(&self) {
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
        self.do_calls();
    }

    /// Makes the calls that other threads have asked for. What comes meanwhile waits for the next turn.
    fn do_calls(&self) {
        let mut calls = self.taken_calls.take();
        self.calls.take_calls(&mut calls);
        for call in calls.drain(..) {
            // The call belongs to no task.
            self.tasks.clear_current();
            match call {
                Call::Run(run) => forget_if_it_panics(caught(run)),
                Call::Report(unhandled) => self.tasks.unhandler.report(unhandled),
            }
        }
        self.taken_calls.set(calls);
    }

    #[inline(never)]
    fn fire_timers(&self) {
        let now = self.now();
        self.time.pace.looked(now, self.tasks.ready().head());
        self.ebb(now);
        let mut order = |ties| self.choose_wake(Choice::Timer, ties);
        let order: Option<&mut dyn FnMut(usize) -> usize> =
            if self.schedule.is_some() { Some(&mut order) } else { None };
        self.time.timers.fire(now, order, call);
    }
}
