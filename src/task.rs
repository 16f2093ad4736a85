//! Tasks: spawning them, owning them, and finding out about the one that runs.
//!
//! [`spawn`] makes a task and returns its owner, a [`Task`]. Awaiting the owner gives the task's value, or a [`JoinError`] that says why
//! there is none. Dropping the owner cancels the task; [`detach`](Task::detach) lets it go on alone.
//!
//! ```
//! use evenkeel::{CancelReason, JoinError, run, spawn};
//! use std::future::pending;
//!
//! run(async {
//!     let answer = spawn(async { 42 });
//!     assert_eq!(answer.await.unwrap(), 42);
//!
//!     let stuck = spawn(pending::<()>()).named("stuck");
//!     stuck.cancel("nobody asks any more");
//!     let Err(JoinError::Cancelled(reason)) = stuck.await else { panic!("it cannot end") };
//!     assert_eq!(reason, CancelReason::from("nobody asks any more"));
//! });
//! ```
//!
//! | to | there is |
//! |---|---|
//! | spawn from code that does not run in the executor | [`Executor::spawn`](crate::Executor::spawn), [`Spawner`] |
//! | know which task runs | [`current_task`], [`try_current_task`]: a [`TaskRef`] with its name, its place, its parent |
//! | know how far a task is | [`TaskState`] |
//! | stop a task that somebody else owns | an [`AbortHandle`] of [`Task::abort_handle`] |
//! | keep something for each task | [`TaskLocal`] |
//! | give a value that cannot be printed | [`Opaque`] |
//! | let the others go first | [`yield_now`] |
//! | look into a panic, or go on with it | [`Panic`] |
//!
//! # Names in other libraries
//!
//! | there | here |
//! |---|---|
//! | tokio's `task::spawn_local`, `LocalSet` | [`spawn`]: every task is local; [`Executor`](crate::Executor) is the set |
//! | tokio's `JoinHandle`, which detaches when it is dropped | [`Task`], which cancels then: [`Task::detach`] says the other |
//! | tokio's `task::id`, `task::try_id` | [`current_task`]`().id()`, [`try_current_task`] |
//! | tokio's `task::yield_now`, `task::coop` | [`yield_now`], [`coop`](crate::coop) |
//! | tokio's `task::spawn_blocking` | [`to_thread`](crate::to_thread) |
//! | tokio's `RuntimeMetrics::num_alive_tasks` | [`Executor::live_tasks`](crate::Executor::live_tasks) |
//! | async-task's `task.cancel().await` | `task.cancel("why")`, and then `task.await.ok()` |
//! | async-task's `fallible` | nothing: an outcome is a `Result` in any case |

#[doc(no_inline)]
pub use crate::{JoinError, Task, current_task, spawn, yield_now};
#[doc(inline)]
pub use evenkeel_executor::{
    AbortHandle, Opaque, Panic, Spawner, TaskId, TaskLocal, TaskRef, TaskState, YieldNow, spawner, try_current_task,
};
