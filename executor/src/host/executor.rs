//! An executor as a value, for programs that have a loop of their own.

use crate::{
    core::{Core, TooManyExecutors},
    host::drive::{Interruptible, run_on, value_or_panic},
    outcome::{
        join_error::JoinError,
        nested_run::{Drive, NestedRun},
        or_panic::OrPanic,
        unread::ForErrors,
    },
    task::{spawn::Spawner, task::Task},
    threads::handle::Handle,
    time::instant::Instant,
};
use std::{
    fmt,
    panic::{Location, RefUnwindSafe, UnwindSafe},
    rc::Rc,
    time::Duration,
};

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

    /// Runs `main` to its end. Tasks that are alive then stay so, until the next run or tick, or the executor's drop.
    ///
    /// `main` may borrow from its caller. It can be called again and again, also between ticks: each time it runs whatever is ready, too.
    /// (tokio's `Runtime::block_on`, and smol's `LocalExecutor::run` in `block_on`.)
    ///
    /// ```
    /// use evenkeel::{Executor, sync::channel};
    ///
    /// let executor = Executor::new();
    /// let (numbers, mut received) = channel(1);
    /// let mut log = Vec::new();
    /// let server = executor.spawn(async move {
    ///     for number in 1..=3 {
    ///         numbers.send(number).await.unwrap();
    ///     }
    /// });
    /// executor.run_until_stalled();
    /// // The server stands still between these two.
    /// executor.run(async { log.extend(received.recv().await) });
    /// executor.run(async { while let Some(number) = received.recv().await { log.push(number) } });
    /// assert_eq!((log, server.is_finished()), (vec![1, 2, 3], true));
    /// ```
    ///
    /// # Panics
    ///
    /// If `main` panics: the panic goes on here. Inside a task of any executor on this thread.
    #[track_caller]
    pub fn run<F: Future>(&self, main: F) -> F::Output {
        value_or_panic(run_on(&self.core, main, Location::caller()).or_panic())
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
        run_on(&self.core, main, Location::caller()).or_panic()
    }

    /// Ends the executor: cancels every task, and runs until their clean-up is done and the jobs of [`to_thread`](crate::to_thread)
    /// have ended, at most for `grace`. What is left then is dropped without clean-up (jobs are left alone), is reported to
    /// `on_unhandled`, and listed in the report. Under a clock that jumps, as a virtual one does, the part of the grace during which a
    /// job is out is real time. When it is over, threads without a job are waited for until they have ended.
    ///
    /// What is due or ready at the very end of the grace is still polled. While a clock stands still, 100 000 turns without rest end the
    /// grace too.
    ///
    /// The thread is blocked. A host that must not block calls [`begin_close`](Executor::begin_close), ticks until
    /// [`Readiness::Finished`](crate::Readiness::Finished), and then closes with no grace.
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
        let closed = self.core.enter_blocking(Drive::Close, Location::caller(), || self.core.close(Some(grace)));
        CloseReport { stuck: closed.or_panic() }
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
    pub fn spawn<T: fmt::Debug + 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        Task(self.core.tasks.spawn::<_, ForErrors>(|_| future, Location::caller()).or_panic())
    }

    /// What reaches this executor from other threads.
    pub fn handle(&self) -> Handle {
        Handle(self.core.calls.clone())
    }

    /// What spawns tasks on this executor, and can be kept by them.
    pub fn spawner(&self) -> Spawner {
        Spawner::of(self.core.tasks.whole.clone())
    }

    /// When the host must tick again, if no wake-up comes before.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.core.time.timers.next()
    }

    /// The time until [`next_deadline`](Executor::next_deadline).
    pub fn next_wait(&self) -> Option<Duration> {
        self.next_deadline().map(|deadline| deadline.saturating_duration_since(self.core.time.clock.now()))
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
        let sleep = || {
            if self.core.tasks.ready().is_empty() {
                self.core.sleep(Some(max));
            }
        };
        self.core.enter_blocking(Drive::Park, Location::caller(), sleep).or_panic();
        self.core.host_waits(Some(Duration::ZERO));
        if self.core.tasks.ready().is_empty() {
            // The host may do something else now: a wake-up that comes then calls `on_wake`. Between two ticks the inbox is never
            // disarmed but by a call of `on_wake`, so none is missed meanwhile.
            self.core.tasks.inbox.arm();
        }
    }
}

impl Executor {
    /// Is this executor being driven, by a call that stands further up on this thread's stack? Then every other call that would drive it
    /// is refused: [`tick`](Executor::tick) and the like panic, [`try_tick`](Executor::try_tick) gives an error. So it is in its tasks,
    /// in what these call (a window's own loop say, while it shows a dialog), and in its wake callbacks.
    ///
    /// ```
    /// use evenkeel::Executor;
    /// use std::rc::Rc;
    ///
    /// let executor = Rc::new(Executor::new());
    /// assert!(!executor.is_driven());
    /// let own = executor.clone();
    /// executor.run(async move { assert!(own.is_driven()) });
    /// ```
    pub fn is_driven(&self) -> bool {
        self.core.is_driven()
    }

    /// How many tasks are alive: spawned, and not ended. The main future of [`run`](Executor::run) is one, while it runs; those that have ended
    /// and whose handle is kept are none. (tokio's `RuntimeMetrics::num_alive_tasks`; async-executor's `is_empty` asks whether it is zero.)
    ///
    /// ```
    /// use evenkeel::Executor;
    ///
    /// let executor = Executor::new();
    /// let task = executor.spawn(async {});
    /// assert_eq!(executor.live_tasks(), 1);
    /// executor.run_until_stalled();
    /// assert_eq!((executor.live_tasks(), task.is_finished()), (0, true));
    /// ```
    pub fn live_tasks(&self) -> usize {
        self.core.tasks.live()
    }

    /// Drives a new executor until `main` and all clean-up have ended.
    #[track_caller]
    pub(crate) fn run_and_close<F: Future>(
        self,
        grace: Option<Duration>,
        main: F,
        location: &'static Location<'static>,
    ) -> Result<F::Output, NestedRun> {
        let _interruptible = Interruptible::begin(&self.core);
        let outcome = run_on(&self.core, main, location)?;
        self.core.enter_blocking(Drive::Close, location, || self.core.close(grace))?;
        drop(self);
        Ok(value_or_panic(outcome))
    }
}

/// A panic of a task, a waker or a host's callback leaves it whole.
impl UnwindSafe for Executor {}
impl RefUnwindSafe for Executor {}

impl Drop for Executor {
    fn drop(&mut self) {
        self.core.end(Core::shut_down);
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
