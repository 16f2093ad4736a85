//! The handle of a child that borrows.

use super::{
    orders::{ChildKey, Orders},
    outlet::{Outlet, Stage, was_taken},
};
use evenkeel_coop::poll_within_budget;
use evenkeel_executor::{CancelReason, JoinError, Panic, combinator::open_shields_above};
use std::{
    borrow::Cow,
    fmt,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// A child of a [`scope`](crate::scope): gives access to its value, and owns nothing. The scope owns the child; dropping the handle
/// has no effect on it.
///
/// Awaiting it yields the child's value. If the child fails, it does not go on: the scope has the error, and stops whoever awaits
/// this. Awaiting a child that was cancelled on its own cancels the scope, with the reason
/// [`ChildCancelled`](CancelReason::ChildCancelled). To look without being stopped there is [`outcome`](ScopedHandle::outcome).
///
/// Cancel-safe: a value that was not returned stays here.
///
/// # Panics
///
/// When it is polled after it has yielded the value, or after that was taken.
pub struct ScopedHandle<'scope, T> {
    orders: &'scope Orders,
    outlet: Rc<Outlet<T>>,
    /// `None` for a child that never was, as its scope had ended.
    child: Option<ChildKey>,
}

impl<'scope, T> ScopedHandle<'scope, T> {
    pub(super) fn new(orders: &'scope Orders, outlet: Rc<Outlet<T>>, child: Option<ChildKey>) -> Self {
        ScopedHandle { orders, outlet, child }
    }

    /// Cancels this child alone. Its clean-up is awaited by the scope. `false` if it has ended, or was cancelled before.
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        let Some(child) = self.child.filter(|_| self.outlet.is_running() && !self.orders.is_ending()) else {
            return false;
        };
        let reason = reason.into();
        if !self.outlet.cancel(reason.clone()) {
            return false;
        }
        self.orders.cancel_child(child, reason);
        true
    }

    /// Gives the child a name, which an error of it carries.
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.outlet.set_name(name.into().into());
        self
    }

    /// Has the child ended?
    pub fn is_finished(&self) -> bool {
        !self.outlet.is_running()
    }

    /// The child's outcome, if it has ended and that was not taken before.
    pub fn take_result(&mut self) -> Option<Result<T, JoinError>> {
        let stage = self.outlet.take_if(|stage| !matches!(stage, Stage::Running(_) | Stage::Taken))?;
        Some(match stage {
            Stage::Value(value) => Ok(value),
            Stage::Failed => Err(JoinError::ReportedToGroup),
            Stage::Panicked => Err(JoinError::Panicked(Panic::new(Box::new("it goes on where the scope is awaited")))),
            Stage::Running(_) | Stage::Taken | Stage::Cancelled => {
                let alone = self.outlet.cancelled().cloned();
                let reason = alone.or_else(|| self.orders.reason().cloned());
                Err(JoinError::Cancelled(reason.unwrap_or(CancelReason::OwnerDropped)))
            }
        })
    }

    /// Waits for the child's outcome. This never stops anybody.
    ///
    /// Cancel-safe: an outcome that was not returned stays here.
    ///
    /// # Errors
    ///
    /// Why there is no value.
    ///
    /// # Panics
    ///
    /// When the outcome was taken before.
    pub async fn outcome(&mut self) -> Result<T, JoinError> {
        poll_fn(|cx| {
            poll_within_budget(cx, |cx| {
                if self.outlet.is_awaited(cx) {
                    return Poll::Pending;
                }
                match self.take_result() {
                    Some(outcome) => Poll::Ready(outcome),
                    None => was_taken(),
                }
            })
        })
        .await
    }
}

impl<T> Future for ScopedHandle<'_, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        poll_within_budget(cx, |cx| self.poll_value(cx))
    }
}

impl<T> ScopedHandle<'_, T> {
    fn poll_value(&self, cx: &mut Context<'_>) -> Poll<T> {
        if self.outlet.is_awaited(cx) {
            return Poll::Pending;
        }
        if let Some(Stage::Value(value)) = self.outlet.take_if(|stage| matches!(stage, Stage::Value(_))) {
            return Poll::Ready(value);
        }
        if self.outlet.was_cancelled_alone() {
            self.orders.cancel(CancelReason::ChildCancelled);
        }
        // What is awaited here will never come, so no shield around it is to wait for it. The scope stops this code.
        open_shields_above(self.orders.depth());
        Poll::Pending
    }
}

impl<T> Unpin for ScopedHandle<'_, T> {}

impl<T> fmt::Debug for ScopedHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedHandle").field("is_finished", &self.is_finished()).finish_non_exhaustive()
    }
}
