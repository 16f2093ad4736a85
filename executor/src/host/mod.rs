//! An executor as a value, for programs that have a loop of their own.

pub(crate) mod builder;
pub(crate) mod tick;
pub(crate) mod driver;
pub(crate) mod enter;
pub(crate) mod executor;
pub(crate) mod drive;
pub(crate) mod yield_loop;
#[cfg(feature = "ctrl-c")]
pub(crate) mod ctrl_c;
