//! What an executor is made of.

use crate::{
    core::{Core, Parts, TooManyExecutors, check_not_nested},
    host::executor::Executor,
    outcome::{
        nested_run::Drive,
        or_panic::OrPanic,
        unhandled::{Unhandled, Unhandler},
    },
    park::Park,
    raw::number::MAX_SLOTS,
    schedule::Schedule,
    threads::settings::Settings,
    time::{
        clock::{Clock, ClockSource},
        notices::Notices,
    },
    wake::local_callback::LocalCallback,
};
use std::{fmt, panic::Location, rc::Rc, sync::Arc, time::Duration};

impl Executor {
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
            notice_after: Notices::USUAL,
            #[cfg(feature = "ctrl-c")]
            cancel_on_ctrl_c: false,
        }
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
    notice_after: Duration,
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

    /// What waits when there is nothing to do, and is looked at when there is much.
    pub fn park(mut self, park: impl Park + 'static) -> Self {
        self.park = Some(Box::new(park));
        self
    }

    /// Called when a wake-up comes while the host does something else: after a tick that ended with [`Readiness::Idle`](crate::Readiness::Idle), at
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
    /// than 32. None is started before it is needed. Not counted are those whose jobs wait for a task, in
    /// [`RemoteTask::wait`](crate::RemoteTask::wait) say: the task may wait for another job.
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

    /// After how long silent waits are told of, through `on_unhandled`; by default a second, and never with `Duration::MAX`. The time is real:
    ///
    /// * the executor waits at its end, for clean-up or for jobs of [`to_thread`](crate::to_thread)
    ///   ([`EndWaits`](crate::UnhandledKind::EndWaits));
    /// * jobs wait for a thread, and none comes free ([`JobsWait`](crate::UnhandledKind::JobsWait)). That is seen when the loop has nothing
    ///   to do;
    /// * a virtual clock may not jump, and timers wait for it ([`TimeStands`](crate::UnhandledKind::TimeStands)).
    ///
    /// ```
    /// use evenkeel::{Executor, finally, host::UnhandledKind, sleep, spawn, yield_now};
    /// use std::{cell::Cell, future::pending, rc::Rc, time::Duration};
    ///
    /// let told = Rc::new(Cell::new(false));
    /// let seen = told.clone();
    /// Executor::builder()
    ///     .notice_after(Duration::ZERO)
    ///     .on_unhandled(move |what| {
    ///         assert!(matches!(what.kind(), UnhandledKind::EndWaits(who) if who.contains("\"flusher\"")));
    ///         seen.set(true);
    ///     })
    ///     .run(async {
    ///         let flush = async |_: Option<&()>| sleep(Duration::from_millis(1)).await;
    ///         spawn(finally(pending(), flush)).named("flusher").detach();
    ///         yield_now().await;
    ///     });
    /// assert!(told.get());
    /// ```
    pub fn notice_after(mut self, after: Duration) -> Self {
        self.notice_after = after;
        self
    }

    /// The first Ctrl-C (SIGINT; on Windows Ctrl-Break too) cancels the main future with [`CancelReason::Interrupted`](crate::CancelReason), and
    /// clean-up runs. The second ends the process, with the exit code 130.
    ///
    /// The signal is caught for the rest of the process, on a thread of its own; while no main future of such an executor
    /// runs, it ends the process at once. Only with the feature `ctrl-c`.
    ///
    /// A process that ignores the signal goes on to do so: a shell without job control starts `program &` like that, so that a Ctrl-C for
    /// others does not end what runs in the background. (It can be told by other means, a [`Handle::cancel_main`](crate::Handle) say.)
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
    #[track_caller]
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
        check_not_nested(Drive::Run, location).or_panic();
        let grace = self.grace;
        self.build().run_and_close(grace, main, location).or_panic()
    }

    /// Makes the executor.
    ///
    /// # Panics
    ///
    /// If the process has as many executors as it can have (4 095, on 32-bit targets 63).
    #[track_caller]
    pub fn build(self) -> Executor {
        self.try_build().or_panic()
    }

    /// [`ExecutorBuilder::build`] with an error instead of the panic.
    ///
    /// # Errors
    ///
    /// If the process has as many executors as it can have.
    #[track_caller]
    pub fn try_build(self) -> Result<Executor, TooManyExecutors> {
        let on_wake_local = self.on_wake_local.map(LocalCallback::new);
        let core = Core::new(Parts {
            clock: self.clock,
            schedule: self.schedule,
            park: self.park,
            on_wake: self.on_wake,
            unhandler: self.unhandler,
            max_tasks: self.max_tasks,
            notice_after: self.notice_after,
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
