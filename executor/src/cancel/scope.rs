//! The cancel scope: its handle.

use crate::{
    cancel::{in_scope::InScope, token::CancelToken},
    outcome::reason::CancelReason,
    region::{
        limit::NEVER,
        region::{Kind, Region},
    },
    time::{instant::Instant, wheel::When},
    wake::call::call,
};
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    rc::Rc,
    time::Duration,
};

/// A part of a task that can be cancelled as a whole. This is the handle; what runs in it is given to
/// [`run`](CancelScope::run).
///
/// The first cancellation stays, with its reason: a cancelled scope is cancelled for good, so that nobody can swallow it
/// by accident. A scope that is cancelled before it runs does not start its future; after its end, cancelling has no
/// effect but on its [tokens](CancelScope::token).
///
/// ```
/// use evenkeel::{CancelScope, Cancelled, run, sleep, spawn};
/// use std::time::Duration;
///
/// run(async {
///     let scope = CancelScope::new();
///     let handle = scope.clone();
///     let escape = spawn(async move { handle.cancel("the user pressed Esc") });
///     let Err(Cancelled(reason)) = scope.run(sleep(Duration::MAX)).await else { unreachable!() };
///     assert_eq!(reason.to_string(), "the user pressed Esc");
///     escape.await.unwrap();
/// });
/// ```
#[derive(Clone)]
pub struct CancelScope(pub(crate) Rc<Region>);

impl CancelScope {
    /// A scope that nothing runs in yet.
    #[expect(clippy::new_without_default, reason = "each scope is one of its own, not a value")]
    pub fn new() -> CancelScope {
        CancelScope(Region::new(Kind::Scope))
    }

    /// Runs a future in this scope, once.
    ///
    /// If the scope is cancelled, the future is polled once more. A value that it yields then counts; otherwise it is
    /// dropped where it is suspended, after the clean-up in it is done.
    ///
    /// Cancel-safe as far as `future` is.
    ///
    /// # Errors
    ///
    /// [`Cancelled`](crate::Cancelled) if this very scope was cancelled before the future had finished. If a scope around it
    /// was cancelled too, nothing is returned: the code that awaits this is stopped as well.
    ///
    /// # Panics
    ///
    /// When polled outside an executor. When a second future is run in one scope. When clean-up in it panicked.
    pub fn run<F: Future>(&self, future: F) -> InScope<F> {
        InScope::new(self.0.clone(), future)
    }

    /// Cancels the scope. The first reason stays; `false` if it was cancelled before.
    ///
    /// Code that does not suspend is not stopped: a scope that is cancelled by its own code is stopped where that awaits next and has to
    /// wait, also for something that only gives way, as [`yield_now`](crate::yield_now) does; unless something in its task was woken before,
    /// in the same poll. What is ready at once is passed.
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.0.cancel_once(reason.into())
    }

    /// Was this scope cancelled, or one around it?
    pub fn is_cancelled(&self) -> bool {
        self.0.look();
        self.0.is_cancelled_now()
    }

    /// Why this very scope was cancelled.
    pub fn reason(&self) -> Option<CancelReason> {
        self.0.look();
        self.0.reason().cloned()
    }

    /// Cancels the scope at that time, with the reason [`CancelReason::DeadlineExceeded`]; `None` for never. It may be set
    /// and moved from inside and outside, before the scope runs and while it does. `false` if it comes too late: the scope
    /// is cancelled already, or has ended.
    pub fn set_deadline(&self, deadline: impl Into<Option<Instant>>) -> bool {
        self.limit_to(deadline.into().map_or(NEVER, When::At))
    }

    /// The deadline, if there is one. One that counts from the scope's start is not known before that.
    pub fn deadline(&self) -> Option<Instant> {
        match self.0.limit.deadline.get() {
            NEVER | When::After(_) => None,
            When::At(at) => Some(at),
        }
    }

    /// How long clean-up may take once the scope is cancelled; `None`, which is the default, for as long as it needs. What
    /// is left then is dropped, and reported to `on_unhandled`.
    pub fn set_grace(&self, grace: impl Into<Option<Duration>>) {
        self.0.limit.grace.set(grace.into());
        if let Some(waker) = self.0.limit.take_waker() {
            // Clean-up may be at work already: the scope's future starts the timer.
            call(waker);
        }
    }

    /// A token for those who pass cancellation by hand.
    pub fn token(&self) -> CancelToken {
        CancelToken(self.0.clone())
    }

    pub(crate) fn limit_to(&self, deadline: When) -> bool {
        self.0.look();
        if self.0.reason().is_some() || self.0.limit.has_ended() {
            return false;
        }
        self.0.limit.deadline.set(deadline);
        if let Some(waker) = self.0.limit.take_waker() {
            // Its future starts the timer.
            call(waker);
        }
        true
    }
}

/// Who cancels leaves nothing of it half done, whatever wakers do.
impl UnwindSafe for CancelScope {}
impl RefUnwindSafe for CancelScope {}

impl Drop for CancelScope {
    #[inline]
    fn drop(&mut self) {
        Region::recycle(&mut self.0);
    }
}

impl fmt::Debug for CancelScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelScope").field("reason", &self.0.reason()).field("deadline", &self.deadline()).finish()
    }
}
