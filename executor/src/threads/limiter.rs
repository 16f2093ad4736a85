//! A bound on some jobs, below that of the pool.

use crate::threads::{
    job::Work,
    line::{InLine, Line},
    pool::Pool,
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
}

/// A job that waits for a permit, and where it is to run.
struct Applicant {
    job: Arc<dyn Work>,
    pool: Arc<Pool>,
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
        let state = Permits { free: limit, line: Line::new() };
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
        {
            let mut state = self.lock();
            if state.free == 0 {
                return state.line.push(Applicant { job, pool: pool.clone() });
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
            let Applicant { job, pool } = {
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
