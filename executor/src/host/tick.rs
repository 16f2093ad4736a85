//! Ticks: the loop in slices, for hosts that have one of their own.

use crate::{
    core::Core,
    host::executor::Executor,
    outcome::{
        nested_run::{Drive, NestedRun},
        or_panic::OrPanic,
    },
    task::tasks::Tasks,
    time::instant::Instant,
    turn::{Driver, Next},
    wake::inbox::Arm,
};
use std::{panic::Location, time::Duration};

impl Executor {
    /// Runs for at most `budget`, without ever blocking.
    ///
    /// # Panics
    ///
    /// Inside a task of this same executor, and in its own wake callbacks. Where that may be, in a loop of the host's that may run inside of
    /// another or be called from C, use [`try_tick`](Executor::try_tick).
    #[track_caller]
    pub fn tick(&self, budget: impl Into<Budget>) -> Progress {
        self.try_tick(budget).or_panic()
    }

    /// [`tick`](Executor::tick) with an error instead of the panic.
    ///
    /// # Errors
    ///
    /// [`NestedRun`], inside a task of this same executor, and in its own wake callbacks: nothing was done. The tick that runs already goes
    /// on when that task returns, and what is ready then is not lost.
    ///
    /// ```
    /// use evenkeel::{Executor, host::Budget};
    /// use std::rc::Rc;
    ///
    /// let executor = Rc::new(Executor::new());
    /// let own = executor.clone();
    /// // A task that shows a dialog, whose loop ticks as the host's main loop does.
    /// let shown = executor.spawn(async move { own.try_tick(Budget::polls(10)).is_err() });
    /// assert!(executor.run(shown).unwrap());
    /// assert!(executor.try_tick(Budget::polls(10)).is_ok());
    /// ```
    #[track_caller]
    pub fn try_tick(&self, budget: impl Into<Budget>) -> Result<Progress, NestedRun> {
        let budget = budget.into();
        let until = budget.time.map(|time| self.core.time.clock.now() + time);
        self.drive(Location::caller(), |before| Tick::new(before, budget, until))
    }

    /// Turns until nothing is ready. It never blocks, and it ends:
    ///
    /// * Tasks that wake themselves while they are polled do not keep it going: it ends with the turn in which nothing else is ready.
    /// * Tasks that wake each other for ever, or spawn others for ever, end it after 100 000 polls, and ten for each task that was there at
    ///   the call.
    ///
    /// The state is [`Readiness::MoreReady`] then.
    ///
    /// # Panics
    ///
    /// Inside a task of this same executor, and in its own wake callbacks.
    #[track_caller]
    pub fn run_until_stalled(&self) -> Progress {
        self.try_run_until_stalled().or_panic()
    }

    /// [`run_until_stalled`](Executor::run_until_stalled) with an error instead of the panic.
    ///
    /// # Errors
    ///
    /// [`NestedRun`], as [`try_tick`](Executor::try_tick).
    #[track_caller]
    pub fn try_run_until_stalled(&self) -> Result<Progress, NestedRun> {
        /// Nothing tells a long errand between tasks from one without end but its length. This takes some milliseconds.
        const LONGEST: usize = 100_000;
        /// An errand that goes through all tasks there are polls each a few times.
        const POLLS_PER_TASK: usize = 10;
        let most = self.core.tasks.live().saturating_mul(POLLS_PER_TASK).saturating_add(LONGEST);
        self.drive(Location::caller(), |before| Stall { before, most, restless: 0 })
    }

    /// Runs the loop for a driver, which is made of the count of polls before that.
    fn drive<D: Driver>(
        &self,
        location: &'static Location<'static>,
        driver: impl FnOnce(u32) -> D,
    ) -> Result<Progress, NestedRun> {
        let core = &self.core;
        let before = core.tasks.ready().head();
        core.enter(Drive::Tick, location, || {
            core.catching(|| core.look_out_now());
            core.run(&mut driver(before));
        })?;
        let polled = polled(core, before);
        core.ebb_if_it_holds_much();
        let next_deadline = core.time.timers.next();
        let next_wait = next_deadline.map(|deadline| deadline.saturating_duration_since(core.time.clock.now()));
        let readiness = if core.time.timers.has_fresh() {
            // Somebody's waker started a timer when it was woken by one; its deadline is not known yet.
            Readiness::MoreReady
        } else if core.is_finished() {
            Readiness::Finished
        } else if core.tasks.ready().is_empty() && core.tasks.inbox.arm() == Arm::Sleep {
            // Armed, and looked again, in one step: a wake-up from now on calls `on_wake`.
            Readiness::Idle
        } else {
            Readiness::MoreReady
        };
        core.host_waits(if readiness == Readiness::MoreReady { Some(Duration::ZERO) } else { next_wait });
        Ok(Progress { polled, readiness, next_deadline, next_wait })
    }
}

