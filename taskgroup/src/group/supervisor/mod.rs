//! The supervisor: a group whose children fail alone; and children that are restarted, in any group.

mod builder;
#[expect(clippy::module_inception, reason = "the room is named after its first noun")]
mod supervisor;
mod spawn;
mod restart_handle;
mod keep_running;
mod history;
mod restart;

pub use {builder::SupervisorBuilder, restart::Restart, restart_handle::RestartHandle, supervisor::Supervisor};
