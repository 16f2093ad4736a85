//! A function that is to run on a thread of the pool's, and its result.
//!
//! ```text
//!              run                      run ends
//!  waiting ──────────► running ─────────────────────► done ──┐
//!     │                   │                                  │ poll
//!     │ cancel            │ cancel                           ▼
//!     ├──────────────► over ◄──(run ends)── abandoned       over
//!     │ refuse
//!     └──────────────► refused ──(poll)──► over
//! ```

use crate::{
    outcome::{caught::caught, panic::Panic, unhandled::UnhandledKind},
    raw::lent::OnThread,
    threads::{
        limiter::{PERMIT, ThreadLimiter},
        line::InLine,
        locked_wait::poll_locked,
        pool::Pool,
    },
};
use std::{
    panic::Location,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker, ready},
    thread,
};

/// What a job may know of its caller. Clones are equal; they may outlive the job.
///
/// ```
/// use evenkeel::{run, threads::to_thread_with, timeout};
/// use std::time::Duration;
///
/// let endless = to_thread_with(|job| {
///     while !job.is_cancelled() {
///         std::thread::yield_now();
///     }
/// });
/// // `run` waits for jobs that have begun, so this returns because the job has noticed.
/// assert!(run(timeout(Duration::from_millis(1), endless)).is_err());
/// ```
#[derive(Clone, Debug)]
pub struct JobContext(Arc<AtomicBool>);

impl JobContext {
    pub(crate) fn new() -> JobContext {
        JobContext(Arc::default())
    }

    /// Has the caller stopped waiting? Then the result will be dropped, and the job may as well end.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Why a job will never run.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// Its executor has ended.
    Ended,
    /// No thread could be started, and there is none. With the system's error.
    NoThread(Arc<std::io::Error>),
    /// All permits of its limiter are held by jobs that wait for whoever asked for it, and the like.
    Knotted { limit: usize },
}

/// The permit that a job held, if it is limited: it is released through its limiter.
pub(crate) type Permit = Option<ThreadLimiter>;

/// A job, as threads and lines see it.
pub(crate) trait Work: Send + Sync {
    fn location(&self) -> &'static Location<'static>;

    fn is_waiting(&self) -> bool;

    /// Gives the job a limiter's permit. `false` if it does not wait any more.
    fn grant(&self, limiter: &ThreadLimiter) -> bool;

    /// Runs the job here and now, if it still waits. `false` if it does not.
    fn run(&self, pool: &Pool) -> bool;

    /// Ends the job before it began: its caller is told why. Returns its permit, which is the refuser's. `None` if it does not wait any
    /// more.
    fn refuse(&self, refusal: Refusal, pool: &Pool) -> Option<Permit>;
}

impl InLine for Arc<dyn Work> {
    fn is_waiting(&self) -> bool {
        (**self).is_waiting()
    }
}

/// A job, as its caller sees it.
pub(crate) trait Awaited<T>: Send + Sync {
    fn work(self: Arc<Self>) -> Arc<dyn Work>;

    /// The result, a panic of the job's included, if it is there; the waker is woken when it comes.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<thread::Result<T>, Refusal>>;

    /// The caller waits no more.
    fn cancel(&self, pool: &Pool, limiter: Option<&ThreadLimiter>);
}

pub(crate) struct Job<F, T> {
    /// The error in a result that nobody awaits.
    unread: fn(&T) -> Option<Box<str>>,
    location: &'static Location<'static>,
    state: Mutex<JobState<F, T>>,
}

struct JobState<F, T> {
    stage: JobStage<F, T>,
    waker: Option<Waker>,
    /// The permit that it holds while it waits for a thread. From then on it is on the thread's stack.
    permit: Option<ThreadLimiter>,
}

enum JobStage<F, T> {
    Waiting(F),
    Running,
    /// Running, and its caller waits no more.
    Abandoned,
    Done(thread::Result<T>),
    Refused(Refusal),
    Over,
}

