//! A task's handle that owns nothing.

use crate::{
    outcome::{join_error::JoinError, reason::CancelReason, task_id::TaskId},
    raw::{block::Stage, owned},
    task::{
        header::{Extras, Meta},
        raw_task::give_way,
        task::Task,
        tasks::Stop,
    },
};
use evenkeel_coop::try_consume_budget;
use std::{
    borrow::Cow,
    fmt,
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
pub struct Loose<T>(owned::Loose<T, Meta>);

impl<T> Loose<T> {
    /// The task does not depend on its handle any more.
    #[inline]
    pub fn new(task: Task<T>) -> Loose<T> {
        Loose(owned::Loose::new(task.0.into_owned()))
    }

    /// The task's value when it has ended; `None` if there is none, and [`take_error`](Loose::take_error) says why. Of several wakers the
    /// newest is called.
    #[inline]
    pub fn poll_value(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if !self.0.stage().is_end() && !self.0.wait(cx) {
            return Poll::Pending;
        }
        if !try_consume_budget() {
            return give_way(cx);
        }
        match self.0.take_value() {
            None if !self.0.stage().is_end() => Poll::Pending,
            value => Poll::Ready(value),
        }
    }

    /// The value, if the task has ended with one that was not taken.
    pub fn take_value(&mut self) -> Option<T> {
        self.0.take_value()
    }

    /// Why the task, which has ended, has no value. It is told once.
    ///
    /// # Panics
    ///
    /// If the outcome was taken before.
    #[track_caller]
    pub fn take_error(&mut self) -> JoinError {
        self.0.take_error()
    }

    /// Was the outcome taken?
    pub fn is_spent(&self) -> bool {
        self.0.stage() == Stage::Taken
    }

    /// Is there an outcome, also if it was taken?
    pub fn is_finished(&self) -> bool {
        self.0.stage().is_end()
    }

    /// Cancels the task, as [`Task::cancel`] does.
    pub fn cancel(&self, reason: impl Into<CancelReason>) {
        self.0.ask(Stop::Cancel, reason.into());
    }

    /// Stops the task hard, as [`Task::abort`] does.
    pub fn abort(&self) {
        self.0.ask(Stop::Abort, CancelReason::Aborted);
    }

    /// Gives the task a name, for diagnostics.
    pub fn set_name(&self, name: impl Into<Cow<'static, str>>) {
        let name = name.into();
        self.0.with_extras(|extras: &mut Extras| extras.name = Some(name));
    }

    /// The task's identity; `None` once its executor is gone.
    pub fn id(&self) -> Option<TaskId> {
        self.0.home().and_then(|tasks| tasks.number(&self.0)).map(TaskId)
    }
}

impl<T> fmt::Debug for Loose<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("id", &self.id())
            .field("name", &self.0.name())
            .field("location", &format_args!("{}", self.0.meta.location))
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
