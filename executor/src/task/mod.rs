//! What becomes of a task: spawned, woken, polled, stopped, ended, freed; its owner; and what it knows of itself. All of it is safe code.

pub(crate) mod spawn;
pub(crate) mod loose;
pub(crate) mod abort_handle;
#[expect(clippy::module_inception, reason = "the room is named after its first noun")]
pub(crate) mod task;
pub(crate) mod current;
pub(crate) mod lodger;
pub(crate) mod order;
pub(crate) mod local;
mod local_scope;
pub(crate) mod layer;
pub(crate) mod yield_now;
pub(crate) mod main_task;
pub(crate) mod raw_task;
mod begin;
pub(crate) mod end;
pub(crate) mod step;
pub(crate) mod finish;
pub(crate) mod arrive;
pub(crate) mod around;
pub(crate) mod tasks;
pub(crate) mod header;
pub(crate) mod joiner;
