//! How an executor closes: everything is cancelled, cleaned up for as long as there is time, and then stopped.

use crate::{
    core::Core,
    outcome::unhandled::{Unhandled, UnhandledKind},
    real_time::real_now,
    time::instant::Instant,
    turn::{Driver, Next},
    wake::wake::wake_entry,
};
use std::time::Duration;

impl Core {
    /// Must something end before the executor has closed: a task, or a job that runs on its thread?
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
        self.notices.begin_close();
        self.run(&mut Closing { grace: grace.map(|grace| Grace::new(self, grace)) });
        let mut stuck = self.stop_hard();
        // What was asked for up to now is done. Then it is refused: a thread may ask for something at its very end, in a destructor of
        // its thread-locals, while it is waited for here. What this spawns is stopped before that, as the thread may wait for it too.
        self.calls.refuse_calls();
        self.catching(|| self.drain_inbox());
        self.tasks.stop_what_is_ready();
        for location in self.threads.close() {
            let unhandled = Unhandled::at(location, UnhandledKind::JobLeft);
            stuck.push(unhandled.task().into());
            self.tasks.unhandler.report(unhandled);
        }
        // What threads had to report before they ended.
        self.catching(|| self.drain_inbox());
        stuck
    }

    /// Nothing is ready: waits, as after a turn, but no longer than the grace lasts.
    fn rest(&self, grace: Option<&Grace>) {
        let Some(grace) = grace else { return self.wait(None) };
        let nothing_comes = self.time.timers.next().is_none() && !self.time.timers.has_fresh();
        // The clock is the host's, and may wake somebody as it is asked.
        let may_jump =
            nothing_comes && self.may_jump() && self.tasks.ready().is_empty() && !self.time.timers.has_fresh();
        if !(may_jump && self.jump_to(grace.until)) {
            self.wait(Some(grace.left));
        }
    }

    /// Cancels every task and steps once through those that are alive: clean-up is begun, but nobody waits for it. It asks
    /// nothing of the host's, neither schedule nor clock.
    pub(crate) fn shut_down(&self) {
        self.tasks.close();
        let mut entries = Vec::new();
        self.tasks.inbox.drain(&mut entries);
        entries.into_iter().for_each(wake_entry);
        // Every task that lives is in the queue now, or waits for its clean-up.
        let end = self.tasks.ready().nth(self.tasks.ready().len());
        while self.tasks.ready().head() != end {
            self.tasks.step_and_recover();
        }
        self.stop_hard();
    }

    /// Stops what is alive. Returns the names.
    fn stop_hard(&self) -> Vec<Box<str>> {
        let stuck = self.tasks.abort_all();
        // Whoever could await a job is to be dropped.
        self.threads.take_no_more();
        self.tasks.stop_what_is_ready();
        stuck
    }
}

/// The executor closes: turns are taken until everything has ended, or the time is over.
struct Closing {
    grace: Option<Grace>,
}

impl Driver for Closing {
    #[inline]
    fn begin(&mut self, core: &Core) -> Option<usize> {
        if !core.is_closing_still()
            || core.is_stalled.take()
            || self.grace.as_mut().is_some_and(|grace| grace.is_over(core))
        {
            return None;
        }
        if core.tasks.ready().is_empty() {
            core.rest(self.grace.as_ref());
        }
        Some(usize::MAX)
    }

    fn end(&mut self, _: &Core) -> Next {
        Next::Turn
    }
}

/// A grace period, to be asked before each turn. While a job is out, or the clock is held, a clock that jumps stands still, but the time on
/// the other thread is real: what passes of it and is not seen on the clock is taken from the grace.
struct Grace {
    until: Instant,
    /// What was left at the last look.
    left: Duration,
    /// The clock's time at the last look, and the real one if a job was out then.
    seen: (Instant, Option<std::time::Instant>),
    /// How many looks there were since the time last moved.
    standing: usize,
    is_at_end: bool,
}

impl Grace {
    /// How many turns without rest end a grace while the clock stands still. Nothing tells a long errand from one without end but its
    /// length.
    const LONGEST: usize = 100_000;

    fn new(core: &Core, grace: Duration) -> Grace {
        let now = core.now();
        Grace { until: now + grace, left: grace, seen: Grace::look(core, now), standing: 0, is_at_end: false }
    }

    /// A grace ends when the time has come, but not before what was due or ready then had a turn; and where time stands still meanwhile,
    /// as a virtual one does, not before nothing is ready.
    fn is_over(&mut self, core: &Core) -> bool {
        let now = core.now();
        let (shown, real) = std::mem::replace(&mut self.seen, Grace::look(core, now));
        let moved = now.saturating_duration_since(shown);
        let unseen = real.map_or(Duration::ZERO, |real| real.elapsed().saturating_sub(moved));
        self.until -= unseen;
        self.left = self.until.saturating_duration_since(now);
        let stands = moved.is_zero() && unseen.is_zero() && !core.tasks.ready().is_empty();
        self.standing = if stands { self.standing + 1 } else { 0 };
        let was_at_end = std::mem::replace(&mut self.is_at_end, self.left.is_zero());
        (was_at_end && self.is_at_end && !stands) || self.standing > Self::LONGEST
    }

    fn look(core: &Core, now: Instant) -> (Instant, Option<std::time::Instant>) {
        let is_real = core.time.clock.may_jump() && core.is_time_real();
        (now, is_real.then(real_now).flatten())
    }
}
