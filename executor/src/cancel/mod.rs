//! Cancellation: scopes, clean-up that awaits, deadlines, tokens.

mod reason;
mod scope;
mod deadline;
mod cleanup;
mod token;
mod remote;
mod region;
mod here;
mod limit;
mod point;

pub use cleanup::{finally, finally_with, settle, shield};
pub use deadline::{Deadline, Elapsed, Timeout, timeout, timeout_at};
pub use here::{cancel_requested, is_stopping_hard, open_shields};
pub use point::Shield;
pub use reason::{CancelReason, Cancelled};
pub use remote::RemoteToken;
pub use scope::{CancelScope, InScope};
pub use token::{CancelToken, WaitCancelled};

pub(crate) use here::{Here, new_epoch};
pub(crate) use region::Region;
