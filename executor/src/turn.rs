//! The loop.

use crate::{
    core::Core,
    outcome::{
        join_error::Panic,
        unhandled::{Unhandled, UnhandledKind, forget_if_it_panics},
    },
    raw::number::Number,
    schedule::Choice,
    task::{handle::Ended, tasks::Stop},
    threads::handle::Call,
    time::instant::Instant,
    wake::inbox::Arm,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    task::Waker,
    time::Duration,
};

/// An executor that sleeps for so long gives memory back that it does not need now.
const LONG: Duration = Duration::from_millis(100);

impl Core {
    /// Runs until `main` has ended. One turn is:
    ///
    /// 1. Take the batch of tasks that are ready now, and poll each once. What becomes ready meanwhile waits for the
    ///    next turn, so no task can starve another, nor what follows here.
    /// 2. Take the wake-ups that came from other threads.
    /// 3. Fire the timers that are due.
    /// 4. If nothing is ready: park until a wake-up comes or the next timer is due.
    pub(crate) fn run_until(&self, main: Ended<'_>) {
        if self.schedule.is_some() { self.turns::<true>(main) } else { self.turns::<false>(main) }
    }

    fn turns<const CHOSEN: bool>(&self, main: Ended<'_>) {
        self.catching(|| self.drain_inbox());
        self.catching(move || {
            loop {
                self.turn::<CHOSEN>(usize::MAX);
                if main.get() {
                    return;
                }
                // 4.
                if self.tasks.ready.is_empty() {
                    self.wait(None);
                }
            }
        });
    }

    /// The first three parts of a turn, with a batch of at most `most` tasks, for hosts that do the fourth themselves. To
    /// be called inside [`Core::catching`].
    pub(crate) fn turn_of(&self, most: usize) {
        if self.schedule.is_some() { self.turn::<true>(most) } else { self.turn::<false>(most) }
    }

    /// The same for all that are ready. `true` if nothing is ready now but tasks that woke themselves while they were polled.
    pub(crate) fn turn_until_stalled(&self) -> bool {
        let ready = &self.tasks.ready;
        let end = ready.nth(ready.len());
        let mut restless = 0;
        while ready.head() != end {
            self.choose_ready(end);
            restless += usize::from(self.tasks.step_is_restless());
        }
        self.take_what_came();
        self.resume_schedule_panic();
        ready.len() == restless
    }

    /// The first three parts of a turn. `CHOSEN`: there is a schedule.
    #[inline(always)]
    fn turn<const CHOSEN: bool>(&self, most: usize) {
        // 1.
        let ready = &self.tasks.ready;
        let end = ready.nth(ready.len().min(most));
        while ready.head() != end {
            if CHOSEN {
                self.choose_ready(end);
            }
            self.tasks.step();
        }
        self.take_what_came();
        if CHOSEN {
            self.resume_schedule_panic();
        }
    }

    #[inline(always)]
    fn take_what_came(&self) {
        // 2.
        if self.tasks.inbox.is_pending() {
            self.drain_inbox();
        }
        // 3.
        if self.timers.is_armed() && self.pace.is_due(&self.tasks.ready) {
            self.fire_timers();
        }
    }

    /// Calls `turns` until it returns without a panic.
    ///
    /// A task's panic unwinds to here and not only to its task, so that a poll that does not panic costs nothing for it.
    /// It ends the batch early: the tasks behind it are the first of the next one.
    pub(crate) fn catching<R>(&self, mut turns: impl FnMut() -> R) -> R {
        loop {
            match catch_unwind(AssertUnwindSafe(&mut turns)) {
                Ok(result) => return result,
                Err(payload) => {
                    self.tasks.recover(payload);
                    self.take_what_came();
                }
            }
        }
    }

    /// Takes the wake-ups that came from elsewhere. Also before the first turn: those that came while nobody drove the
    /// executor are older than what its host did since.
    #[cold]
    pub(crate) fn drain_inbox(&self) {
        let mut entries = self.entries.take();
        self.tasks.inbox.drain(&mut entries);
        if self.main.get() != Number::NONE {
            if let Some(reason) = self.shared.take_cancel_main() {
                self.tasks.request_number(self.main.get(), Stop::Cancel, reason);
            }
        }
        if self.schedule.is_some() {
            for taken in 0..entries.len() {
                let chosen = self.choose_wake(Choice::ForeignWake, entries.len() - taken);
                entries[taken..=taken + chosen].rotate_right(1);
            }
        }
        for entry in entries.drain(..) {
            self.tasks.wake_entry(entry);
        }
        self.entries.set(entries);
        self.do_calls();
    }

