//! A child that lives in place: a future in a branch of its own.

use evenkeel_executor::{
    CancelReason,
    combinator::{Branch, Rest, Siblings},
};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

pin_project! {
    /// A future in a branch of its own; later its output, in the same place.
    #[project = ChildProjection]
    pub(crate) enum Child<F: Future> {
        Running {
            #[pin]
            branch: Branch<F>,
        },
        Value { value: Option<F::Output> },
        /// The future was cancelled, or has panicked.
        Gone,
    }
}

impl<F: Future> Child<F> {
    #[inline]
    pub(crate) fn new(future: F) -> Child<F> {
        Child::Running { branch: Branch::new(future) }
    }

    /// Polls the child. Ready when it has ended, with a value or without.
    #[inline(always)]
    pub(crate) fn poll(mut self: Pin<&mut Self>, siblings: &mut Siblings<'_>, cx: &mut Context<'_>) -> Poll<()> {
        let ChildProjection::Running { branch } = self.as_mut().project() else { return Poll::Ready(()) };
        match siblings.poll_plain(branch, cx) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => self.set(Child::Value { value: Some(value) }),
            Err(rest) => return self.go_on(rest, siblings, cx),
        }
        Poll::Ready(())
    }

    #[cold]
    fn go_on(
        mut self: Pin<&mut Self>,
        rest: Rest<F::Output>,
        siblings: &mut Siblings<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let ChildProjection::Running { branch } = self.as_mut().project() else { return Poll::Ready(()) };
        match siblings.go_on(branch, rest, cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(value)) => self.set(Child::Value { value: Some(value) }),
            Poll::Ready(Err(_)) => self.set(Child::Gone),
        }
        Poll::Ready(())
    }

    /// Asks the child's branch, unless it has ended.
    pub(crate) fn ask<R>(self: Pin<&mut Self>, ask: impl FnOnce(Pin<&mut dyn Running>) -> R) -> Option<R> {
        match self.project() {
            ChildProjection::Running { branch } => Some(ask(branch)),
            _ => None,
        }
    }

    pub(crate) fn take(self: Pin<&mut Self>) -> Option<F::Output> {
        match self.project() {
            ChildProjection::Value { value } => value.take(),
            _ => None,
        }
    }
}

/// A branch, whatever it runs. See [`Branch`] for what the methods do.
pub(crate) trait Running {
    fn cancel(self: Pin<&mut Self>, reason: CancelReason) -> bool;
    fn has_cleanup(self: Pin<&mut Self>) -> bool;
    fn is_cleaning_up(self: Pin<&mut Self>) -> bool;
    fn is_abandoned(self: Pin<&mut Self>) -> bool;
    fn is_fresh(self: Pin<&mut Self>) -> bool;
}

impl<F> Running for Branch<F> {
    fn cancel(self: Pin<&mut Self>, reason: CancelReason) -> bool {
        Branch::cancel(self, reason)
    }

    fn has_cleanup(self: Pin<&mut Self>) -> bool {
        Branch::has_cleanup(self)
    }

    fn is_cleaning_up(self: Pin<&mut Self>) -> bool {
        Branch::is_cleaning_up(self)
    }

    fn is_abandoned(self: Pin<&mut Self>) -> bool {
        Branch::is_abandoned(self)
    }

    fn is_fresh(self: Pin<&mut Self>) -> bool {
        Branch::is_fresh(self)
    }
}
