//! An executor as a value, for programs that have a loop of their own.

pub(crate) mod executor;
#[cfg(feature = "ctrl-c")]
pub(crate) mod ctrl_c;
