//! The loop.

use crate::{
    core::Core,
    inbox::Arm,
    join_error::Panic,
    schedule::Choice,
    unhandled::{Cause, Unhandled},
};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    task::Waker,
    time::Duration,
};

impl Core {
    /// Runs until `done`. One turn is:
    ///
    /// 1. Take the batch of tasks that are ready now, and poll each once. What becomes ready meanwhile waits for the
    ///    next turn, so no task can starve another, nor what follows here.
    /// 2. Take the wake-ups that came from other threads.
    /// 3. Fire the timers that are due.
    /// 4. If nothing is ready: park until a wake-up comes or the next timer is due.
    pub(crate) fn run_until(&self, done: &dyn Fn() -> bool) {
        loop {
            self.turn(usize::MAX);
            if done() {
                return;
            }
            // 4.
            if self.tasks.ready.is_empty() {
                self.wait(None);
            }
        }
    }

    /// The first three parts of a turn, with a batch of at most `most` tasks. Returns the batch's size.
    pub(crate) fn turn(&self, most: usize) -> usize {
        // 1.
        let batch = self.tasks.ready.len().min(most);
        self.poll_batch(batch);
        // 2.
        if self.tasks.inbox.is_pending() {
            self.drain_inbox();
        }
        // 3.
        if self.timers.is_armed() {
            self.fire_timers();
        }
        batch
    }

    /// Polls the `batch` oldest ready tasks, each once.
    ///
    /// A panic unwinds to here and not only to its task, so that a poll that does not panic costs nothing for it; the
    /// batch then goes on behind the task that panicked.
    fn poll_batch(&self, batch: usize) {
        let left = Cell::new(batch);
        while left.get() > 0 {
            if self.schedule.is_some() {
                self.choose_next(left.get());
            }
            let polled = catch_unwind(AssertUnwindSafe(|| {
                while left.get() > 0 {
                    left.set(left.get() - 1);
                    self.tasks.step();
                    if self.schedule.is_some() {
                        break;
                    }
                }
            }));
            if let Err(payload) = polled {
                self.tasks.recover(payload);
            }
        }
    }

    #[cold]
    fn choose_next(&self, batch: usize) {
        self.tasks
            .ready
            .bring_forward(self.choose(Choice::Ready, batch));
    }

    fn choose(&self, choice: Choice, n: usize) -> usize {
        let Some(schedule) = &self.schedule else {
            return 0;
        };
        let chosen = schedule.borrow_mut().choose(choice, n);
        assert!(chosen < n, "a schedule chose {chosen} of {n}");
        chosen
    }

    #[cold]
    fn drain_inbox(&self) {
        let mut entries = self.entries.take();
        self.tasks.inbox.drain(&mut entries);
        if self.schedule.is_some() {
            for taken in 0..entries.len() {
                let chosen = self.choose(Choice::ForeignWake, entries.len() - taken);
                entries[taken..=taken + chosen].rotate_right(1);
            }
        }
        for entry in entries.drain(..) {
            self.tasks.wake_entry(entry);
        }
        self.entries.set(entries);
    }

    fn fire_timers(&self) {
        let mut order = |ties| self.choose(Choice::Timer, ties);
        let order: Option<&mut dyn FnMut(usize) -> usize> = if self.schedule.is_some() {
            Some(&mut order)
        } else {
            None
        };
        self.timers
            .fire(self.clock.now(), order, |waker| self.wake(waker));
    }

    /// Wakes a waker that may be anybody's.
    fn wake(&self, waker: Waker) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            let cause = Cause::WakerPanicked(Panic::new(payload));
            self.tasks.unhandler.report(Unhandled::new(cause));
        }
    }

    /// Nothing is ready: waits for a wake-up from elsewhere or the next timer, at most for `max`; then takes what came.
    pub(crate) fn wait(&self, max: Option<Duration>) {
        let deadline = self.timers.next();
        if let Some(deadline) = deadline
            && !self.tasks.inbox.is_pending()
            && self.clock.jump_to(deadline)
        {
            return;
        }
        if self.tasks.inbox.arm() == Arm::Sleep {
            self.tasks.trim();
            self.timers.trim();
            let due = deadline.map(|deadline| deadline.saturating_duration_since(self.clock.now()));
            let max = [due, max].into_iter().flatten().min();
            self.park.borrow_mut().park(max);
            self.tasks.inbox.disarm();
        }
    }

    /// Cancels every task and runs until all have ended.
    pub(crate) fn shut_down(&self) {
        self.tasks.close();
        while self.tasks.live() > 0 || !self.tasks.ready.is_empty() {
            self.turn(usize::MAX);
        }
    }
}
