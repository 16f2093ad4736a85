//! How a task can end without a value.

use crate::outcome::{caught::Payload, panic::Panic, reason::CancelReason};

/// Why a task has no value. Which task that was (tokio's `JoinError::id`), its handle knows: ask [`Task::id`](crate::Task::id) before it is
/// awaited.
///
/// ```
/// use evenkeel::{run, spawn};
/// use std::{future::pending, panic::{AssertUnwindSafe, catch_unwind, resume_unwind}};
///
/// let [stopped, failed] = run(async {
///     let stopped = spawn(pending::<()>());
///     stopped.cancel("enough");
///     [stopped.await.unwrap_err(), spawn(async { panic!("out of cheese") }).await.unwrap_err()]
/// });
/// assert!(stopped.is_cancelled() && failed.is_panic());
/// assert_eq!(stopped.reason().unwrap().to_string(), "enough");
/// // Whoever does not know what to do about a panic goes on with it.
/// let outer = catch_unwind(AssertUnwindSafe(|| resume_unwind(failed.into_panic())));
/// assert_eq!(outer.unwrap_err().downcast_ref(), Some(&"out of cheese"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The task's error went to the group that owns it, which keeps or reports it.
    #[error("the task failed, and its error went to its group")]
    ReportedToGroup,
    /// The task was stopped where it was suspended.
    #[error("the task was cancelled: {0}")]
    Cancelled(CancelReason),
    /// The task's future panicked, or a destructor did while it was being cancelled.
    #[error("the task panicked: {0}")]
    Panicked(Panic),
}

impl JoinError {
    /// Was the task cancelled?
    pub fn is_cancelled(&self) -> bool {
        matches!(self, JoinError::Cancelled(_))
    }

    /// Did the task panic?
    pub fn is_panic(&self) -> bool {
        matches!(self, JoinError::Panicked(_))
    }

    /// Why the task was cancelled, if it was.
    pub fn reason(&self) -> Option<&CancelReason> {
        match self {
            JoinError::Cancelled(reason) => Some(reason),
            JoinError::ReportedToGroup | JoinError::Panicked(_) => None,
        }
    }

    /// What the task's panic carried, for [`resume_unwind`](std::panic::resume_unwind); [`Panic::resume`] does both.
    ///
    /// # Panics
    ///
    /// If the task did not panic: see [`try_into_panic`](JoinError::try_into_panic).
    #[track_caller]
    pub fn into_panic(self) -> Payload {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(error) => panic!("JoinError::into_panic was called, but {error}: ask is_panic before"),
        }
    }

    /// What the task's panic carried.
    ///
    /// # Errors
    ///
    /// This error again, if the task did not panic.
    pub fn try_into_panic(self) -> Result<Payload, JoinError> {
        match self {
            JoinError::Panicked(panic) => Ok(panic.into_payload()),
            other => Err(other),
        }
    }
}
