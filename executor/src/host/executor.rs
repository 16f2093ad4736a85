//! An executor as a value, for programs that have a loop of their own.

use crate::{
    core::{Core, Parts, TooManyExecutors, check_not_nested},
    outcome::{
        join_error::JoinError,
        unhandled::{Unhandled, Unhandler, report_panic},
    },
    park::{Park, ThreadPark},
    raw::number::MAX_SLOTS,
    run::{run_and_close, run_on, value_or_panic},
    schedule::Schedule,
    task::{spawn::Spawner, task::Task},
    threads::{handle::Handle, pool::Settings},
    time::{
        clock::{Clock, ClockSource},
        instant::Instant,
    },
    wake::{inbox::Arm, local_callback::LocalCallback},
};
use std::{fmt, panic::Location, rc::Rc, sync::Arc, time::Duration};

/// An executor that its host drives: with [`run`](Executor::run), or in slices with [`tick`](Executor::tick).
///
/// Dropping it cancels every task that is alive and drops it, on this thread. Their clean-up is begun, but nobody waits for
/// it: [`close`](Executor::close) does. The drop does not panic: what a destructor throws there, that of a callback or a clock
/// included, goes to `on_unhandled`. What destructors spawn there is cancelled from birth, and in the last moment a [`Spawner`] gives an
/// error. After a million of such tasks, whose destructors spawn each other for ever perhaps, those that come are leaked.
///
/// ```
/// use evenkeel::{Executor, host::Readiness, sleep};
/// use std::time::Duration;
///
/// let executor = Executor::new();
/// let mut task = executor.spawn(async {
///     sleep(Duration::from_millis(1)).await;
///     7
/// });
/// // A host's loop: other work could be done in each round.
/// let value = loop {
///     let progress = executor.tick(Duration::from_millis(4));
///     if let Some(outcome) = task.take_result() {
///         break outcome.unwrap();
///     }
///     if progress.readiness == Readiness::Idle {
///         executor.park(progress.next_wait.unwrap_or(Duration::MAX));
///     }
/// };
/// assert_eq!(value, 7);
/// ```
pub struct Executor {
    pub(crate) core: Rc<Core>,
}

impl Executor {
    /// An executor with the system's clock that parks its thread.
    ///
    /// # Panics
    ///
    /// If the process has as many executors as it can have (4 095, on 32-bit targets 63).
    #[expect(clippy::new_without_default, reason = "it can panic, and takes a place in the process")]
    #[track_caller]
    pub fn new() -> Executor {
        Executor::builder().build()
    }

    /// [`Executor::new`] with an error instead of the panic.
    ///
    /// # Errors
    ///
    /// If the process has as many executors as it can have.
    #[track_caller]
    pub fn try_new() -> Result<Executor, TooManyExecutors> {
        Executor::builder().try_build()
    }

    /// An executor with settings.
    pub fn builder() -> ExecutorBuilder {
        ExecutorBuilder {
            clock: ClockSource::System,
            schedule: None,
            park: None,
            on_wake: None,
            on_wake_local: None,
            threads: Settings::default(),
            unhandler: Unhandler::default(),
            max_tasks: MAX_SLOTS,
            grace: None,
            #[cfg(feature = "ctrl-c")]
            cancel_on_ctrl_c: false,
        }
    }

    /// Runs `main` to its end. Tasks that are alive then stay so, until the next run or tick, or the executor's drop.
    ///
    /// # Panics
    ///
    /// If `main` panics: the panic goes on here. Inside a task of any executor on this thread.
    #[track_caller]
    pub fn run<F: Future>(&self, main: F) -> F::Output {
        match run_on(&self.core, main, Location::caller()) {
            Ok(outcome) => value_or_panic(outcome),
            Err(nested) => panic!("{nested}"),
        }
    }

