//! Task groups of evenkeel: failure boundaries that own their children.
//!
//! Built on the executor's public API only. The modules stand in reading order.

mod group;
mod options;
mod handle;
mod output;
mod start;
mod slot;
mod child;
mod state;
mod roster;
mod slots;
mod lineage;
mod error;

pub use crate::{
    error::{ChildError, Failure, GroupError},
    group::TaskGroup,
    handle::JoinHandle,
    options::{GroupOptions, GroupStats},
    output::ChildOutput,
    slot::Slot,
    start::Ready,
};
