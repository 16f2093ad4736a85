//! The task group: children that are tasks.

mod builder;
mod start;
mod group_slot;
mod task_group;
mod join_handle;
mod child;
mod group_core;
mod bound;
mod grace;
mod roster;
mod lineage;

pub(crate) use task_group::report_errors;
pub use {
    builder::{GroupOptions, GroupStats},
    group_slot::Slot,
    join_handle::JoinHandle,
    start::Ready,
    task_group::TaskGroup,
};
