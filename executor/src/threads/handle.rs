//! An executor, as other threads see it.

use crate::{
    outcome::{
        call_error::CallError,
        join_error::Panic,
        reason::CancelReason,
        unhandled::{Unhandled, Unhandler},
    },
    raw::current as enter,
    threads::{
        remote_task::{RemoteTask, spawn_remotely},
        reply::Reply,
    },
    wake::{
        inbox::Inbox,
        shim::{AtomicBool, Mutex, MutexGuard, Ordering},
    },
};
use std::{
    fmt,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    sync::{Arc, PoisonError},
    thread::{self, ThreadId},
};

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
pub struct Handle(pub(crate) Arc<Shared>);

/// The executor that a [`Handle`] is to reach has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the executor has ended: keep it alive for as long as other threads use its handle")]
pub struct ExecutorEnded;

impl Handle {
    /// The handle of the executor that is current on this thread: for tasks that hand it to threads.
    ///
    /// # Panics
    ///
    /// Outside an executor.
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
        let shared = enter::with_current(|core| core.map(|core| core.shared.clone()));
        shared.map(Handle).unwrap_or_else(|| {
            panic!("Handle::current was called outside an executor: call it in a future that evenkeel::run drives")
        })
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
        Fut: Future<Output: Send + 'static> + 'static,
    {
        spawn_remotely(self, make, Location::caller())
    }

    /// Has the loop call `function`, between two polls, and waits for what it returns. It may spawn, wake and cancel; while it
    /// runs, no task does.
    ///
    /// This blocks the calling thread: in a task of another executor, that one stands still.
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
        let (answer, reply) = Reply::new();
        // If this is dropped unused, then the function first, so that it is gone when the caller gets the error.
        let parts = (function, answer);
        let call = move || {
            let (function, answer) = { parts };
            let outcome = catch_unwind(AssertUnwindSafe(function));
            drop(answer.send(outcome.map_err(|payload| CallError::Panicked(Panic::new(payload)))));
        };
        self.0.push(Call::Run(Box::new(call))).map_err(|_| ExecutorEnded)?;
        reply.wait()
    }

    /// [`spawn`](Handle::spawn)s and waits. This blocks the calling thread, as [`call`](Handle::call) does.
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
        Fut: Future<Output: Send + 'static> + 'static,
    {
        if self.is_on_own_thread() {
            return Err(CallError::OwnThread);
        }
        spawn_remotely(self, make, Location::caller())?.wait()
    }

    pub(crate) fn is_on_own_thread(&self) -> bool {
        self.0.owner == thread::current().id()
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
        write!(f, "Handle({})", if self.0.lock().ended { "ended" } else { "open" })
    }
}

/// What an executor shares with its handles.
///
/// What is put here is put before the inbox is told, and the loop takes it after it has emptied the inbox; so it is not lost.
pub(crate) struct Shared {
    inbox: &'static Inbox,
    /// The thread of the executor.
    owner: ThreadId,
    is_pending: AtomicBool,
    has_calls: AtomicBool,
    state: Mutex<State>,
}

/// What the loop is to do for another thread.
pub(crate) enum Call {
    /// It does not unwind.
    Run(Box<dyn FnOnce() + Send>),
    /// Tell the hook.
    Report(Unhandled),
}

#[derive(Default)]
struct State {
    ended: bool,
    /// Nothing is done for other threads any more, but reports are taken.
    refuses_calls: bool,
    cancel_main: Option<CancelReason>,
    calls: Vec<Call>,
}

impl Shared {
    pub(crate) fn new(inbox: &'static Inbox) -> Shared {
        Shared {
            inbox,
            owner: thread::current().id(),
            is_pending: AtomicBool::new(false),
            has_calls: AtomicBool::new(false),
            state: Mutex::new(State::default()),
        }
    }

    /// Is this its thread, and has it not ended?
    pub(crate) fn lives_here(&self) -> bool {
        self.owner == thread::current().id() && !self.lock().ended
    }

    /// The loop is to do that when it drains its inbox. Returns it if the executor has ended.
    pub(crate) fn push(&self, call: Call) -> Result<(), Call> {
        {
            let mut state = self.lock();
            if state.ended || state.refuses_calls && matches!(call, Call::Run(_)) {
                return Err(call);
            }
            state.calls.push(call);
            self.has_calls.store(true, Ordering::Release);
        }
        // If the executor has ended meanwhile, the inbox may be another's already, which then looks once in vain.
        self.inbox.call();
        Ok(())
    }

