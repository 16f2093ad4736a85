//! The handle of a child that borrows.

use super::run::Inner;
use evenkeel_executor::{CancelReason, JoinError, Panic, combinator::open_shields_above};
use std::{
    borrow::Cow,
    cell::{OnceCell, RefCell},
    fmt,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
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
    pub(super) scope: &'scope Inner,
    pub(super) shared: Rc<Shared<T>>,
    /// Key and number; `None` for a child that never was, as its scope had ended.
    pub(super) child: Option<(usize, u64)>,
}

/// What a child and its handle share.
pub(super) struct Shared<T> {
    stage: RefCell<Stage<T>>,
    pub(super) name: RefCell<Option<Box<str>>>,
    /// The child was cancelled on its own.
    cancelled: OnceCell<CancelReason>,
}

enum Stage<T> {
    Running(Option<Waker>),
    Value(T),
    Failed,
    Cancelled,
    Panicked,
    Taken,
}

impl<T> Shared<T> {
    pub(super) fn new() -> Shared<T> {
        Shared { stage: RefCell::new(Stage::Running(None)), name: RefCell::default(), cancelled: OnceCell::new() }
    }

    fn end(&self, stage: Stage<T>) {
        let before = self.stage.replace(stage);
        if let Stage::Running(Some(waker)) = before {
            waker.wake();
        }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(&*self.stage.borrow(), Stage::Running(_))
    }

    pub(super) fn succeed(&self, value: T) {
        self.end(Stage::Value(value));
    }

    pub(super) fn fail(&self) {
        self.end(Stage::Failed);
    }

    pub(super) fn panic(&self) {
        self.end(Stage::Panicked);
    }

    pub(super) fn stop(&self) {
        self.end(Stage::Cancelled);
    }
}

impl<T> ScopedHandle<'_, T> {
    /// Cancels this child alone. Its clean-up is awaited by the scope. `false` if it has ended, or was cancelled before.
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        let Some((key, number)) = self.child.filter(|_| self.shared.is_running() && !self.scope.is_ending()) else {
            return false;
        };
        let reason = reason.into();
        if self.shared.cancelled.set(reason.clone()).is_err() {
            return false;
        }
        self.scope.cancel_child(key, number, reason);
        true
    }

    /// Gives the child a name, which an error of it carries.
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.shared.name.replace(Some(name.into().into()));
        self
    }

    /// Has the child ended?
    pub fn is_finished(&self) -> bool {
        !self.shared.is_running()
    }

    /// The child's outcome, if it has ended and that was not taken before.
    pub fn take_result(&mut self) -> Option<Result<T, JoinError>> {
        let mut stage = self.shared.stage.borrow_mut();
        if let Stage::Running(_) | Stage::Taken = *stage {
            return None;
        }
        Some(match std::mem::replace(&mut *stage, Stage::Taken) {
            Stage::Value(value) => Ok(value),
            Stage::Failed => Err(JoinError::ReportedToGroup),
            Stage::Panicked => Err(JoinError::Panicked(Panic::new(Box::new("it goes on where the scope is awaited")))),
            Stage::Running(_) | Stage::Taken | Stage::Cancelled => {
                let alone = self.shared.cancelled.get().cloned();
                let reason = alone.or_else(|| self.scope.reason());
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
            if self.is_waiting(cx) {
                return Poll::Pending;
            }
            Poll::Ready(self.take_result().unwrap_or_else(|| was_taken()))
        })
        .await
    }

    /// Is the child still running? Then the newest waker is kept.
    fn is_waiting(&self, cx: &Context<'_>) -> bool {
        // A waker's clone and drop may be foreign code: nothing is borrowed meanwhile.
        let newest = cx.waker().clone();
        let old = match &mut *self.shared.stage.borrow_mut() {
            Stage::Running(waker) => waker.replace(newest),
            _ => return false,
        };
        drop(old);
        true
    }
}

impl<T> Future for ScopedHandle<'_, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if self.is_waiting(cx) {
            return Poll::Pending;
        }
        let stage = {
            let mut stage = self.shared.stage.borrow_mut();
            match &*stage {
                Stage::Value(_) => std::mem::replace(&mut *stage, Stage::Taken),
                Stage::Cancelled => Stage::Cancelled,
                Stage::Taken => was_taken(),
                _ => Stage::Failed,
            }
        };
        match stage {
            Stage::Value(value) => return Poll::Ready(value),
            // On its own, that is, and not as everything around is.
            Stage::Cancelled if self.shared.cancelled.get().is_some() => {
                self.scope.cancel(CancelReason::ChildCancelled)
            }
            _ => false,
        };
        // What is awaited here will never come, so no shield around it is to wait for it. The scope stops this code.
        open_shields_above(self.scope.depth());
        Poll::Pending
    }
}

impl<T> Unpin for ScopedHandle<'_, T> {}

impl<T> fmt::Debug for ScopedHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedHandle").field("is_finished", &self.is_finished()).finish_non_exhaustive()
    }
}

fn was_taken() -> ! {
    panic!("the outcome of a scope's child was awaited after it had been taken: take it once")
}
