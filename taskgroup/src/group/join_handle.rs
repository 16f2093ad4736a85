//! A child's handle.

use super::{
    child::{BadEnd, ChildEnd},
    group_core::GroupCore,
};
use evenkeel_executor::{
    CancelReason, JoinError, Panic, TaskId, TaskRef, TaskState,
    combinator::{Loose, open_shields},
};
use std::{
    borrow::Cow,
    fmt,
    panic::Location,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// The handle of a child of a [`TaskGroup`](crate::TaskGroup). It owns nothing: dropping it changes nothing, the group owns the
/// child.
///
/// Awaiting it yields the child's value. If there is none, because the child failed, panicked or was cancelled, the group is
/// cancelled (if it is not already), and the code that awaits this is stopped, shields around it included, as what they wait for
/// can never come. [`outcome`](JoinHandle::outcome) tells how the child has ended and stops nobody; it is the one for clean-up.
///
/// Cancel-safe: an await that is dropped leaves the value in place.
///
/// # Panics
///
/// When it is asked for the value after it gave it away. When code *outside* the group awaits it and there is no value: use
/// [`outcome`](JoinHandle::outcome) there.
pub struct JoinHandle<T> {
    task: Loose<ChildEnd<T>>,
    /// Why there is no value, if awaiting has found that out. (Nobody shares it: an `Rc` is looked at and dropped with less code.)
    error: Option<Rc<JoinError>>,
    group: Rc<GroupCore>,
}

impl<T> JoinHandle<T> {
    #[inline]
    pub(super) fn new(task: Loose<ChildEnd<T>>, group: Rc<GroupCore>) -> JoinHandle<T> {
        JoinHandle { task, error: None, group }
    }

    /// Cancels the child alone. That is no failure: its siblings go on.
    pub fn cancel(&self, reason: impl Into<CancelReason>) {
        self.task.cancel(reason);
    }

    /// Stops the child hard, without clean-up.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Waits for the child's end, and tells how it was. Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`JoinError::ReportedToGroup`] if the child failed: the group got its error. [`JoinError::Cancelled`], [`JoinError::Panicked`]
    /// (the panic itself goes on in the code that awaits the group; a [`Supervisor`](crate::Supervisor) reports or collects it, as it does
    /// an error).
    ///
    /// # Panics
    ///
    /// If the outcome was given away before.
    pub async fn outcome(&mut self) -> Result<T, JoinError> {
        std::future::poll_fn(|cx| self.poll_outcome(cx)).await
    }

    /// The outcome if the child has ended, without waiting. `None` as well if it was taken before.
    pub fn take_result(&mut self) -> Option<Result<T, JoinError>> {
        if self.error.is_none() {
            if !self.task.is_finished() || self.task.is_spent() {
                return None;
            }
            let end = self.task.take_value();
            if let Some(Ok(value)) = end {
                return Some(Ok(value));
            }
            self.find_error(end);
        }
        Some(Err(self.take_error()))
    }

    /// Has the child ended?
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Gives the child a name, for errors and diagnostics.
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.task.set_name(name);
        self
    }

    /// The child's identity. `None` once its outcome was taken.
    pub fn id(&self) -> Option<TaskId> {
        if self.task.is_spent() { None } else { self.task.id() }
    }

    /// The child by its identity, for the moment: a [`TaskRef`] is no owner, and cancels as well. `None` once its outcome was taken.
    pub fn task_ref(&self) -> Option<TaskRef> {
        self.id().map(TaskId::task_ref)
    }

    /// The child's name, if it has one. `None` as well once its outcome was taken.
    pub fn name(&self) -> Option<String> {
        self.task.name()
    }

    /// How far the child is.
    pub fn state(&self) -> TaskState {
        self.task.state()
    }

    /// Where the child was spawned. `None` once its outcome was taken.
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.task.location()
    }

    /// The task that spawned the child, if a task did. `None` as well once its outcome was taken.
    pub fn parent(&self) -> Option<TaskId> {
        self.task.parent()
    }

    /// Why the child was cancelled, if it was. `None` as well once its outcome was taken.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.task.cancel_reason()
    }

    pub(super) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        self.poll_value(cx).map(|value| value.ok_or_else(|| self.take_error()))
    }

    /// The child's value if it has ended. `None`: there is none, and the handle knows why.
    #[inline]
    fn poll_value(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if self.error.is_some() {
            return Poll::Ready(None);
        }
        match self.task.poll_value(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(value))) => Poll::Ready(Some(value)),
            Poll::Ready(end) => {
                self.find_error(end);
                Poll::Ready(None)
            }
        }
    }

    /// Finds out why the child, which has ended so, has no value.
    #[cold]
    #[track_caller]
    fn find_error(&mut self, end: Option<ChildEnd<T>>) {
        let error = match end.and_then(Result::err).map(|bad| *bad) {
            Some(BadEnd::Failed) => JoinError::ReportedToGroup,
            Some(BadEnd::Cancelled(reason)) => JoinError::Cancelled(reason),
            Some(BadEnd::Panicked(message)) => JoinError::Panicked(Panic::new(Box::new(message))),
            None if self.task.is_spent() => {
                panic!(
                    "a JoinHandle was asked for its child's outcome again after it had given it away: keep the value"
                )
            }
            None => self.task.take_error(),
        };
        self.error = Some(Rc::new(error));
    }

    /// Why there is no value, as was found out.
    #[cold]
    fn take_error(&mut self) -> JoinError {
        self.error.take().and_then(Rc::into_inner).expect("it was found out")
    }

    /// There will never be a value for the code that waits here. `outcome` is for code outside of the group.
    #[cold]
    pub(super) fn no_value(&mut self, error: JoinError, outcome: &str) {
        if !self.group.is_inside() {
            panic!(
                "a child's value was awaited outside its group, and there is none ({error}): \
                 use {outcome} there, which tells how the child has ended"
            );
        }
        match error {
            JoinError::Cancelled(_) => self.group.ask(CancelReason::ChildCancelled),
            // Where children fail alone, nobody else cancels the group.
            _ => self.group.ask("it awaited the value of a child that has failed".into()),
        }
        self.error = Some(Rc::new(error));
        open_shields(Some(&self.group.scope.token()));
    }

    /// The child has ended, and what was waited for will never come.
    pub(super) fn end_group(&self, reason: CancelReason) {
        let is_inside = self.group.is_inside();
        self.group.ask(reason);
        if !is_inside {
            panic!(
                "a child was started from outside its group, and has ended without saying that it is ready: \
                 use Starting::outcome there, which tells that, too"
            );
        }
        open_shields(Some(&self.group.scope.token()));
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.poll_value(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(value)) => Poll::Ready(value),
            Poll::Ready(None) => {
                let error = self.take_error();
                self.no_value(error, "JoinHandle::outcome");
                Poll::Pending
            }
        }
    }
}

/// The handle holds no output: that lies in the task.
impl<T> Unpin for JoinHandle<T> {}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("task", &Some(&self.task).filter(|task| !task.is_spent()))
            .finish_non_exhaustive()
    }
}
