//! How a task can end without a value.

use crate::outcome::{panic::Panic, reason::CancelReason};

/// Why a task has no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The task's error went to the group that owns it.
    #[error("the task failed, and its group has the error")]
    ReportedToGroup,
    /// The task was stopped where it was suspended.
    #[error("the task was cancelled: {0}")]
    Cancelled(CancelReason),
    /// The task's future panicked, or a destructor did while it was being cancelled.
    #[error("the task panicked: {0}")]
    Panicked(Panic),
}