/// How many polls there were since that count.
fn polled(core: &Core, before: u32) -> usize {
    core.tasks.ready().head().wrapping_sub(before) as usize
}

/// The loop runs for as long as a budget lasts, or something is ready.
struct Tick {
    before: u32,
    budget: Budget,
    until: Option<Instant>,
    /// Has the first turn begun? It is taken in any case, unless calls have taken all the time.
    has_begun: bool,
    is_out_of_time: bool,
    /// How many polls there had been at the last look at the clock, and the time then.
    looked: usize,
    last: Option<Instant>,
    /// How many looks in a row found the same time.
    standing: usize,
}

impl Tick {
    /// After so many looks at a clock that stands still, as a virtual one does, the time counts as spent.
    const STANDING: usize = 1_000;

    fn new(before: u32, budget: Budget, until: Option<Instant>) -> Tick {
        Tick { before, budget, until, has_begun: false, is_out_of_time: false, looked: 0, last: None, standing: 0 }
    }

    fn look(&mut self, core: &Core) {
        self.looked = polled(core, self.before);
        let now = self.until.map(|_| core.now());
        self.standing = if now == self.last { self.standing + 1 } else { 0 };
        let has_stepped_back = now < self.last;
        self.last = now;
        self.is_out_of_time = now >= self.until || self.standing >= Tick::STANDING || has_stepped_back;
    }
}

impl Driver for Tick {
    fn begin(&mut self, core: &Core) -> Option<usize> {
        let polled = polled(core, self.before);
        let has_begun = std::mem::replace(&mut self.has_begun, true);
        if polled != self.looked {
            // After a task's panic, which has left out the look behind its poll.
            self.has_enough(core);
        }
        let is_done = core.tasks.ready().is_empty() || polled >= self.budget.polls;
        if self.is_out_of_time || (has_begun && is_done) {
            return None;
        }
        Some(self.budget.polls.saturating_sub(polled))
    }

    /// A look at the clock after each poll costs as much as a short poll. Nothing cheaper tells that this one was long.
    fn has_enough(&mut self, core: &Core) -> bool {
        if self.until.is_some() && !self.is_out_of_time {
            self.look(core);
        }
        self.is_out_of_time
    }

    fn end(&mut self, _: &Core) -> Next {
        Next::Turn
    }
}

/// The loop runs until nothing is ready but tasks that wake themselves while they are polled.
struct Stall {
    before: u32,
    most: usize,
    /// How many did so in this turn.
    restless: usize,
}

impl Driver for Stall {
    fn begin(&mut self, core: &Core) -> Option<usize> {
        self.restless = 0;
        (polled(core, self.before) < self.most).then_some(usize::MAX)
    }

    fn step(&mut self, tasks: &Tasks) {
        self.restless += usize::from(tasks.step_is_restless());
    }

    fn end(&mut self, core: &Core) -> Next {
        if core.tasks.ready().len() == self.restless { Next::Return } else { Next::Turn }
    }
}

/// How long a tick may run: for a time, for a number of polls, or both.
///
/// A poll is never interrupted. With a budget of time the clock is looked at after each of them, so that a tick is late by one poll at most,
/// or by one call that another thread has asked for. A look takes some 20 ns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    polls: usize,
    time: Option<Duration>,
}

impl Budget {
    /// A budget of at most that many polls.
    pub fn polls(polls: usize) -> Budget {
        Budget { polls, time: None }
    }

    /// A budget of that much time.
    pub fn time(time: Duration) -> Budget {
        Budget { polls: usize::MAX, time: Some(time) }
    }

    /// Limits the budget to that many polls.
    pub fn and_polls(self, polls: usize) -> Budget {
        Budget { polls, ..self }
    }
}

impl From<Duration> for Budget {
    fn from(time: Duration) -> Budget {
        Budget::time(time)
    }
}

/// What is left to do after a tick. There are no other states, so that a host can see from its `match` that it has an answer to each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Readiness {
    /// Tick again: something is ready.
    MoreReady,
    /// Wait for a wake-up or the next deadline.
    Idle,
    /// There is no task, and nothing that another thread asked for. (While the executor closes: nor a job that runs on its thread.)
    /// What comes now, from this thread or another, calls `on_wake`, as after `Idle`.
    Finished,
}

/// What a tick did, and when the next one is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// How many tasks were polled.
    pub polled: usize,
    /// What is left to do.
    pub readiness: Readiness,
    /// When the next timer is due, if there is one.
    pub next_deadline: Option<Instant>,
    /// The time until then.
    pub next_wait: Option<Duration>,
}