    /// [`run`](Executor::run) with the outcome as a value: a main future that was cancelled, by Ctrl-C say, or panicked.
    ///
    /// # Errors
    ///
    /// As awaiting a task does.
    ///
    /// # Panics
    ///
    /// Inside a task of any executor on this thread.
    ///
    /// ```
    /// use evenkeel::{CancelReason, Executor, JoinError, current_task, yield_now};
    ///
    /// let executor = Executor::new();
    /// let outcome = executor.run_outcome(async {
    ///     current_task().cancel(CancelReason::Interrupted);
    ///     yield_now().await;
    ///     std::future::pending::<()>().await;
    /// });
    /// assert!(matches!(outcome, Err(JoinError::Cancelled(CancelReason::Interrupted))));
    /// ```
    #[track_caller]
    pub fn run_outcome<F: Future>(&self, main: F) -> Result<F::Output, JoinError> {
        run_on(&self.core, main, Location::caller()).unwrap_or_else(|nested| panic!("{nested}"))
    }

    /// Ends the executor: cancels every task, and runs until their clean-up is done and the jobs of [`to_thread`](crate::to_thread)
    /// have ended, at most for `grace`. What is left then is dropped without clean-up (jobs are left alone), is reported to
    /// `on_unhandled`, and listed in the report. Under a clock that jumps, as a virtual one does, the part of the grace during which a
    /// job is out is real time. When it is over, threads without a job are waited for until they have ended.
    ///
    /// What is due or ready at the very end of the grace is still polled. While a clock stands still, 100 000 turns without rest end the
    /// grace too.
    ///
    /// This blocks. A host that must not block calls [`begin_close`](Executor::begin_close), ticks until
    /// [`Readiness::Finished`], and then closes with no grace.
    ///
    /// # Panics
    ///
    /// Inside a task of any executor on this thread.
    ///
    /// ```
    /// use evenkeel::{Executor, finally, sleep};
    /// use std::{cell::Cell, future::pending, rc::Rc, time::Duration};
    ///
    /// let executor = Executor::new();
    /// let said_goodbye = Rc::new(Cell::new(false));
    /// let goodbye = said_goodbye.clone();
    /// let client = executor.spawn(finally(pending::<()>(), async move |_: Option<&()>| {
    ///     sleep(Duration::from_millis(1)).await;
    ///     goodbye.set(true);
    /// }));
    /// client.detach();
    /// executor.run_until_stalled();
    /// let report = executor.close(Duration::from_secs(1));
    /// assert!(report.stuck().is_empty() && said_goodbye.get());
    /// ```
    #[track_caller]
    pub fn close(self, grace: Duration) -> CloseReport {
        let closing = self.core.enter_blocking(Location::caller()).unwrap_or_else(|nested| panic!("{nested}"));
        let stuck = self.core.close(Some(grace));
        drop(closing);
        CloseReport { stuck }
    }

    /// Cancels every task, as [`close`](Executor::close) does, without waiting: ticks do the rest. Tasks that are spawned from
    /// now on are cancelled from birth, unless clean-up spawns them.
    pub fn begin_close(&self) {
        self.core.tasks.close();
    }

