//! How an executor closes: everything is cancelled, cleaned up for as long as there is time, and then stopped.

use crate::{
    core::Core,
    handle::Call,
    time::Instant,
    unhandled::{Cause, Unhandled},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

/// How many tasks that destructors have spawned are stopped before the rest is left to the executor's last sweep, which takes no more.
const PATIENCE: usize = 1 << 16;

impl Core {
    /// Does something have to end before the executor has closed: a task, or a job that runs on its thread?
    fn is_closing_still(&self) -> bool {
        if self.tasks.live() > 0 {
            return true;
        }
        // Nobody is left who could await a job. Those that somebody outside asked for, and left in line, do not begin any more, so
        // that none begins between this look and the end.
        self.threads.take_no_more();
        self.threads.is_running()
    }

    /// Cancels every task and drives until all have ended, and all jobs on other threads, at most for `grace`. What is left then is
    /// stopped hard, jobs are left alone; their names are returned.
    pub(crate) fn close(&self, grace: Option<Duration>) -> Vec<Box<str>> {
        self.tasks.close();
        let mut grace = grace.map(|grace| Grace::new(self, grace));
        self.catching(|| {
            self.drain_inbox();
            while self.is_closing_still() {
                self.turn_of(usize::MAX);
                let left = grace.as_mut().map(|grace| grace.left(self));
                if left == Some(Duration::ZERO) {
                    return;
                }
                if self.tasks.ready.is_empty() && self.is_closing_still() {
                    let until = grace.as_ref().map(|grace| grace.until);
                    let nothing_before = |until| self.timers.next().is_none_or(|next| next > until);
                    if until.is_some_and(|until| nothing_before(until) && self.may_jump() && self.jump_to(until)) {
                        continue;
                    }
                    self.wait(left);
                }
            }
        });
        let mut stuck = self.stop_hard();
        // What was asked for up to now is done. Then it is refused: a thread may ask for something at its very end, in a destructor of
        // its thread-locals, while it is waited for here. What this spawns is stopped before that, as the thread may wait for it too.
        self.shared.refuse_calls();
        self.catching(|| self.drain_inbox());
        self.stop_what_is_ready();
        for location in self.threads.close() {
            let unhandled = Unhandled::at(location, Cause::JobLeft);
            stuck.push(unhandled.task().into());
            self.tasks.unhandler.report(unhandled);
        }
        // What threads had to report before they ended.
        self.catching(|| self.drain_inbox());
        stuck
    }

    /// Cancels every task and steps once through those that are alive: clean-up is begun, but nobody waits for it. It asks
    /// nothing of the host's, neither schedule nor clock.
    pub(crate) fn shut_down(&self) {
        self.tasks.close();
        let mut entries = Vec::new();
        self.tasks.inbox.drain(&mut entries);
        for entry in entries {
            self.tasks.wake_entry(entry);
        }
        // Every task that lives is in the queue now, or waits for its clean-up.
        let end = self.tasks.ready.nth(self.tasks.ready.len());
        while self.tasks.ready.head() != end {
            self.step_and_recover();
        }
        self.stop_hard();
    }

    /// Stops what is alive. Returns the names.
    fn stop_hard(&self) -> Vec<Box<str>> {
        let stuck = self.tasks.abort_all();
        self.stop_what_is_ready();
        stuck
    }

    /// Every task that lives is in the queue, to be stopped. Those that their destructors spawn are stopped too, but not for ever.
    fn stop_what_is_ready(&self) {
        let ready = &self.tasks.ready;
        let end = ready.nth(ready.len() + PATIENCE);
        while !ready.is_empty() && ready.head() != end {
            self.step_and_recover();
        }
    }

    fn step_and_recover(&self) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.tasks.step())) {
            self.tasks.recover(payload);
        }
    }

    /// Ends calls that will not be done any more.
    pub(crate) fn drop_calls(&self, calls: Vec<Call>) {
        for call in calls {
            match call {
                Call::Run(run) => self.drop_foreign(run),
                Call::Report(unhandled) => self.tasks.unhandler.report(unhandled),
            }
        }
    }
}

/// A grace period. While a job is out, a clock that jumps stands still, but the time on the job's thread is real: what passes of it
/// and is not seen on the clock is taken from the grace.
struct Grace {
    until: Instant,
    /// The clock's time and the real one at the last look, if a job was out then.
    seen: Option<(Instant, std::time::Instant)>,
}

impl Grace {
    fn new(core: &Core, grace: Duration) -> Grace {
        let now = core.now();
        Grace { until: now + grace, seen: Grace::look(core, now) }
    }

    fn left(&mut self, core: &Core) -> Duration {
        let now = core.now();
        if let Some((shown, real)) = self.seen {
            let unseen = real.elapsed().saturating_sub(now.saturating_duration_since(shown));
            self.until = self.until - unseen;
        }
        self.seen = Grace::look(core, now);
        self.until.saturating_duration_since(now)
    }

    fn look(core: &Core, now: Instant) -> Option<(Instant, std::time::Instant)> {
        (core.clock.may_jump() && core.threads.has_jobs_out()).then(|| (now, std::time::Instant::now()))
    }
}
