//! A task that another thread has spawned.

use crate::{
    outcome::{
        call_error::{CallError, ExecutorEnded},
        panic::Panic,
        reason::CancelReason,
        unhandled::{Unhandled, UnhandledKind, report_unhandled},
        unread::{Away, unread_error},
    },
    raw::lent::OnThread,
    raw::place::Place,
    task::{
        current::try_current_task,
        task::Task,
        tasks::{Stop, TASKS},
    },
    threads::reply::{Answer, Reply},
    wake::calls::{Call, Calls},
};
use pin_project_lite::pin_project;
use std::{
    fmt,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// The owner, on any thread, of a task that was spawned through a [`Handle`](crate::Handle).
///
/// Awaiting it, in a task of any executor, gives the task's value or says why there is none; [`wait`](RemoteTask::wait) blocks
/// for that. Dropping it cancels the task, as dropping a [`Task`] does; [`detach`](RemoteTask::detach) lets it go on. What nobody has read
/// then is not lost: a panic, an `Err`, and a panic of the output's destructor go to `on_unhandled`.
///
/// Cancel-safe: an await that is dropped leaves the outcome in place.
///
/// # Panics
///
/// When a handle is asked for the outcome after it gave it away.
///
/// ```
/// use evenkeel::{Handle, run, to_thread, yield_now};
///
/// let answer = run(async {
///     let handle = Handle::current();
///     to_thread(move || {
///         // Back into the loop: the future never leaves its thread, so it need not be `Send`.
///         let mut task = handle.spawn(|| async {
///             let answer = std::rc::Rc::new(42);
///             yield_now().await;
///             *answer
///         })?;
///         task.wait()
///     })
///     .await
/// });
/// assert_eq!(answer.unwrap(), 42);
/// ```
#[must_use = "dropping a RemoteTask cancels it, and `let _ = …` drops it at once: keep it, await it, wait for it, or call .detach()"]
pub struct RemoteTask<T: Send + 'static> {
    reply: Arc<Reply<T>>,
    calls: Arc<Calls>,
    location: &'static Location<'static>,
    detached: bool,
}

impl<T: Send + 'static> RemoteTask<T> {
    /// Blocks this thread until the task has ended. A thread of [`to_thread`](crate::to_thread())'s does not count as busy meanwhile, so
    /// the task may await other jobs.
    ///
    /// # Errors
    ///
    /// If the task was cancelled or panicked, if the executor ended before it began, and on the executor's own thread, unless the
    /// task has ended.
    ///
    /// # Panics
    ///
    /// If the outcome was given away before.
    #[track_caller]
    pub fn wait(&mut self) -> Result<T, CallError> {
        if !self.calls.is_on_own_thread() {
            return self.reply.wait_for_task(&self.calls);
        }
        self.reply.take().unwrap_or(Err(CallError::OwnThread))
    }

    /// Cancels the task, as [`Task::cancel`] does. The loop does it when it comes to it.
    pub fn cancel(&self, reason: impl Into<CancelReason>) {
        self.reply.cancel(reason.into());
        let reply = self.reply.clone();
        // Calls are done in order, so the task has been spawned when this one comes.
        let cancel = move || {
            let Some((task, reason)) = reply.task().zip(reply.cancelled()) else { return };
            TASKS.look(|tasks| tasks.map(|tasks| tasks.request_number(task.0, Stop::Cancel, reason)));
        };
        // If the executor has ended, so has the task.
        let _ = self.calls.push(Call::Run(Box::new(cancel)));
    }

    /// Has the task ended, also without having begun?
    pub fn is_finished(&self) -> bool {
        self.reply.is_here()
    }
}

impl<T: Send + 'static> RemoteTask<T> {
    /// Lets the task go on without an owner. The executor cancels it at its own end; its output is dropped, its panic goes to
    /// `on_unhandled`, and so does an `Err`.
    pub fn detach(mut self) {
        self.detached = true;
    }
}

impl<T: Send + 'static> Future for RemoteTask<T> {
    type Output = Result<T, CallError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.reply.poll(cx)
    }
}

