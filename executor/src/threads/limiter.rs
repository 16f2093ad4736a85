//! A bound on some jobs, below that of the pool.

use crate::{
    outcome::task_id::TaskId,
    raw::lent::{Lent, OnThread},
    task::current::{TaskRef, try_current_task},
    threads::{
        job::{Refusal, Work},
        line::{InLine, Line},
        pool::Pool,
    },
};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Bounds how many of the jobs run that are [limited by](crate::ToThread::limited_by) it. Callers beyond that wait, in order, and
/// take no thread meanwhile.
///
/// A permit follows its job: it is returned when the job ends on its thread, also if its caller has stopped waiting long before.
/// Three permits for a database mean that never more than three jobs use it.
///
/// Clones share the bound, also across executors and threads.
///
/// A job that waits for a task keeps its permit. If that task asks for another one, and all are held by jobs that wait for tasks which
/// do the same, none of them would ever get it: the last call panics then, and says so. So does one in a `run` inside of the job that
/// holds the only permit. (That is known of a task that awaits the
/// call itself, also in a `gather` or a `timeout`; not of one that waits for others.)
///
/// ```
/// use evenkeel::{run, spawn, threads::ThreadLimiter, to_thread};
/// use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
///
/// static AT_WORK: AtomicUsize = AtomicUsize::new(0);
/// run(async {
///     let one = ThreadLimiter::new(1);
///     let job = || {
///         assert_eq!(AT_WORK.fetch_add(1, SeqCst), 0);
///         AT_WORK.fetch_sub(1, SeqCst);
///     };
///     let calls: Vec<_> = (0..10).map(|_| spawn(to_thread(job).limited_by(&one))).collect();
///     for call in calls {
///         call.await.unwrap();
///     }
/// });
/// ```
/// ```
/// use evenkeel::{Handle, run, threads::ThreadLimiter, to_thread};
///
/// run(async {
///     let one = ThreadLimiter::new(1);
///     let (handle, same) = (Handle::current(), one.clone());
///     let errand = to_thread(move || handle.block_on_from_thread(move || async move { to_thread(|| 7).limited_by(&same).await }));
///     let error = errand.limited_by(&one).await.unwrap_err();
///     assert!(error.to_string().contains("take another limiter"));
/// });
/// ```
#[derive(Clone)]
pub struct ThreadLimiter(Arc<Limiter>);

struct Limiter {
    limit: usize,
    state: Mutex<Permits>,
}

struct Permits {
    /// More than zero only if nobody waits.
    free: usize,
    line: Line<Applicant>,
    /// What jobs wait for that hold a permit.
    errands: Vec<Arc<dyn Errand>>,
}

/// A job that waits for a permit, where it is to run, and the task that asked for it.
pub(crate) struct Applicant {
    job: Arc<dyn Work>,
    pool: Arc<Pool>,
    task: Option<TaskId>,
}

/// What a job may wait for, holding its permit.
pub(crate) trait Errand: Send + Sync {
    /// The task that is at it, if it has begun and not ended.
    fn task(&self) -> Option<TaskId>;
}

thread_local! {
    /// The permit of the job that runs on this thread.
    pub(crate) static PERMIT: Lent<ThreadLimiter> = const { Lent::none() };
}

impl Permits {
    /// Does that task wait here, and so every task that a holder waits for, and are there no others who hold one? Then no permit
    /// comes back before one of them gives up.
    fn is_knotted(&self, task: TaskId, limit: usize) -> bool {
        self.errands.iter().any(|errand| errand.task() == Some(task)) && self.have_all_come(limit)
    }

    /// Do so many hold a permit, and wait for tasks that all wait here?
    fn have_all_come(&self, holders: usize) -> bool {
        let waits_here = |task| self.line.entries().any(|entry| entry.task == Some(task) && entry.job.is_waiting());
        self.errands.len() == holders && self.errands.iter().all(|errand| errand.task().is_some_and(waits_here))
    }
}

impl InLine for Applicant {
    fn is_waiting(&self) -> bool {
        self.job.is_waiting()
    }
}

