//! Task groups of evenkeel, and what collects the outcomes of several futures.
//!
//! Built on the executor's public API only. The modules stand in reading order: the group whose children are tasks, the scope whose
//! children borrow, then what collects.

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
mod grace;
mod lineage;
mod error;
mod drawing;
#[expect(unsafe_code, reason = "one lifetime extension")]
mod scope;
mod in_place;
mod cut;
mod family;
pub mod kind;
mod gather;
mod race;
mod as_completed;
mod map_concurrent;

pub use crate::{
    as_completed::{Completed, as_completed},
    error::{ChildError, Failure, GroupError},
    gather::{Gather, TryGather, gather, try_gather},
    group::TaskGroup,
    handle::JoinHandle,
    map_concurrent::{Items, Mapped, map_concurrent},
    options::{GroupOptions, GroupStats},
    output::ChildOutput,
    race::{Race, first_ok, race},
    scope::{Scope, ScopedHandle, scope},
    slot::Slot,
    start::Ready,
};
