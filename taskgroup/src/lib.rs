//! Task groups of evenkeel, and what collects the outcomes of several futures.
//!
//! Programs use the crate `evenkeel`, whose modules sort these names; here they lie flat.
//!
//! Built on the public API of the executor and of the wait queue only. The modules stand in reading order: the group whose children are
//! tasks, the scope whose children borrow, then what collects, and what all of them stand on. A line names only what stands below it.

mod group;
mod scope;
mod collect;
mod in_place;
mod unclaimed;
mod drawing;
mod error;
mod explain;
mod output;
mod caught;

pub use crate::{
    collect::{
        Completed, Gather, Items, Mapped, Race, TryGather, as_completed, first_ok, gather, kind, map_concurrent, race,
        race_biased, try_gather,
    },
    error::{ChildError, Failure, GroupError},
    explain::{Explain, Explained},
    group::{
        GroupSlot, GroupStats, JoinHandle, JoinSet, OnFailure, ReadySignal, Restart, RestartHandle, Starting,
        Supervisor, SupervisorBuilder, TaskGroup, TaskGroupBuilder,
    },
    output::ChildOutput,
    scope::{Scope, ScopedHandle, scope},
};
