//! The way in.

use crate::{
    core::check_not_nested,
    host::executor::Executor,
    outcome::{
        nested_run::{Drive, NestedRun},
        or_panic::OrPanic,
    },
};
use std::panic::Location;

/// Runs a future to its end on this thread, and with it everything that it spawns.
///
/// When `main` has ended, what is still alive is cancelled, and its clean-up awaited; then `main`'s output is returned.
/// Nothing outlives the call, so `main` may borrow from its caller. [`ExecutorBuilder::run`](crate::ExecutorBuilder::run) does the same with
/// settings, a grace period for clean-up among them.
///
/// # Panics
///
/// If `main` panics: the panic goes on here. If `main` cancels itself. Inside a task of any executor on this thread: see [`try_run`].
///
/// ```
/// let words = ["even", "keel"];
/// let joined = evenkeel::run(async { words.concat() });
/// assert_eq!(joined, "evenkeel");
/// ```
#[track_caller]
pub fn run<F: Future>(main: F) -> F::Output {
    try_run(main).or_panic()
}

/// [`run`], but calling it inside a task is an error instead of a panic.
///
/// ```
/// let inner = evenkeel::run(async { evenkeel::host::try_run(async {}) });
/// assert!(inner.is_err());
/// ```
///
/// # Errors
///
/// [`NestedRun`], with `main` dropped, if an executor is running on this thread already.
#[track_caller]
pub fn try_run<F: Future>(main: F) -> Result<F::Output, NestedRun> {
    let location = Location::caller();
    check_not_nested(Drive::Run, location)?;
    Executor::new().run_and_close(None, main, location)
}
