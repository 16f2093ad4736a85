//! Stopping: scopes that are cancelled, timeouts, and clean-up that awaits.
//!
//! Code is stopped where it awaits, by dropping it there. Before that its clean-up is done: what is cancelled waits for it. Nothing is
//! thrown into running code, so between two `.await`s nothing can happen.
//!
//! ```
//! use evenkeel::{CancelScope, run, sleep, spawn};
//! use std::time::Duration;
//!
//! run(async {
//!     let scope = CancelScope::new();
//!     let stop = scope.clone();
//!     let stopper = spawn(async move {
//!         sleep(Duration::from_millis(1)).await;
//!         stop.cancel("the user closed the window");
//!     });
//!     let outcome = scope.run(sleep(Duration::MAX)).await;
//!     assert_eq!(outcome.unwrap_err().to_string(), "cancelled: the user closed the window");
//!     stopper.await.unwrap();
//! });
//! ```
//!
//! | to | there is |
//! |---|---|
//! | bound a wait | [`timeout`], [`timeout_at`]; a [`Deadline`] can be moved |
//! | stop a part of the program | [`CancelScope`] |
//! | hand a cancellation on | [`CancelToken`], to other threads [`RemoteToken`] |
//! | stop what is spread over many tasks, and a part of that | [`CancelToken::new`], [`child_token`](CancelToken::child_token), [`run_until_cancelled`](CancelToken::run_until_cancelled) |
//! | cancel when something goes out of scope | a [`DropGuard`] of [`CancelToken::drop_guard`] |
//! | stop a task, or the task that runs | [`Task::cancel`](crate::Task::cancel), [`current_task().cancel`](crate::task::TaskRef::cancel) |
//! | clean up, and await while doing so | [`finally`], [`finally_with`] |
//! | finish what was begun | [`shield`] |
//! | know why | [`CancelReason`]; in a loop that never awaits, [`cancel_requested`] |

#[doc(no_inline)]
pub use crate::{CancelReason, CancelScope, Cancelled, Elapsed, finally, finally_with, shield, timeout};
#[doc(inline)]
pub use evenkeel_executor::{
    CancelToken, CleanUp, Deadline, DropGuard, InScope, RemoteToken, RunUntilCancelled, Shield, Timeout, WaitCancelled,
    cancel_requested, timeout_at,
};