impl ThreadLimiter {
    /// At most `limit` jobs at a time.
    ///
    /// # Panics
    ///
    /// If `limit` is zero: every call would wait for ever.
    #[track_caller]
    pub fn new(limit: usize) -> ThreadLimiter {
        assert!(limit > 0, "a limiter with no permits would let every call wait for ever: give it at least one");
        let state = Permits { free: limit, line: Line::new(), errands: Vec::new() };
        ThreadLimiter(Arc::new(Limiter { limit, state: Mutex::new(state) }))
    }

    /// How many jobs may run at a time.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// How many more could begin now.
    pub fn available(&self) -> usize {
        self.lock().free
    }

    /// Takes a job that was asked for just now.
    pub(crate) fn admit(&self, job: Arc<dyn Work>, pool: &Arc<Pool>) {
        pool.expect();
        // A job may have a loop of its own, whose tasks outlive it no more than others do their `run`.
        let is_in_holder = PERMIT.look(|permit| permit.is_some_and(|held| Arc::ptr_eq(&held.0, &self.0)));
        {
            let mut state = self.lock();
            if state.free == 0 {
                let (task, limit) = (try_current_task().map(TaskRef::id), self.0.limit);
                state.line.push(Applicant { job, pool: pool.clone(), task });
                let is_knotted = match is_in_holder {
                    true => state.have_all_come(limit - 1),
                    false => task.is_some_and(|task| state.is_knotted(task, limit)),
                };
                if is_knotted {
                    let knotted = state.line.pop_newest();
                    drop(state);
                    self.untie(knotted);
                }
                return;
            }
            state.free -= 1;
        }
        if !(job.grant(self) && hand_over(job, pool)) {
            self.release();
        }
    }

    /// A job that waits for a permit does so no more.
    pub(crate) fn one_left(&self) {
        self.lock().line.one_left();
    }

    /// A permit is free: it goes to the job that has waited longest.
    pub(crate) fn release(&self) {
        loop {
            let Applicant { job, pool, .. } = {
                let mut state = self.lock();
                loop {
                    match state.line.pop() {
                        Some(next) if next.job.grant(self) => break next,
                        Some(_) => {}
                        None => {
                            state.free += 1;
                            return;
                        }
                    }
                }
            };
            if hand_over(job, &pool) {
                return;
            }
        }
    }

    // Who looks for a knot: the task that comes last into line, or the job that begins to wait last. Both do so under the lock
    // under which they have told what they wait for; so the later of the two sees it.

    /// A job that holds a permit waits for that. Returns those who would wait for ever now, to be [`untie`](ThreadLimiter::untie)d.
    pub(crate) fn holder_waits(&self, errand: &Arc<dyn Errand>) -> Vec<Applicant> {
        let mut state = self.lock();
        state.errands.push(errand.clone());
        match errand.task() {
            Some(task) if state.is_knotted(task, self.0.limit) => state.line.take_if(|entry| entry.task == Some(task)),
            _ => Vec::new(),
        }
    }

    /// It waits for that no more.
    pub(crate) fn holder_is_back(&self, errand: &Arc<dyn Errand>) {
        self.lock().errands.retain(|waited_for| !Arc::ptr_eq(waited_for, errand));
    }

    /// Refuses those who would wait for each other for ever.
    pub(crate) fn untie(&self, knotted: impl IntoIterator<Item = Applicant>) {
        for Applicant { job, pool, .. } in knotted {
            pool.refuse(&job, Refusal::Knotted { limit: self.0.limit });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Permits> {
        // Nothing foreign runs in a critical section.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a job with its permit to its pool. `false` if the job was refused there, so that the permit is the caller's again. (If the
/// job was cancelled at the same moment, whoever did that has returned the permit.)
fn hand_over(job: Arc<dyn Work>, pool: &Arc<Pool>) -> bool {
    match pool.push(job.clone()) {
        Ok(()) => true,
        Err(refusal) => pool.refuse(&job, refusal).is_none(),
    }
}

impl fmt::Debug for ThreadLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadLimiter").field("limit", &self.limit()).field("available", &self.available()).finish()
    }
}
