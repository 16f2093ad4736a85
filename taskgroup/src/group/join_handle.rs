//! A child's handle.

use super::{
    child::{BadEnd, ChildEnd},
    group_core::GroupCore,
};
use evenkeel_executor::{CancelReason, JoinError, Panic, Task, TaskId, combinator::open_shields};
use std::{
    borrow::Cow,
    fmt,
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
    side: Side<T>,
    group: Rc<GroupCore>,
}

/// What a handle has of its child.
enum Side<T> {
    Child(Task<ChildEnd<T>>),
    /// The outcome was taken; if awaiting has found out that there is no value, here is why.
    Over(Option<Box<JoinError>>),
}

impl<T> Side<T> {
    fn task(&self) -> Option<&Task<ChildEnd<T>>> {
        match self {
            Side::Child(task) => Some(task),
            Side::Over(_) => None,
        }
    }
}

impl<T> JoinHandle<T> {
    #[inline]
    pub(super) fn new(task: Task<ChildEnd<T>>, group: Rc<GroupCore>) -> JoinHandle<T> {
        JoinHandle { side: Side::Child(task), group }
    }

    /// Cancels the child alone. That is no failure: its siblings go on.
    pub fn cancel(&self, reason: impl Into<CancelReason>) {
        if let Some(task) = self.side.task() {
            task.cancel(reason);
        }
    }

    /// Stops the child hard, without clean-up.
    pub fn abort(&self) {
        if let Some(task) = self.side.task() {
            task.abort();
        }
    }

    /// Waits for the child's end, and tells how it was. Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`JoinError::ReportedToGroup`] if the child failed: the group has its error. [`JoinError::Cancelled`], [`JoinError::Panicked`]
    /// (the panic itself goes on in the code that awaits the group).
    ///
    /// # Panics
    ///
    /// If the outcome was given away before.
    pub async fn outcome(&mut self) -> Result<T, JoinError> {
        std::future::poll_fn(|cx| self.poll_outcome(cx)).await
    }

    /// The outcome if the child has ended, without waiting. `None` as well if it was taken before.
    pub fn take_result(&mut self) -> Option<Result<T, JoinError>> {
        let end = match &mut self.side {
            Side::Child(task) => task.take_result()?,
            Side::Over(error) => return error.take().map(|error| Err(*error)),
        };
        self.side = Side::Over(None);
        Some(into_result(end))
    }

    /// Has the child ended?
    pub fn is_finished(&self) -> bool {
        self.side.task().is_none_or(Task::is_finished)
    }

    /// Gives the child a name, for errors and diagnostics.
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.side = match std::mem::replace(&mut self.side, Side::Over(None)) {
            Side::Child(task) => Side::Child(task.named(name)),
            over => over,
        };
        self
    }

    /// The child's identity. `None` once its outcome was taken.
    pub fn id(&self) -> Option<TaskId> {
        self.side.task().and_then(Task::id)
    }

    pub(super) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        self.poll_value(cx).map(|value| value.ok_or_else(|| self.take_error()))
    }

    /// The child's value if it has ended. `None`: there is none, and the handle knows why.
    #[inline]
    fn poll_value(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Side::Child(task) = &mut self.side else { return Poll::Ready(None) };
        match Pin::new(task).poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(Ok(value))) => {
                self.side = Side::Over(None);
                Poll::Ready(Some(value))
            }
            Poll::Ready(end) => {
                self.side = Side::Over(into_result(end).err().map(Box::new));
                Poll::Ready(None)
            }
        }
    }

    /// Why there is no value.
    #[cold]
    #[track_caller]
    fn take_error(&mut self) -> JoinError {
        match &mut self.side {
            Side::Over(Some(_)) => {}
            _ => {
                panic!(
                    "a JoinHandle was asked for its child's outcome again after it had given it away: keep the value"
                )
            }
        }
        let Side::Over(Some(error)) = std::mem::replace(&mut self.side, Side::Over(None)) else { unreachable!() };
        *error
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
        if let JoinError::Cancelled(_) = error {
            self.group.ask(CancelReason::ChildCancelled);
        }
        self.side = Side::Over(Some(Box::new(error)));
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

fn into_result<T>(end: Result<ChildEnd<T>, JoinError>) -> Result<T, JoinError> {
    match end? {
        Ok(value) => Ok(value),
        Err(bad) => Err(match *bad {
            BadEnd::Failed => JoinError::ReportedToGroup,
            BadEnd::Cancelled(reason) => JoinError::Cancelled(reason),
            BadEnd::Panicked(message) => JoinError::Panicked(Panic::new(Box::new(message))),
        }),
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

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        if let Side::Child(_) = self.side {
            if let Side::Child(task) = std::mem::replace(&mut self.side, Side::Over(None)) {
                task.detach();
            }
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("task", &self.side.task()).finish_non_exhaustive()
    }
}