impl<T: Send + 'static> Drop for RemoteTask<T> {
    fn drop(&mut self) {
        let is_finished = self.reply.is_here();
        let report = |kind| self.calls.report(Unhandled::at(self.location, kind));
        let (outcome, waker) = self.reply.forget();
        if let Some(Err(panic)) = waker.map(|waker| Panic::catch(|| drop(waker))) {
            report(UnhandledKind::WakerPanicked(panic));
        }
        if let Some(outcome) = outcome {
            self.reply.drop_unread(outcome, report);
        }
        if !is_finished && !self.detached {
            self.cancel(CancelReason::OwnerDropped);
        }
    }
}

impl<T: Send + 'static> fmt::Debug for RemoteTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteTask")
            .field("location", &format_args!("{}", self.location))
            .field("is_finished", &self.reply.is_here())
            .finish()
    }
}

/// Has `make`'s future spawned by the executor's loop.
pub(crate) fn spawn_remotely<F, Fut>(
    calls: &Arc<Calls>,
    make: F,
    location: &'static Location<'static>,
) -> Result<RemoteTask<Fut::Output>, ExecutorEnded>
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output: fmt::Debug + Send + 'static> + 'static,
{
    let (answer, reply) = Reply::new(unread_error);
    // If this is dropped unused, then the function first, so that it is gone when the caller gets the error.
    let parts = (make, answer);
    let spawn = move || {
        let (make, answer) = { parts };
        let Some(reply) = answer.reply().cloned() else { return };
        if let Some(reason) = reply.cancelled() {
            drop(make);
            answer.send(Err(CallError::Cancelled(reason)));
            return;
        }
        let future = match Panic::catch(make) {
            Ok(future) => future,
            Err(panic) => return give(answer, Err(CallError::Panicked(panic))),
        };
        let future = Answering { future: Place::new(future), answer: Some(answer) };
        let spawned = TASKS.look(|tasks| tasks.map(|tasks| tasks.spawn::<_, Away>(|_| future, location)));
        // Otherwise there was no room for it; the answer was given when it was dropped.
        if let Some(Ok(task)) = spawned {
            let task = Task(task);
            reply.set_task(task.id());
            task.detach();
        }
    };
    calls.push(Call::Run(Box::new(spawn))).map_err(|_| ExecutorEnded)?;
    Ok(RemoteTask { reply, calls: calls.clone(), location, detached: false })
}

/// Gives an answer. An error or a panic that nobody is left to get goes to `on_unhandled`.
fn give<T: 'static>(answer: Answer<T>, outcome: Result<T, CallError>) {
    let reply = answer.reply().cloned();
    if let Some((reply, unread)) = reply.zip(answer.send(outcome)) {
        reply.drop_unread(unread, report_unhandled);
    }
}

pin_project! {
    /// A future whose output goes to another thread.
    struct Answering<Fut: Future> {
        // Empty once it has ended: it is dropped before the answer is given.
        #[pin]
        future: Place<Fut>,
        answer: Option<Answer<Fut::Output>>,
    }

    impl<Fut: Future> PinnedDrop for Answering<Fut> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(answer) = this.answer.take() {
                let reason = try_current_task().and_then(|task| task.cancel_reason());
                let dropped = Dropped { reason, answer: Some(answer) };
                this.future.as_mut().clear();
                drop(dropped);
            }
        }
    }
}

/// Tells the caller that the task was stopped, or never was one, also if a destructor panics then.
struct Dropped<T> {
    reason: Option<CancelReason>,
    answer: Option<Answer<T>>,
}

impl<T> Drop for Dropped<T> {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            let was_spawned = answer.reply().is_some_and(|reply| reply.task().is_some());
            let reason = self.reason.take().or_else(|| answer.reply()?.cancelled());
            drop(answer.send(Err(match was_spawned {
                true => CallError::Cancelled(reason.unwrap_or(CancelReason::Shutdown)),
                false => CallError::Full,
            })));
        }
    }
}

impl<Fut: Future<Output: 'static>> Future for Answering<Fut> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let polled = Panic::catch(|| {
            let future = this.future.as_mut().get().expect("a task is not polled after its end");
            let value = ready!(future.poll(cx));
            this.future.as_mut().clear();
            Poll::Ready(value)
        });
        let outcome = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(panic) => Err(CallError::Panicked(panic)),
        };
        if let Some(answer) = this.answer.take() {
            give(answer, outcome);
        }
        Poll::Ready(())
    }
}
