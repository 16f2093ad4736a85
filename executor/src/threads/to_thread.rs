//! Blocking work, awaited.

use crate::{
    outcome::unread::unread_error,
    outside::polled_outside,
    raw::lent::OnThread,
    threads::{
        job::{Awaited, Job, JobContext, Refusal},
        limiter::ThreadLimiter,
        pool::{Pool, THREADS},
    },
};
use evenkeel_coop::poll_within_budget;
use std::{
    fmt,
    marker::PhantomData,
    panic::{Location, resume_unwind},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// Runs `work` on a thread of the executor's pool, and yields what it returns. For what blocks: files, name look-ups, computations
/// that take longer than the loop should stand still.
///
/// The job starts at the first poll of the await, if there is an idle thread or one more may be started
/// ([`ExecutorBuilder::max_threads`](crate::ExecutorBuilder::max_threads)). Otherwise the caller waits; callers come in order.
///
/// # Cancellation
///
/// Dropping the await returns at once. A job that has not started is removed, and dropped. One that runs goes on to its end, on
/// its thread; its result is dropped there. [`to_thread_with`] lets a job find out. The end of [`run`](crate::run::run) waits for it,
/// [`ExecutorBuilder::shutdown_grace`](crate::ExecutorBuilder::shutdown_grace) bounds that.
///
/// # Panics
///
/// A panic of the job goes on in the task that awaits it; if nobody does any more, it goes to `on_unhandled`, and so does an `Err` that the
/// job gives. When it is polled
/// outside an executor. If the system gives no thread and the pool has none; as long as it has one, that does the work of those that
/// cannot be started.
///
/// ```
/// use evenkeel::{run, to_thread};
///
/// let here = std::thread::current().id();
/// let there = run(to_thread(|| std::thread::current().id()));
/// assert_ne!(here, there);
/// ```
#[track_caller]
pub fn to_thread<T: fmt::Debug + Send + 'static>(work: impl BlockingWork<T> + Send + 'static) -> ToThread<T> {
    ToThread::new(work, None, Location::caller())
}

/// What [`to_thread`] takes: a closure without arguments, or a function. It blocks its thread, and awaits nothing.
///
/// ```
/// use evenkeel::{run, threads::BlockingWork, to_thread};
///
/// async fn timed<T: std::fmt::Debug + Send + 'static>(work: impl BlockingWork<T> + Send + 'static) -> T {
///     to_thread(work).await
/// }
/// assert_eq!(run(timed(|| 3 + 4)), 7);
/// ```
#[diagnostic::on_unimplemented(
    message = "`to_thread` takes a closure that blocks, not `{Self}`",
    label = "not a closure without arguments",
    note = "a future runs where it is awaited: await it here, or `spawn` it. On a thread goes what blocks: `to_thread(|| std::fs::read(path))`"
)]
pub trait BlockingWork<T>: FnOnce() -> T {}

#[diagnostic::do_not_recommend]
impl<T, F: FnOnce() -> T> BlockingWork<T> for F {}

/// [`to_thread`] for jobs that want to know whether their caller still waits.
///
/// ```
/// use evenkeel::{run, threads::to_thread_with};
///
/// fn sum(numbers: &[u64], stop: impl Fn() -> bool) -> Option<u64> {
///     let mut sum = 0;
///     for part in numbers.chunks(1024) {
///         if stop() {
///             return None;
///         }
///         sum += part.iter().sum::<u64>();
///     }
///     Some(sum)
/// }
///
/// let numbers: Vec<u64> = (0..10_000).collect();
/// let sum = run(to_thread_with(move |job| sum(&numbers, || job.is_cancelled())));
/// assert_eq!(sum, Some(49_995_000));
/// ```
///
/// # Panics
///
/// As [`to_thread`] does.
#[track_caller]
pub fn to_thread_with<T: fmt::Debug + Send + 'static>(
    work: impl FnOnce(JobContext) -> T + Send + 'static,
) -> ToThread<T> {
    let context = JobContext::new();
    let given = context.clone();
    ToThread::new(move || work(given), Some(context), Location::caller())
}

