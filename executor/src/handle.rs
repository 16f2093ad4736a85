//! An executor, as other threads see it.

use crate::{cancel::CancelReason, inbox::Inbox};
use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Reaches an executor from any thread, and may outlive it.
///
/// ```
/// use evenkeel_executor::{CancelReason, Executor, JoinError};
///
/// let executor = Executor::new();
/// let handle = executor.handle();
/// let watchdog = std::thread::spawn(move || handle.cancel_main("the watchdog barked"));
/// let outcome = executor.run_outcome(std::future::pending::<()>());
/// assert!(matches!(outcome, Err(JoinError::Cancelled(reason)) if reason == CancelReason::from("the watchdog barked")));
/// watchdog.join().unwrap().unwrap();
/// ```
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<Shared>);

/// The executor that a [`Handle`] is to reach has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the executor has ended: keep it alive for as long as other threads use its handle")]
pub struct Ended;

impl Handle {
    /// Cancels the future that the executor runs as its main one, or runs next. Of several reasons that come before the loop
    /// sees one, the first counts.
    ///
    /// # Errors
    ///
    /// [`Ended`].
    pub fn cancel_main(&self, reason: impl Into<CancelReason>) -> Result<(), Ended> {
        self.0.cancel_main(reason.into())
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({})", if self.0.lock().ended { "ended" } else { "open" })
    }
}

/// What an executor shares with its handles.
///
/// What is put here is put before the inbox is told, and the loop takes it after it has emptied the inbox; so it is not lost.
pub(crate) struct Shared {
    inbox: &'static Inbox,
    is_pending: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ended: bool,
    cancel_main: Option<CancelReason>,
}

impl Shared {
    pub(crate) fn new(inbox: &'static Inbox) -> Shared {
        Shared { inbox, is_pending: AtomicBool::new(false), state: Mutex::default() }
    }

    pub(crate) fn cancel_main(&self, reason: CancelReason) -> Result<(), Ended> {
        {
            let mut state = self.lock();
            if state.ended {
                return Err(Ended);
            }
            state.cancel_main.get_or_insert(reason);
            self.is_pending.store(true, Ordering::Release);
        }
        // If the executor has ended meanwhile, the inbox may be another's already, which then looks once in vain.
        self.inbox.call();
        Ok(())
    }

    /// The cancellation of the main future that has come, if one has.
    pub(crate) fn take_cancel_main(&self) -> Option<CancelReason> {
        if self.is_pending.swap(false, Ordering::Acquire) { self.lock().cancel_main.take() } else { None }
    }

    pub(crate) fn end(&self) {
        self.lock().ended = true;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing foreign runs in a critical section.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