    /// Spawns a task, from inside or outside of the executor's loop.
    ///
    /// # Panics
    ///
    /// If the executor has as many tasks as it may have.
    #[track_caller]
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        let spawned = self.core.tasks.spawn(future, Location::caller());
        Task(spawned.unwrap_or_else(|full| panic!("{full}")))
    }

    /// What reaches this executor from other threads.
    pub fn handle(&self) -> Handle {
        Handle(self.core.shared.clone())
    }

    /// What spawns tasks on this executor, and can be kept by them.
    pub fn spawner(&self) -> Spawner {
        Spawner::of(&self.core)
    }

    /// Runs for at most `budget`, without ever blocking.
    ///
    /// # Panics
    ///
    /// Inside a task of this same executor.
    #[track_caller]
    pub fn tick(&self, budget: impl Into<Budget>) -> Progress {
        /// How many polls there are between two looks at the clock.
        const SLICE: usize = 16;
        /// After so many looks at a clock that stands still, as a virtual one does, the time counts as spent.
        const STANDING: usize = 64;
        let budget = budget.into();
        let until = budget.time.map(|time| self.core.clock.now() + time);
        let (mut begun, mut last, mut standing) = (false, None, 0);
        self.drive(Location::caller(), |core, polled| {
            loop {
                // Before each turn but the first, and not behind it, which a task's panic leaves out.
                if std::mem::replace(&mut begun, true) {
                    let now = until.map(|_| core.now());
                    standing = if now == last { standing + 1 } else { 0 };
                    let has_stepped_back = now < last;
                    last = now;
                    let out_of_time = until.is_some() && (now >= until || standing >= STANDING || has_stepped_back);
                    if core.tasks.ready.is_empty() || polled() >= budget.polls || out_of_time {
                        return;
                    }
                }
                let left = budget.polls.saturating_sub(polled());
                core.turn_of(if until.is_some() { left.min(SLICE) } else { left });
            }
        })
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
    /// Inside a task of this same executor.
    #[track_caller]
    pub fn run_until_stalled(&self) -> Progress {
        /// Nothing tells a long errand between tasks from one without end but its length. This takes some milliseconds.
        const LONGEST: usize = 100_000;
        /// An errand that goes through all tasks there are polls each a few times.
        const POLLS_PER_TASK: usize = 10;
        let most = self.core.tasks.live().saturating_mul(POLLS_PER_TASK).saturating_add(LONGEST);
        self.drive(Location::caller(), |core, polled| while polled() < most && !core.turn_until_stalled() {})
    }

    /// Calls `turns` with the core and a function that tells how many polls there were.
    fn drive(
        &self,
        location: &'static Location<'static>,
        mut turns: impl FnMut(&Core, &dyn Fn() -> usize),
    ) -> Progress {
        let core = &self.core;
        let driving = core.enter(location).unwrap_or_else(|nested| panic!("{nested}"));
        let before = core.tasks.ready.head();
        let polled = || core.tasks.ready.head().wrapping_sub(before) as usize;
        core.catching(|| {
            core.drain_inbox();
            turns(core, &polled);
        });
        let polled = polled();
        drop(driving);
        let next_deadline = core.timers.next();
        let next_wait = next_deadline.map(|deadline| deadline.saturating_duration_since(core.clock.now()));
        let readiness = if core.timers.has_fresh() {
            // Somebody's waker started a timer when it was woken by one; its deadline is not known yet.
            Readiness::MoreReady
        } else if core.is_finished() {
            Readiness::Finished
        } else if core.tasks.ready.is_empty() && core.tasks.inbox.arm() == Arm::Sleep {
            // Armed, and looked again, in one step: a wake-up from now on calls `on_wake`.
            Readiness::Idle
        } else {
            Readiness::MoreReady
        };
        Progress { polled, readiness, next_deadline, next_wait }
    }

    /// When the host must tick again, if no wake-up comes before.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.core.timers.next()
    }

    /// The time until [`next_deadline`](Executor::next_deadline).
    pub fn next_wait(&self) -> Option<Duration> {
        self.next_deadline().map(|deadline| deadline.saturating_duration_since(self.core.clock.now()))
    }

    /// Blocks until there is something to tick for, at most for `max`. Tick after it, whatever has ended it.
    ///
    /// Where time jumps, on a [`VirtualClock`](crate::VirtualClock) that is, it jumps to the next deadline instead, but by no more than
    /// `max`.
    ///
    /// # Panics
    ///
    /// Inside a task of any executor on this thread.
    #[track_caller]
    pub fn park(&self, max: Duration) {
        let driving = self.core.enter_blocking(Location::caller()).unwrap_or_else(|nested| panic!("{nested}"));
        if self.core.tasks.ready.is_empty() {
            self.core.sleep(Some(max));
        }
        drop(driving);
        if self.core.tasks.ready.is_empty() {
            // The host may do something else now: a wake-up that comes then calls `on_wake`. Between two ticks the inbox is never
            // disarmed but by a call of `on_wake`, so none is missed meanwhile.
            self.core.tasks.inbox.arm();
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.core.end();
    }
}

/// What [`Executor::close`] could not end in time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseReport {
    stuck: Vec<Box<str>>,
}

impl CloseReport {
    /// The tasks whose clean-up took too long, each by its name and the place where it was spawned, and the jobs that still run, each by
    /// the place where its `to_thread` stands.
    pub fn stuck(&self) -> &[Box<str>] {
        &self.stuck
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("live_tasks", &self.core.tasks.live()).finish_non_exhaustive()
    }
}

