//! How a number finds its task, and what else wakes: from this thread, from others, from inside a future.

pub(crate) mod wake_set;
pub(crate) mod seats;
pub(crate) mod foreign;
pub(crate) mod registry;
pub(crate) mod inbox;
pub(crate) mod local_callback;
pub(crate) mod few;
pub(crate) mod shim;
