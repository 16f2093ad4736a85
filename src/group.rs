//! Several at once: groups of tasks, scopes whose children borrow, and what collects the outcomes of futures.
//!
//! | what | its children | it ends |
//! |---|---|---|
//! | [`TaskGroup::run`] | tasks, spawned one by one | when all have ended; the first error cancels the others |
//! | [`Supervisor::run`] | tasks that fail alone, and may be [restarted](Restart) | when all have ended |
//! | [`scope`] | futures that borrow, spawned one by one | the same |
//! | [`gather`] | a tuple or an iterator of futures | with all values |
//! | [`try_gather`] | the same, of `Result`s | with all values, or with every error |
//! | [`race`] | the same | with the first value |
//! | [`first_ok`] | the same, of `Result`s | with the first `Ok`, or with all errors |
//! | [`as_completed`] | the same | when all have; it yields each value as it comes |
//! | [`map_concurrent`] | what a function makes of items | with the items; so many run at a time as are allowed |
//!
//! Children of a group that are to be joined as they end, while others come, are a [`JoinSet`]'s.
//!
//! Whatever ends early cancels the children that are left, and waits for their clean-up.
//!
//! ```
//! use evenkeel::{TaskGroup, finally, run};
//! use std::{cell::Cell, future::pending, rc::Rc};
//!
//! let rolled_back = Rc::new(Cell::new(false));
//! let seen = rolled_back.clone();
//! let outcome = run(TaskGroup::run(async |group: TaskGroup<&'static str>| {
//!     group.spawn(finally(pending::<Result<(), _>>(), async move |_: Option<&Result<_, _>>| seen.set(true)));
//!     group.spawn(async { Err::<(), _>("disk full") });
//!     Ok(())
//! }));
//! assert_eq!(outcome.unwrap_err().first(), Some(&"disk full"));
//! assert!(rolled_back.get());
//! ```

#[doc(no_inline)]
pub use crate::{
    GroupError, Scope, Supervisor, TaskGroup, as_completed, first_ok, gather, map_concurrent, race, race_biased, scope,
    try_gather,
};
#[doc(inline)]
pub use evenkeel_taskgroup::{
    ChildError, ChildOutput, Completed, Explain, Explained, Failure, Gather, GroupSlot, GroupStats, Items, JoinHandle,
    JoinSet, Mapped, OnFailure, Race, ReadySignal, Restart, RestartHandle, ScopedHandle, Starting, SupervisorBuilder,
    TaskGroupBuilder, TryGather,
};
