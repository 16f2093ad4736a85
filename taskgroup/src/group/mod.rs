//! The task group: children that are tasks.

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
mod grace;
mod roster;
mod lineage;

pub use {
    builder::TaskGroupBuilder,
    group_slot::GroupSlot,
    join_handle::JoinHandle,
    start::{ReadySignal, Starting},
    stats::GroupStats,
    task_group::TaskGroup,
};