    /// Does what other threads have asked for. What comes meanwhile waits for the next turn.
    fn do_calls(&self) {
        let mut calls = self.calls.take();
        self.shared.take_calls(&mut calls);
        for call in calls.drain(..) {
            // It belongs to no task.
            self.tasks.clear_current();
            match call {
                Call::Run(run) => forget_if_it_panics(catch_unwind(AssertUnwindSafe(run))),
                Call::Report(unhandled) => self.tasks.unhandler.report(unhandled),
            }
        }
        self.calls.set(calls);
    }

    #[inline(never)]
    fn fire_timers(&self) {
        let now = self.now();
        self.pace.looked(now, &self.tasks.ready);
        let mut order = |ties| self.choose_wake(Choice::Timer, ties);
        let order: Option<&mut dyn FnMut(usize) -> usize> =
            if self.schedule.is_some() { Some(&mut order) } else { None };
        self.timers.fire(now, order, |waker| self.wake(waker));
    }

    /// Wakes a waker that may be anybody's.
    fn wake(&self, waker: Waker) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            let kind = UnhandledKind::WakerPanicked(Panic::new(payload));
            self.tasks.unhandler.report(Unhandled::new(kind));
        }
    }

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
            self.tasks.trim();
            self.timers.trim();
        }
        if self.tasks.inbox.arm() == Arm::Sleep {
            self.park(max);
        }
    }

    /// For how long there is nothing to do, if nothing comes; `None` if there is. Lets time that passes by itself pass, by no more
    /// than `max`.
    ///
    /// The clock is the host's code. It may wake, spawn, end and start timers, so that is looked for after each call.
    fn time_to_sleep(&self, max: Option<Duration>) -> Option<Option<Duration>> {
        if self.timers.has_fresh() {
            // Somebody's waker started a timer when it was woken by one. The next turn finds out when it is due.
            return None;
        }
        let Some(deadline) = self.timers.next() else { return Some(max) };
        let is_as_before =
            || self.tasks.ready.is_empty() && !self.timers.has_fresh() && self.timers.next() == Some(deadline);
        let now = self.now();
        let left = deadline.saturating_duration_since(now);
        if left.is_zero() || !is_as_before() {
            return None;
        }
        let left = max.map_or(left, |max| max.min(left));
        let has_jumped = self.may_jump() && self.jump_to(now + left);
        (!has_jumped && is_as_before()).then_some(Some(left))
    }

    /// May time pass by itself? Not while a job is out on another thread: its time is real. It wakes its caller before it comes back,
    /// so the inbox is looked at second.
    pub(crate) fn may_jump(&self) -> bool {
        self.clock.may_jump() && !self.threads.has_jobs_out() && !self.tasks.inbox.is_pending()
    }

    /// Is there nothing left to do, until something new is asked for? Armed for that, as for a sleep.
    pub(crate) fn is_finished(&self) -> bool {
        let closes = self.tasks.is_closing();
        self.tasks.live() == 0 && !(closes && self.threads.is_running()) && self.tasks.inbox.arm() == Arm::Sleep
    }

    // What follows calls the host's code. A panic there is the host's, not that of the task that was polled last.

    fn choose_ready(&self, end: u32) {
        if self.schedule.is_none() {
            return;
        }
        let ready = &self.tasks.ready;
        let left = end.wrapping_sub(ready.head()) as usize;
        ready.bring_forward(self.choose(Choice::Ready, left));
    }

    fn choose(&self, choice: Choice, n: usize) -> usize {
        let Some(schedule) = &self.schedule else { return 0 };
        self.tasks.clear_current();
        let chosen = schedule.borrow_mut().choose(choice, n);
        assert!(chosen < n, "a schedule chose {chosen} of {n}");
        chosen
    }

    /// A choice between wake-ups that lie in no queue at that moment: they are all delivered first, and if the schedule
    /// panics, the panic goes on at the end of the turn.
    fn choose_wake(&self, choice: Choice, n: usize) -> usize {
        catch_unwind(AssertUnwindSafe(|| self.choose(choice, n))).unwrap_or_else(|payload| {
            match self.schedule_panic.take() {
                // The first one goes on. The other's payload may panic in its destructor.
                Some(first) => {
                    self.schedule_panic.set(Some(first));
                    forget_if_it_panics(payload);
                }
                None => self.schedule_panic.set(Some(payload)),
            }
            0
        })
    }

    fn resume_schedule_panic(&self) {
        if let Some(payload) = self.schedule_panic.take() {
            self.tasks.clear_current();
            resume_unwind(payload);
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.tasks.clear_current();
        self.clock.now()
    }

    pub(crate) fn jump_to(&self, deadline: Instant) -> bool {
        self.tasks.clear_current();
        self.clock.jump_to(deadline)
    }

    fn park(&self, max: Option<Duration>) {
        self.tasks.clear_current();
        self.park.borrow_mut().park(max);
    }
}
