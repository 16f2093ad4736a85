//! The owner of a task.

use crate::{
    outcome::{join_error::JoinError, reason::CancelReason, task_id::TaskId, task_state::TaskState},
    task::{
        current::TaskRef,
        tasks::{RawTask, Stop},
    },
};
use std::{
    borrow::Cow,
    fmt,
    panic::{Location, RefUnwindSafe, UnwindSafe},
    pin::Pin,
    task::{Context, Poll},
};

/// A task's owner.
///
/// Awaiting it gives the task's value, or says why there is none. Dropping it cancels the task: the loop drops the task's
/// future at its next turn, wherever it is suspended. [`detach`](Task::detach) hands the task over to the executor.
///
/// What tokio's `JoinHandle` and async-task's `Task` call otherwise: to await the end of a task that is to stop, cancel it and then await
/// it (`task.cancel("enough"); let last = task.await.ok();` is async-task's `task.cancel().await`); an outcome is a `Result` in any case
/// (`fallible`); to stop it and not own it, there is an [`abort_handle`](Task::abort_handle).
///
/// What nobody has read when the handle goes is not lost: a panic, an `Err`, and a panic of the output's destructor go to `on_unhandled`.
///
/// Cancel-safe: an await that is dropped leaves the outcome in place.
///
/// # Panics
///
/// When it is asked for the outcome after it gave it away.
///
/// ```
/// use evenkeel::{run, spawn};
///
/// let sum = run(async {
///     let one = spawn(async { 1 });
///     let two = spawn(async { 2 });
///     one.await.unwrap() + two.await.unwrap()
/// });
/// assert_eq!(sum, 3);
/// ```
#[must_use = "dropping a Task cancels it, and `let _ = spawn(…)` drops it at once: keep it, await it, or call .detach()"]
pub struct Task<T>(pub(crate) RawTask<T>);

impl<T> Task<T> {
    /// Lets the task go on without an owner. The executor cancels it at its own end; its output is dropped, its panic goes
    /// to `on_unhandled`, and so does an `Err`.
    ///
    /// ```
    /// use evenkeel::{Executor, spawn, yield_now};
    /// use std::{cell::RefCell, rc::Rc};
    ///
    /// let lines = Rc::new(RefCell::new(Vec::new()));
    /// let seen = lines.clone();
    /// let executor = Executor::builder().on_unhandled(move |what| seen.borrow_mut().push(what.to_string()));
    /// executor.run(async {
    ///     spawn(async { Err::<(), _>("disk full") }).named("writer").detach();
    ///     yield_now().await;
    /// });
    /// assert!(lines.take()[0].ends_with("had an error that nobody is left to get: \"disk full\""));
    /// ```
    pub fn detach(self) {
        self.0.detach();
    }

    /// Cancels the task: the loop stops it where it is suspended. If it had been woken it is polled once more before, and
    /// if that finishes it, its value counts; what wakes it after this call does not count. A task that never ran does not start. The first
    /// reason stays.
    ///
    /// ```
    /// use evenkeel::{CancelReason, JoinError, run, spawn};
    ///
    /// run(async {
    ///     let task = spawn(std::future::pending::<()>());
    ///     task.cancel("no longer needed");
    ///     let Err(JoinError::Cancelled(reason)) = task.await else { unreachable!() };
    ///     assert_eq!(reason, CancelReason::from("no longer needed"));
    /// });
    /// ```
    #[inline]
    pub fn cancel(&self, reason: impl Into<CancelReason>) {
        self.0.request(Stop::Cancel, reason.into());
    }

    /// Stops the task hard: the loop drops it without another poll.
    #[inline]
    pub fn abort(&self) {
        self.0.request(Stop::Abort, CancelReason::Aborted);
    }

    /// Is there an outcome (also if it was taken already)?
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// How far it is.
    pub fn state(&self) -> TaskState {
        self.0.state()
    }

    /// Why it was cancelled, if it was. `None` as well once its outcome was given away.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.0.reason()
    }

    /// The outcome, as awaiting the task by reference gives it.
    ///
    /// # Panics
    ///
    /// If the outcome was given away before.
    pub async fn outcome(&mut self) -> Result<T, JoinError> {
        self.await
    }

    /// The outcome if the task has ended, without waiting. `None` as well if it was taken before.
    pub fn take_result(&mut self) -> Option<Result<T, JoinError>> {
        if self.0.is_spent() { None } else { self.0.take() }
    }

    /// Gives the task a name, for diagnostics.
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        let name = name.into();
        self.0.set_name(name);
        self
    }

    /// The task's name, if it has one.
    pub fn name(&self) -> Option<String> {
        self.0.name()
    }

    /// The task's identity; `None` once its executor is gone.
    #[inline]
    pub fn id(&self) -> Option<TaskId> {
        self.0.number().map(TaskId)
    }

    /// The task by its identity; `None` once its executor is gone.
    #[inline]
    pub fn task_ref(&self) -> Option<TaskRef> {
        self.id().map(TaskRef::new)
    }

    /// The task that spawned it, if a task did.
    pub fn parent(&self) -> Option<TaskId> {
        TaskId::of(self.0.parent())
    }

    /// Where it was spawned.
    pub fn location(&self) -> &'static Location<'static> {
        self.0.location()
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, JoinError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx)
    }
}

/// The handle holds no output: that lies in the task's block.
impl<T> Unpin for Task<T> {}

/// What a task's code leaves behind when it panics is the task's outcome, and the handle is whole.
impl<T> UnwindSafe for Task<T> {}
impl<T> RefUnwindSafe for Task<T> {}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("location", &format_args!("{}", self.location()))
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
