//! How a number finds its task, and what else wakes: from this thread, from others, from inside a future.

pub(crate) mod wake_set;
pub(crate) mod batch;
pub(crate) mod waker_cell;
#[expect(clippy::module_inception, reason = "the room is named after its first noun")]
pub(crate) mod wake;
pub(crate) mod seats;
pub(crate) mod set;
mod seat_queue;
pub(crate) mod call;
pub(crate) mod registry;
pub(crate) mod calls;
pub(crate) mod inbox;
mod entries;
mod signalling;
pub(crate) mod local_callback;
pub(crate) mod few;
pub(crate) mod sleeper;
pub(crate) mod linger;
pub(crate) mod shim;