impl<F, T> Job<F, T> {
    /// `unread` finds the error in a result that nobody awaits.
    pub(crate) fn new(work: F, unread: fn(&T) -> Option<Box<str>>, location: &'static Location<'static>) -> Job<F, T> {
        let state = JobState { stage: JobStage::Waiting(work), waker: None, permit: None };
        Job { unread, location, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, JobState<F, T>> {
        // Nothing foreign runs in a critical section.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F, T> Job<F, T> {
    /// Drops a result that nobody is left to receive. What there is to tell of it goes to `report`: an error, a panic of the job's, or one
    /// of the value's destructor.
    fn drop_unread(&self, result: thread::Result<T>, report: impl Fn(UnhandledKind)) {
        match result {
            Ok(value) => {
                if let Some(text) = (self.unread)(&value) {
                    report(UnhandledKind::JobFailed(text));
                }
                if let Err(panic) = Panic::catch(|| drop(value)) {
                    report(UnhandledKind::DestructorPanicked(panic));
                }
            }
            Err(payload) => report(UnhandledKind::JobPanicked(Panic::new(payload))),
        }
    }
}

impl<F, T> JobState<F, T> {
    /// Goes on to `next` if the job waits.
    fn leave_line(&mut self, next: JobStage<F, T>) -> Option<F> {
        match std::mem::replace(&mut self.stage, next) {
            JobStage::Waiting(work) => Some(work),
            other => {
                self.stage = other;
                None
            }
        }
    }
}

impl<F, T> Work for Job<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn location(&self) -> &'static Location<'static> {
        self.location
    }

    fn is_waiting(&self) -> bool {
        matches!(self.lock().stage, JobStage::Waiting(_))
    }

    fn grant(&self, limiter: &ThreadLimiter) -> bool {
        let mut state = self.lock();
        let waits = matches!(state.stage, JobStage::Waiting(_));
        if waits {
            state.permit = Some(limiter.clone());
        }
        waits
    }

    fn run(&self, pool: &Pool) -> bool {
        let (work, permit) = {
            let mut state = self.lock();
            match state.leave_line(JobStage::Running) {
                Some(work) => (work, state.permit.take()),
                None => return false,
            }
        };
        let result = match permit {
            None => caught(work),
            Some(limiter) => {
                let result = PERMIT.enter(&limiter, || caught(work));
                limiter.release();
                result
            }
        };
        let mut state = self.lock();
        if matches!(state.stage, JobStage::Abandoned) {
            state.stage = JobStage::Over;
            drop(state);
            self.drop_unread(result, |kind| pool.report(kind, self.location));
            return true;
        }
        state.stage = JobStage::Done(result);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            wake(waker, pool, self.location);
        }
        true
    }

    fn refuse(&self, refusal: Refusal, pool: &Pool) -> Option<Permit> {
        let (work, permit, waker) = {
            let mut state = self.lock();
            let work = state.leave_line(JobStage::Refused(refusal))?;
            (work, state.permit.take(), state.waker.take())
        };
        if let Err(panic) = Panic::catch(|| drop(work)) {
            pool.report_here(UnhandledKind::DestructorPanicked(panic), self.location);
        }
        if let Some(Err(panic)) = waker.map(|waker| Panic::catch(|| waker.wake())) {
            pool.report_here(UnhandledKind::WakerPanicked(panic), self.location);
        }
        Some(permit)
    }
}

/// The waker may be anybody's, and must not end the pool's thread.
fn wake(waker: Waker, pool: &Pool, location: &'static Location<'static>) {
    if let Err(panic) = Panic::catch(|| waker.wake()) {
        pool.report(UnhandledKind::WakerPanicked(panic), location);
    }
}

impl<F, T> Awaited<T> for Job<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn work(self: Arc<Self>) -> Arc<dyn Work> {
        self
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<thread::Result<T>, Refusal>> {
        let is_there = |state: &mut JobState<F, T>| matches!(state.stage, JobStage::Done(_) | JobStage::Refused(_));
        let mut state = ready!(poll_locked(cx, || self.lock(), is_there, |state| &mut state.waker));
        let stage = std::mem::replace(&mut state.stage, JobStage::Over);
        drop(state);
        match stage {
            JobStage::Done(result) => Poll::Ready(Ok(result)),
            JobStage::Refused(refusal) => Poll::Ready(Err(refusal)),
            _ => unreachable!("looked at under the same lock"),
        }
    }

    fn cancel(&self, pool: &Pool, limiter: Option<&ThreadLimiter>) {
        let mut state = self.lock();
        let next = if matches!(state.stage, JobStage::Running) { JobStage::Abandoned } else { JobStage::Over };
        let stage = std::mem::replace(&mut state.stage, next);
        let (permit, waker) = (state.permit.take(), state.waker.take());
        drop(state);
        if let JobStage::Waiting(_) = stage {
            match (permit, limiter) {
                (None, Some(limiter)) => limiter.one_left(),
                (permit, _) => {
                    pool.one_left();
                    permit.inspect(ThreadLimiter::release);
                }
            }
            pool.came_back();
        }
        let report = |kind| pool.report_here(kind, self.location);
        // The caller's things, dropped on its thread.
        if let Some(Err(panic)) = waker.map(|waker| Panic::catch(|| drop(waker))) {
            report(UnhandledKind::WakerPanicked(panic));
        }
        match stage {
            // Its caller left before he saw that.
            JobStage::Done(result) => self.drop_unread(result, report),
            JobStage::Waiting(work) => {
                if let Err(panic) = Panic::catch(|| drop(work)) {
                    report(UnhandledKind::DestructorPanicked(panic));
                }
            }
            _ => {}
        }
    }
}
