//! The handle of a child that borrows.

use super::{note::Note, orders::Orders};
use evenkeel_coop::poll_within_budget;
use evenkeel_executor::{
    CancelReason, JoinError, Panic,
    combinator::{Claim, Stand, open_shields_above},
};
use std::{
    borrow::Cow,
    cell::Cell,
    fmt,
    future::poll_fn,
    pin::Pin,
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
    claim: Claim<Option<T>, Note>,
    /// The child never was, as its scope had ended.
    is_refused: bool,
    /// The child has failed, as awaiting it has found out, and nobody was told yet.
    has_failed: Cell<bool>,
}

impl<'scope, T> ScopedHandle<'scope, T> {
    #[inline]
    pub(super) fn new(orders: &'scope Orders, claim: Claim<Option<T>, Note>, is_refused: bool) -> Self {
        ScopedHandle { orders, claim, is_refused, has_failed: Cell::new(false) }
    }

    /// Cancels this child alone. Its clean-up is awaited by the scope. `false` if it has ended, or was cancelled before.
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        if self.is_refused || self.is_finished() || self.orders.is_ending() {
            return false;
        }
        let (note, reason) = (self.claim.note(), reason.into());
        if !note.cancel(reason.clone()) {
            return false;
        }
        self.orders.cancel_child(note.number(), reason);
        true
    }

    /// Gives the child a name, which an error of it carries.
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.claim.note().set_name(name.into().into());
        self
    }

    /// The child's name, if it has one, as long as the child runs.
    pub fn name(&self) -> Option<String> {
        self.claim.note().name()
    }

    /// Why this child was cancelled alone, if it was.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.claim.note().cancelled().cloned()
    }

    /// Has the child ended?
    pub fn is_finished(&self) -> bool {
        self.claim.stand() != Stand::Running
    }

    /// The child's outcome, if it has ended and that was not taken before.
    pub fn take_result(&mut self) -> Option<Result<T, JoinError>> {
        let taken = if self.has_failed.take() { Some(None) } else { self.claim.take() };
        if let Some(value) = taken {
            // The scope has the error.
            return Some(value.ok_or(JoinError::ReportedToGroup));
        }
        let error = match self.claim.take_end() {
            Stand::Running | Stand::Taken | Stand::Value => return None,
            Stand::Panicked => JoinError::Panicked(Panic::new(Box::new("it goes on where the scope is awaited"))),
            Stand::Dropped => {
                let alone = self.claim.note().cancelled().cloned();
                let reason = alone.or_else(|| self.orders.reason().cloned());
                JoinError::Cancelled(reason.unwrap_or(CancelReason::OwnerDropped))
            }
        };
        Some(Err(error))
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
                if self.claim.is_awaited(cx) {
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
    #[inline]
    fn poll_value(&self, cx: &mut Context<'_>) -> Poll<T> {
        if self.claim.is_awaited(cx) {
            return Poll::Pending;
        }
        match self.claim.take() {
            Some(Some(value)) => return Poll::Ready(value),
            Some(None) => self.has_failed.set(true),
            None => {}
        }
        self.poll_without_value()
    }

    #[cold]
    fn poll_without_value(&self) -> Poll<T> {
        match self.claim.stand() {
            Stand::Taken if !self.has_failed.get() => was_taken(),
            Stand::Dropped if self.claim.note().cancelled().is_some() => {
                self.orders.cancel(CancelReason::ChildCancelled);
            }
            _ => {}
        }
        // What is awaited here will never come, so no shield around it is to wait for it. The scope stops this code.
        open_shields_above(self.orders.depth());
        Poll::Pending
    }
}

/// Says that the outcome of a child was asked for again.
#[cold]
fn was_taken() -> ! {
    panic!("the outcome of a scope's child was awaited after it had been taken: take it once")
}

impl<T> Unpin for ScopedHandle<'_, T> {}

impl<T> fmt::Debug for ScopedHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedHandle").field("is_finished", &self.is_finished()).finish_non_exhaustive()
    }
}
