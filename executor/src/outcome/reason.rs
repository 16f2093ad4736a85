//! Why something was cancelled.

use crate::outcome::task_id::TaskId;
use std::{borrow::Cow, fmt};

/// Why a task or a scope was cancelled.
///
/// A text makes a reason: `task.cancel("the user pressed Esc")`.
///
/// ```
/// use evenkeel::CancelReason;
///
/// let reason = CancelReason::from("shutting the shop");
/// assert_eq!(reason.to_string(), "shutting the shop");
/// assert_eq!(CancelReason::OwnerDropped.to_string(), "its owner was dropped");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelReason {
    /// Somebody asked for it, and said why.
    Requested(Cow<'static, str>),
    /// A sibling in its group failed; which one, if it was a task.
    SiblingFailed {
        /// The task that failed first.
        task: Option<TaskId>,
    },
    /// The task awaited the value of a child that was cancelled on its own.
    ChildCancelled,
    /// Another branch of its race was first.
    RaceLost,
    /// The task ran in the background of a group whose other children have ended.
    GroupEnded,
    /// A child that was to report when it is ready ended without doing so.
    NotReady,
    /// The deadline has passed.
    DeadlineExceeded,
    /// What owned it was dropped: a task's handle, a scope's future.
    OwnerDropped,
    /// The executor is being shut down.
    Shutdown,
    /// The program was interrupted from outside, by Ctrl-C for instance.
    Interrupted,
    /// The task was stopped hard, without clean-up, by `abort`.
    Aborted,
    /// Nothing could ever go on any more, on a clock that [ends such runs](crate::VirtualClock::patience). With a line of those that waited.
    Stalled(Box<str>),
}

impl From<&'static str> for CancelReason {
    fn from(text: &'static str) -> Self {
        CancelReason::Requested(Cow::Borrowed(text))
    }
}

impl From<String> for CancelReason {
    fn from(text: String) -> Self {
        CancelReason::Requested(Cow::Owned(text))
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CancelReason::Stalled(who) => return write!(f, "nothing can go on any more; there wait {who}"),
            CancelReason::Requested(text) => text,
            CancelReason::SiblingFailed { .. } => "a sibling failed",
            CancelReason::ChildCancelled => "it awaited a child that was cancelled",
            CancelReason::RaceLost => "another branch was first",
            CancelReason::GroupEnded => "its group has ended",
            CancelReason::NotReady => "a child ended before it was ready",
            CancelReason::DeadlineExceeded => "its deadline has passed",
            CancelReason::OwnerDropped => "its owner was dropped",
            CancelReason::Shutdown => "the executor is shutting down",
            CancelReason::Interrupted => "the program was interrupted",
            CancelReason::Aborted => "it was aborted",
        })
    }
}

/// A scope was cancelled before the future in it had finished.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cancelled: {0}")]
pub struct Cancelled(pub CancelReason);