    /// Reports what nobody is left to receive: to the executor's hook, or to stderr once that is gone.
    pub(crate) fn report(&self, unhandled: Unhandled) {
        if let Err(Call::Report(unhandled)) = self.push(Call::Report(unhandled)) {
            Unhandler::default().report(unhandled);
        }
    }

    /// The loop is to look again whether there is something to do.
    pub(crate) fn nudge(&self) {
        self.inbox.call();
    }

    /// Moves all calls into `into`, which must be empty, in the order in which they came.
    pub(crate) fn take_calls(&self, into: &mut Vec<Call>) {
        if self.has_calls.swap(false, Ordering::Acquire) {
            std::mem::swap(&mut self.lock().calls, into);
        }
    }

    pub(crate) fn cancel_main(&self, reason: CancelReason) -> Result<(), ExecutorEnded> {
        {
            let mut state = self.lock();
            if state.ended {
                return Err(ExecutorEnded);
            }
            state.cancel_main.get_or_insert(reason);
            self.is_pending.store(true, Ordering::Release);
        }
        // If the executor has ended meanwhile, the inbox may be another's already, which then looks once in vain.
        self.inbox.call();
        Ok(())
    }

    /// The cancellation of the main future that has come, if one has.
    pub(crate) fn take_cancel_main(&self) -> Option<CancelReason> {
        if self.is_pending.swap(false, Ordering::Acquire) { self.lock().cancel_main.take() } else { None }
    }

    /// From now on everything is refused but reports.
    pub(crate) fn refuse_calls(&self) {
        self.lock().refuses_calls = true;
    }

    /// From now on everything is refused. Returns the calls that were not done.
    pub(crate) fn end(&self) -> Vec<Call> {
        let mut state = self.lock();
        state.ended = true;
        std::mem::take(&mut state.calls)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing foreign runs in a critical section.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `RUSTFLAGS="--cfg loom" cargo test -p evenkeel-executor --release --lib loom`
#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::wake::inbox::Arm;
    use loom::{sync::Notify, thread};

    /// Calls come from `callers` threads while the owner goes to sleep, as the loop does it. Each is done once, in its thread's order.
    fn model(callers: usize, each: usize) {
        let mut model = loom::model::Builder::new();
        if callers > 1 {
            // All of its interleavings take minutes; faults of this kind need fewer than three untimely switches.
            model.preemption_bound = Some(3);
        }
        model.check(move || {
            let inbox: &'static Inbox = Box::leak(Box::new(Inbox::new()));
            let sleep = loom::sync::Arc::new(Notify::new());
            let signal = sleep.clone();
            inbox.open(Arc::new(move || signal.notify()), None);
            let shared = Arc::new(Shared::new(inbox));
            let done = Arc::new(std::sync::Mutex::new(Vec::new()));
            let threads: Vec<_> = (0..callers)
                .map(|caller| {
                    let (shared, done) = (shared.clone(), done.clone());
                    thread::spawn(move || {
                        for n in 0..each {
                            let done = done.clone();
                            let call = Call::Run(Box::new(move || done.lock().unwrap().push((caller, n))));
                            assert!(shared.push(call).is_ok());
                        }
                    })
                })
                .collect();
            let mut calls = Vec::new();
            while done.lock().unwrap().len() < callers * each {
                if inbox.is_pending() || inbox.arm() == Arm::Drain {
                    inbox.drain(&mut Vec::new());
                    shared.take_calls(&mut calls);
                    for call in calls.drain(..) {
                        let Call::Run(run) = call else { unreachable!() };
                        run();
                    }
                } else {
                    // A lost call is a deadlock here, which loom reports.
                    sleep.wait();
                    inbox.disarm();
                }
            }
            for thread in threads {
                thread.join().unwrap();
            }
            let done = done.lock().unwrap();
            for caller in 0..callers {
                assert!(done.iter().filter(|(by, _)| *by == caller).map(|(_, n)| *n).eq(0..each));
            }
            assert!(shared.end().is_empty());
            inbox.close();
        });
    }

    #[test]
    fn loom_fault_34_one_caller_and_a_sleeping_owner_lose_nothing() {
        model(1, 2);
    }

    #[test]
    fn loom_fault_34_two_callers_and_a_sleeping_owner_lose_nothing() {
        model(2, 1);
    }
}
