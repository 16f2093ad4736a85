//! Why something was cancelled.

use std::{borrow::Cow, fmt};

/// Why a task was cancelled.
///
/// A text makes a reason: `task.cancel("the user pressed Esc")`.
///
/// ```
/// use evenkeel_executor::CancelReason;
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
    /// The handle that owned the task was dropped.
    OwnerDropped,
    /// The executor is being shut down.
    Shutdown,
    /// The program was interrupted from outside, by Ctrl-C for instance.
    Interrupted,
    /// It was stopped hard, without clean-up, by `abort`.
    Aborted,
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
            CancelReason::Requested(text) => text,
            CancelReason::OwnerDropped => "its owner was dropped",
            CancelReason::Shutdown => "the executor is shutting down",
            CancelReason::Interrupted => "the program was interrupted",
            CancelReason::Aborted => "it was aborted",
        })
    }
}
