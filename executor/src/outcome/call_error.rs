//! Why a call from another thread has no result.

use crate::outcome::{join_error::JoinError, panic::Panic, reason::CancelReason};

/// Why something that was asked for through a [`Handle`](crate::Handle) has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The executor has ended, perhaps before it came to this call.
    #[error(transparent)]
    Ended(#[from] ExecutorEnded),
    /// The call was made on the executor's own thread: waiting there would stop the loop that is to do it, for ever. Await the
    /// result instead.
    #[error(
        "waiting on the executor's own thread would never end: await the result there, or call the function directly"
    )]
    OwnThread,
    /// The executor has as many tasks as it may have, so there was no room for this one.
    #[error(
        "the executor has as many tasks as it may have: wait for some of them, or raise ExecutorBuilder::max_tasks"
    )]
    Full,
    /// The task was cancelled.
    #[error("the task was cancelled: {0}")]
    Cancelled(CancelReason),
    /// The function, or the task's future, panicked.
    #[error("the call panicked: {0}")]
    Panicked(Panic),
}

/// For code that treats tasks of this thread and of others alike. What was not done counts as cancelled by a shutdown.
impl From<CallError> for JoinError {
    fn from(error: CallError) -> JoinError {
        match error {
            CallError::Cancelled(reason) => JoinError::Cancelled(reason),
            CallError::Panicked(panic) => JoinError::Panicked(panic),
            CallError::Ended(_) | CallError::OwnThread | CallError::Full => {
                JoinError::Cancelled(CancelReason::Shutdown)
            }
        }
    }
}

/// The executor that a [`Handle`](crate::Handle) is to reach has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the executor has ended: keep it alive for as long as other threads use its handle")]
pub struct ExecutorEnded;
