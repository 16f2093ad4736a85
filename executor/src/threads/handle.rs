//! An executor, as other threads see it.

use crate::{
    outcome::{
        call_error::{CallError, ExecutorEnded},
        panic::Panic,
        reason::CancelReason,
    },
    outside::called_outside,
    raw::lent::OnThread,
    task::tasks::entered,
    threads::{
        pool::THREADS,
        remote_task::{RemoteTask, spawn_remotely},
        reply::Reply,
    },
    wake::calls::{Call, Calls},
};
use std::{fmt, panic::Location, sync::Arc};

/// Reaches an executor from any thread, and may outlive it.
///
/// What is asked for is done by the loop, in order, when it comes to it: at once if it is parked, at the end of its turn if it is
/// at work. A host that ticks is told by `on_wake`.
///
/// ```
/// use evenkeel::{CancelReason, Executor, JoinError};
///
/// let executor = Executor::new();
/// let handle = executor.handle();
/// let watchdog = std::thread::spawn(move || handle.cancel_main("the watchdog barked"));
/// let outcome = executor.run_outcome(std::future::pending::<()>());
/// assert!(matches!(outcome, Err(JoinError::Cancelled(reason)) if reason == CancelReason::from("the watchdog barked")));
/// watchdog.join().unwrap().unwrap();
/// ```
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<Calls>);

impl Handle {
    /// The handle of the executor that is current on this thread: for tasks that hand it to threads.
    ///
    /// # Panics
    ///
    /// Outside an executor, unless one was [entered](crate::Executor::enter).
    ///
    /// ```
    /// use evenkeel::{Handle, run};
    ///
    /// run(async {
    ///     let handle = Handle::current();
    ///     let (sender, answer) = std::sync::mpsc::channel();
    ///     std::thread::spawn(move || sender.send(handle.spawn(|| async { 7 }).unwrap().wait().unwrap()));
    ///     while answer.try_recv() != Ok(7) {
    ///         evenkeel::yield_now().await;
    ///     }
    /// });
    /// ```
    #[track_caller]
    pub fn current() -> Handle {
        let current = THREADS.look(|threads| threads.map(|threads| threads.calls.clone()));
        match current.or_else(|| entered().map(|whole| whole.calls().clone())) {
            Some(calls) => Handle(calls),
            None => called_outside("Handle::current was called", "an executor"),
        }
    }

    /// Spawns the future that `make` returns on the executor's thread, where `make` is called. The future never leaves that thread
    /// and need not be `Send`; its output comes back.
    ///
    /// Unlike most things it does not wait for room: whoever spawns without end should wait for what was spawned, or send through a
    /// [`remote::channel`](crate::remote::channel), which has a bound.
    ///
    /// # Errors
    ///
    /// [`ExecutorEnded`], with `make` dropped.
    #[track_caller]
    pub fn spawn<F, Fut>(&self, make: F) -> Result<RemoteTask<Fut::Output>, ExecutorEnded>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output: fmt::Debug + Send + 'static> + 'static,
    {
        spawn_remotely(&self.0, make, Location::caller())
    }

    /// Has the loop call `function`, between two polls, and waits for what it returns. It may spawn, wake and cancel; while it
    /// runs, no task does.
    ///
    /// The calling thread is blocked: in a task of another executor, that one stands still.
    ///
    /// # Errors
    ///
    /// If the executor has ended, or ends before it comes to the call: `function` is dropped then. If `function` panics. On the
    /// executor's own thread, where waiting would never end.
    ///
    /// ```
    /// use evenkeel::{Handle, run, to_thread};
    /// use std::cell::Cell;
    ///
    /// thread_local!(static PROGRESS: Cell<u32> = const { Cell::new(0) });
    ///
    /// run(async {
    ///     let handle = Handle::current();
    ///     to_thread(move || {
    ///         for percent in [25, 50, 100] {
    ///             handle.call(move || PROGRESS.set(percent)).unwrap();
    ///         }
    ///     })
    ///     .await;
    ///     assert_eq!(PROGRESS.get(), 100);
    /// });
    /// ```
    pub fn call<T: Send + 'static>(&self, function: impl FnOnce() -> T + Send + 'static) -> Result<T, CallError> {
        if self.is_on_own_thread() {
            return Err(CallError::OwnThread);
        }
        // The caller waits for it, whatever comes.
        let (answer, reply) = Reply::new(|_| None);
        // If this is dropped unused, then the function first, so that it is gone when the caller gets the error.
        let parts = (function, answer);
        let call = move || {
            let (function, answer) = { parts };
            let outcome = Panic::catch(function);
            drop(answer.send(outcome.map_err(CallError::Panicked)));
        };
        self.0.push(Call::Run(Box::new(call))).map_err(|_| ExecutorEnded)?;
        reply.wait()
    }

    /// [`spawn`](Handle::spawn)s and waits. This blocks the calling thread, as [`call`](Handle::call) does. A thread of
    /// [`to_thread`](crate::to_thread())'s does not count as busy meanwhile, so the task may await other jobs.
    ///
    /// # Errors
    ///
    /// If the executor has ended, or ends before it comes to the task; if the task panics, or is cancelled. On the executor's own
    /// thread, with `make` dropped.
    ///
    /// ```
    /// use evenkeel::{Executor, sleep};
    /// use std::time::Duration;
    ///
    /// let executor = Executor::new();
    /// let handle = executor.handle();
    /// let client = std::thread::spawn(move || {
    ///     handle.block_on_from_thread(|| async {
    ///         sleep(Duration::from_millis(1)).await;
    ///         "rested"
    ///     })
    /// });
    /// while !client.is_finished() {
    ///     executor.run_until_stalled();
    ///     executor.park(Duration::from_millis(1));
    /// }
    /// assert_eq!(client.join().unwrap().unwrap(), "rested");
    /// ```
    #[track_caller]
    pub fn block_on_from_thread<F, Fut>(&self, make: F) -> Result<Fut::Output, CallError>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output: fmt::Debug + Send + 'static> + 'static,
    {
        if self.is_on_own_thread() {
            return Err(CallError::OwnThread);
        }
        spawn_remotely(&self.0, make, Location::caller())?.wait()
    }

    pub(crate) fn is_on_own_thread(&self) -> bool {
        self.0.is_on_own_thread()
    }

    /// Cancels the future that the executor runs as its main one, or runs next. Of several reasons that come before the loop
    /// sees one, the first counts.
    ///
    /// # Errors
    ///
    /// [`ExecutorEnded`].
    pub fn cancel_main(&self, reason: impl Into<CancelReason>) -> Result<(), ExecutorEnded> {
        self.0.cancel_main(reason.into())
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({})", if self.0.has_ended() { "ended" } else { "open" })
    }
}
