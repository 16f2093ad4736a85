//! A task's handle that owns nothing.

use crate::{
    outcome::{join_error::JoinError, reason::CancelReason, task_id::TaskId, task_state::TaskState},
    raw::owned,
    task::{
        header::{Extras, Meta},
        raw_task::{already_taken, give_way},
        task::Task,
        tasks::Stop,
    },
};
use evenkeel_coop::try_consume_budget;
use std::{
    borrow::Cow,
    fmt,
    panic::Location,
    task::{Context, Poll},
};

/// The handle of a [`Task`] that somebody else sees to, a group say: dropped, it leaves the task to the executor, as
/// [`detach`](Task::detach) does. It tells a value apart from why there is none.
///
/// ```
/// use evenkeel::{combinator::Loose, run, spawn};
/// use std::future::poll_fn;
///
/// run(async {
///     let mut task = Loose::new(spawn(async { 7 }));
///     assert_eq!(poll_fn(|cx| task.poll_value(cx)).await, Some(7));
/// });
/// ```
pub struct Loose<T>(
    /// `None` when the outcome was taken: what is left of the task went with that.
    Option<owned::Loose<T, Meta>>,
);

impl<T> Loose<T> {
    /// The task does not depend on its handle any more.
    #[inline]
    pub fn new(task: Task<T>) -> Loose<T> {
        Loose(Some(owned::Loose::new(task.0.into_owned())))
    }

    /// The task's value when it has ended; `None` if there is none, and [`take_error`](Loose::take_error) says why. Of several wakers the
    /// newest is called.
    #[inline]
    pub fn poll_value(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(task) = &self.0 {
            if !task.stage().is_end() && !task.wait(cx) {
                return Poll::Pending;
            }
            if !try_consume_budget() {
                return give_way(cx);
            }
        }
        match self.take_value() {
            None if !self.is_finished() => Poll::Pending,
            value => Poll::Ready(value),
        }
    }

    /// The value, if the task has ended with one that was not taken. What is left of the task goes with it.
    #[inline]
    pub fn take_value(&mut self) -> Option<T> {
        let value = self.0.as_ref()?.take_value()?;
        if let Some(task) = self.0.take() {
            task.into_owned().forget();
        }
        Some(value)
    }

    /// Why the task, which has ended, has no value. It is told once.
    ///
    /// # Panics
    ///
    /// If the outcome was taken before.
    #[track_caller]
    pub fn take_error(&mut self) -> JoinError {
        let Some(task) = self.0.take() else { already_taken() };
        task.take_error()
    }

    /// Was the outcome taken?
    pub fn is_spent(&self) -> bool {
        self.0.is_none()
    }

    /// Is there an outcome, also if it was taken?
    pub fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(|task| task.stage().is_end())
    }

    /// Cancels the task, as [`Task::cancel`] does.
    pub fn cancel(&self, reason: impl Into<CancelReason>) {
        if let Some(task) = &self.0 {
            task.ask(Stop::Cancel, reason.into());
        }
    }

    /// Stops the task hard, as [`Task::abort`] does.
    pub fn abort(&self) {
        if let Some(task) = &self.0 {
            task.ask(Stop::Abort, CancelReason::Aborted);
        }
    }

    /// Gives the task a name, for diagnostics.
    pub fn set_name(&self, name: impl Into<Cow<'static, str>>) {
        let name = name.into();
        if let Some(task) = &self.0 {
            task.with_extras(|extras: &mut Extras| extras.name = Some(name));
        }
    }

    /// The task's name, if it has one. `None` as well once its outcome was taken.
    pub fn name(&self) -> Option<String> {
        self.0.as_ref()?.name()
    }

    /// How far the task is.
    pub fn state(&self) -> TaskState {
        self.0.as_ref().filter(|task| task.home().is_some()).map_or(TaskState::Ended, |task| task.state())
    }

    /// Where the task was spawned; `None` once its outcome was taken.
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.0.as_ref().map(|task| task.meta.location)
    }

    /// The task that spawned it, if a task did. `None` as well once its outcome was taken.
    pub fn parent(&self) -> Option<TaskId> {
        TaskId::of(self.0.as_ref()?.meta.parent)
    }

    /// Why the task was cancelled, if it was. `None` as well once its outcome was taken.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.0.as_ref()?.reason()
    }

    /// The task's identity; `None` once its executor is gone, or its outcome was taken.
    pub fn id(&self) -> Option<TaskId> {
        let task = self.0.as_ref()?;
        task.home().map(|_| TaskId(task.number()))
    }
}

impl<T> fmt::Debug for Loose<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(task) = &self.0 else { return f.debug_struct("Task").field("is_finished", &true).finish() };
        f.debug_struct("Task")
            .field("id", &self.id())
            .field("name", &task.name())
            .field("location", &format_args!("{}", task.meta.location))
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