/// The future of [`to_thread`] and [`to_thread_with`].
///
/// A call belongs to the executor that polls it first, and may be moved to other tasks of the same thread.
#[must_use = "the work does not begin until this is awaited"]
pub struct ToThread<T> {
    job: Arc<dyn Awaited<T>>,
    context: Option<JobContext>,
    limiter: Option<ThreadLimiter>,
    stage: CallStage,
    /// Its drop is heard by the loop of this thread.
    _local: PhantomData<Rc<()>>,
}

enum CallStage {
    New,
    Asked(Arc<Pool>),
    Over,
}

impl<T: Send + 'static> ToThread<T> {
    fn new(
        work: impl FnOnce() -> T + Send + 'static,
        context: Option<JobContext>,
        location: &'static Location<'static>,
    ) -> ToThread<T>
    where
        T: fmt::Debug,
    {
        let job = Arc::new(Job::new(work, unread_error, location));
        ToThread { job, context, limiter: None, stage: CallStage::New, _local: PhantomData }
    }

    /// Waits for a permit of `limiter`'s before it takes a thread.
    ///
    /// # Panics
    ///
    /// After its first poll.
    #[track_caller]
    pub fn limited_by(mut self, limiter: &ThreadLimiter) -> Self {
        assert!(matches!(self.stage, CallStage::New), "the call has begun to wait: limit it before that");
        self.limiter = Some(limiter.clone());
        self
    }

    #[cold]
    fn begin(&mut self, cx: &mut Context<'_>) {
        let pool = THREADS.look(|threads| threads.map(|threads| threads.pool().clone()));
        let Some(pool) = pool else { polled_outside("to_thread") };
        // The waker comes first, for the result may be quick.
        let _ = self.job.poll(cx);
        self.stage = CallStage::Asked(pool.clone());
        let work = self.job.clone().work();
        match &self.limiter {
            Some(limiter) => limiter.admit(work, &pool),
            None => pool.admit(work),
        }
    }
}

impl<T: Send + 'static> Future for ToThread<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.stage {
            CallStage::New => {
                self.begin(cx);
                return Poll::Pending;
            }
            CallStage::Over => panic!("to_thread was polled after it had given its result"),
            CallStage::Asked(_) => {}
        }
        let outcome = ready!(poll_within_budget(cx, |cx| self.job.poll(cx)));
        self.stage = CallStage::Over;
        match outcome {
            Ok(Ok(value)) => Poll::Ready(value),
            Ok(Err(payload)) => resume_unwind(payload),
            Err(Refusal::Ended) => {
                panic!("to_thread was awaited on an executor that has ended: await it where it was polled first")
            }
            Err(Refusal::NoThread(error)) => {
                panic!("to_thread could not start a thread, and the pool has none: {error}")
            }
            Err(Refusal::Knotted { limit }) => panic!(
                "to_thread would wait for its ThreadLimiter for ever: the permits, {limit} in all, are held by jobs that run this \
                 task, wait for it, or wait for others that wait for the limiter as well: take another limiter for what tasks do for such jobs, \
                 or do it in the job"
            ),
        }
    }
}

impl<T> Drop for ToThread<T> {
    fn drop(&mut self) {
        if let CallStage::Asked(pool) = &self.stage {
            if let Some(context) = &self.context {
                context.cancel();
            }
            self.job.cancel(pool, self.limiter.as_ref());
        }
    }
}

impl<T> Unpin for ToThread<T> {}

impl<T> fmt::Debug for ToThread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            CallStage::New => "not started",
            CallStage::Asked(_) => "waiting",
            CallStage::Over => "over",
        };
        write!(f, "ToThread({stage})")
    }
}
