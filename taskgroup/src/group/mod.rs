//! The task group: children that are tasks.

mod join_set;
mod supervisor;
mod builder;
mod start;
mod group_slot;
mod task_group;
mod run;
mod stats;
mod join_handle;
mod child;
mod group_state;
mod spare;
mod group_core;
mod bound;
mod roster;
mod lineage;
mod settings;
mod grace;
mod on_failure;

pub use {
    builder::TaskGroupBuilder,
    group_slot::GroupSlot,
    join_handle::JoinHandle,
    join_set::JoinSet,
    on_failure::OnFailure,
    start::{ReadySignal, Starting},
    stats::GroupStats,
    supervisor::{Restart, RestartHandle, Supervisor, SupervisorBuilder},
    task_group::TaskGroup,
};