/// Settings of an [`Executor`].
#[must_use = "a builder makes no executor before build() is called"]
pub struct ExecutorBuilder {
    clock: ClockSource,
    schedule: Option<Box<dyn Schedule>>,
    park: Option<Box<dyn Park>>,
    on_wake: Option<Arc<dyn Fn() + Send + Sync>>,
    on_wake_local: Option<Rc<dyn Fn()>>,
    threads: Settings,
    unhandler: Unhandler,
    max_tasks: usize,
    grace: Option<Duration>,
    #[cfg(feature = "ctrl-c")]
    cancel_on_ctrl_c: bool,
}

impl ExecutorBuilder {
    /// Where the time comes from.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = ClockSource::Given(Box::new(clock));
        self
    }

    /// Who decides wherever the loop could go more than one way. Without a schedule it is first in, first out.
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.schedule = Some(Box::new(schedule));
        self
    }

    /// What waits when there is nothing to do.
    pub fn park(mut self, park: impl Park + 'static) -> Self {
        self.park = Some(Box::new(park));
        self
    }

    /// Called when a wake-up comes while the host does something else: after a tick that ended with [`Readiness::Idle`], at
    /// most once until the next tick, from whatever thread the wake-up comes. It must not block, nor tick. Its panic is
    /// printed on stderr.
    pub fn on_wake(mut self, callback: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_wake = Some(Arc::new(callback));
        self
    }

    /// [`on_wake`](ExecutorBuilder::on_wake) for hosts whose wake-ups all come from their own thread, as those of JavaScript do: the callback
    /// need not be `Send`. A wake-up from another thread does not call it, and waits for the next tick or for the next wake-up from
    /// here.
    ///
    /// ```
    /// use evenkeel::Executor;
    /// use std::{cell::Cell, future::pending, rc::Rc};
    ///
    /// let calls = Rc::new(Cell::new(0));
    /// let count = calls.clone();
    /// let executor = Executor::builder().on_wake_local(move || count.set(count.get() + 1)).build();
    /// executor.spawn(pending::<()>()).detach();
    /// executor.run_until_stalled();
    /// executor.spawn(async {}).detach();
    /// assert_eq!(calls.get(), 1);
    /// ```
    pub fn on_wake_local(mut self, callback: impl Fn() + 'static) -> Self {
        self.on_wake_local = Some(Rc::new(callback));
        self
    }

    /// How many threads [`to_thread`](crate::to_thread) may have at a time; by default four more than there are cores, but not more
    /// than 32. None is started before it is needed.
    ///
    /// # Panics
    ///
    /// If `max` is zero.
    #[track_caller]
    pub fn max_threads(mut self, max: usize) -> Self {
        assert!(max > 0, "without a thread every to_thread would wait for ever: allow at least one");
        self.threads.max = Some(max);
        self
    }

    /// How long a thread of [`to_thread`](crate::to_thread)'s waits for another job before it ends; by default five seconds.
    pub fn thread_keep_alive(mut self, keep_alive: Duration) -> Self {
        self.threads.keep_alive = keep_alive;
        self
    }

    /// What the names of [`to_thread`](crate::to_thread)'s threads begin with; a dash and a number follow. By default `evenkeel`.
    ///
    /// # Panics
    ///
    /// If it contains a zero byte.
    #[track_caller]
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        assert!(!name.contains('\0'), "a thread's name cannot contain a zero byte");
        self.threads.name = name;
        self
    }

    /// The size of their stacks, in bytes; by default std's.
    pub fn thread_stack_size(mut self, size: usize) -> Self {
        self.threads.stack_size = Some(size);
        self
    }

    /// Gets every error that nobody is left to receive. Without a hook each is one line on stderr.
    pub fn on_unhandled(mut self, hook: impl Fn(&Unhandled) + 'static) -> Self {
        self.unhandler = Unhandler::new(Box::new(hook));
        self
    }

    /// How many tasks there may be at a time, at most and by default 67 108 864 (on 32-bit targets 262 144). Ended tasks
    /// count for as long as somebody keeps their handle.
    pub fn max_tasks(mut self, max: usize) -> Self {
        self.max_tasks = max.min(MAX_SLOTS);
        self
    }

    /// How long clean-up, and the jobs of [`to_thread`](crate::to_thread), may take when [`ExecutorBuilder::run`] ends; by default as long as they
    /// need. What is left then is dropped, and reported to `on_unhandled`; jobs that still run are reported and left alone. The grace
    /// is measured as [`Executor::close`] measures it.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// The first Ctrl-C (SIGINT; on Windows Ctrl-Break too) cancels the main future with [`CancelReason::Interrupted`](crate::CancelReason), and
    /// clean-up runs. The second ends the process, with the exit code 130.
    ///
    /// It catches the signal for the rest of the process, on a thread of its own; while no main future of such an executor
    /// runs, it ends the process at once. Only with the feature `ctrl-c`.
    ///
    /// # Panics
    ///
    /// If the program has another handler for the signal.
    ///
    /// ```no_run
    /// use evenkeel::{CancelReason, Executor, JoinError};
    /// use std::time::Duration;
    ///
    /// let executor = Executor::builder().cancel_on_ctrl_c().build();
    /// let outcome = executor.run_outcome(std::future::pending::<()>());
    /// executor.close(Duration::from_secs(5));
    /// if let Err(JoinError::Cancelled(CancelReason::Interrupted)) = outcome {
    ///     std::process::exit(130);
    /// }
    /// ```
    #[cfg(feature = "ctrl-c")]
    #[cfg_attr(docsrs, doc(cfg(feature = "ctrl-c")))]
    pub fn cancel_on_ctrl_c(mut self) -> Self {
        crate::host::ctrl_c::install();
        self.cancel_on_ctrl_c = true;
        self
    }

    /// [`run`](crate::run::run) with these settings: makes an executor, runs `main` to its end, cancels what is still alive and
    /// waits for its clean-up.
    ///
    /// # Panics
    ///
    /// As [`run`](crate::run::run) does.
    #[track_caller]
    pub fn run<F: Future>(self, main: F) -> F::Output {
        let location = Location::caller();
        let nested = |nested| panic!("{nested}");
        check_not_nested(location).unwrap_or_else(nested);
        let grace = self.grace;
        run_and_close(self.build(), grace, main, location).unwrap_or_else(|nested| panic!("{nested}"))
    }

    /// Makes the executor.
    ///
    /// # Panics
    ///
    /// If the process has as many executors as it can have (4 095, on 32-bit targets 63).
    #[track_caller]
    pub fn build(self) -> Executor {
        self.try_build().unwrap_or_else(|error| panic!("{error}"))
    }

    /// [`ExecutorBuilder::build`] with an error instead of the panic.
    ///
    /// # Errors
    ///
    /// If the process has as many executors as it can have.
    #[track_caller]
    pub fn try_build(self) -> Result<Executor, TooManyExecutors> {
        let park = self.park.unwrap_or_else(|| Box::new(ThreadPark::new()));
        let unpark = park.unparker();
        let on_wake = self.on_wake;
        let on_wake_local = self.on_wake_local.map(LocalCallback::new);
        // Whoever wakes, perhaps in a destructor, is not to bear the host's panic.
        let signal = Arc::new(move || {
            report_panic("an unparker", || unpark());
            if let Some(on_wake) = &on_wake {
                report_panic("an on_wake callback", || on_wake());
            }
        });
        let core = Core::new(Parts {
            clock: self.clock,
            schedule: self.schedule,
            park,
            signal,
            unhandler: self.unhandler,
            max_tasks: self.max_tasks,
            threads: self.threads,
            on_wake_local,
            #[cfg(feature = "ctrl-c")]
            cancel_on_ctrl_c: self.cancel_on_ctrl_c,
            location: Location::caller(),
        })?;
        Ok(Executor { core })
    }
}

impl fmt::Debug for ExecutorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutorBuilder").field("max_tasks", &self.max_tasks).finish_non_exhaustive()
    }
}

/// How long a tick may run: for a time, for a number of polls, or both.
///
/// A poll is never interrupted, and the clock is looked at every 16 polls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    polls: usize,
    time: Option<Duration>,
}

impl Budget {
    /// At most so many polls.
    pub fn polls(polls: usize) -> Budget {
        Budget { polls, time: None }
    }

    /// For so long.
    pub fn time(time: Duration) -> Budget {
        Budget { polls: usize::MAX, time: Some(time) }
    }

    /// And at most so many polls.
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
