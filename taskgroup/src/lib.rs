//! Task groups of evenkeel, and what collects the outcomes of several futures.
//!
//! Programs use the crate `evenkeel`, whose modules sort these names; here they lie flat.
//!
//! Built on the executor's public API only. The modules stand in reading order: the group whose children are tasks, the scope whose
//! children borrow, then what collects.

mod group;
#[expect(unsafe_code, reason = "one lifetime extension")]
mod scope;
mod collect;
mod in_place;
mod drawing;
mod error;
mod output;

pub use crate::{
    collect::{
        Completed, Gather, Items, Mapped, Race, TryGather, as_completed, first_ok, gather, kind, map_concurrent, race,
        try_gather,
    },
    error::{ChildError, Failure, GroupError},
    group::{GroupOptions, GroupStats, JoinHandle, Ready, Slot, TaskGroup},
    output::ChildOutput,
    scope::{Scope, ScopedHandle, scope},
};
