//! The way in.

use crate::{
    core::{Core, check_not_nested},
    host::executor::Executor,
    outcome::join_error::JoinError,
    task::main_task::run_main,
};
use std::{panic::Location, rc::Rc, time::Duration};

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
    try_run(main).unwrap_or_else(|nested| panic!("{nested}"))
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
    check_not_nested(location)?;
    run_and_close(Executor::new(), None, main, location)
}

/// Drives a new executor until `main` and all clean-up have ended.
#[track_caller]
pub(crate) fn run_and_close<F: Future>(
    executor: Executor,
    grace: Option<Duration>,
    main: F,
    location: &'static Location<'static>,
) -> Result<F::Output, NestedRun> {
    let _watch = Watch::begin(&executor.core);
    let outcome = run_on(&executor.core, main, location)?;
    let closing = executor.core.enter_blocking(location)?;
    executor.core.close(grace);
    drop(closing);
    drop(executor);
    Ok(value_or_panic(outcome))
}

/// Drives an executor until `main` has ended.
pub(crate) fn run_on<F: Future>(
    core: &Rc<Core>,
    main: F,
    location: &'static Location<'static>,
) -> Result<Result<F::Output, JoinError>, NestedRun> {
    let _driving = core.enter_blocking(location)?;
    let _watch = Watch::begin(core);
    Ok(run_main(core, main, location, |done| core.run_until(done)))
}

/// While this lives, Ctrl-C cancels the main future, if the executor's builder said so.
struct Watch {
    #[cfg(feature = "ctrl-c")]
    _watch: Option<crate::host::ctrl_c::Watch>,
}

impl Watch {
    #[cfg(feature = "ctrl-c")]
    fn begin(core: &Core) -> Watch {
        Watch { _watch: core.cancel_on_ctrl_c.then(|| crate::host::ctrl_c::Watch::new(core.shared.clone())) }
    }

    #[cfg(not(feature = "ctrl-c"))]
    fn begin(_: &Core) -> Watch {
        Watch {}
    }
}

#[track_caller]
pub(crate) fn value_or_panic<T>(outcome: Result<T, JoinError>) -> T {
    match outcome {
        Ok(value) => value,
        Err(JoinError::Panicked(panic)) => panic.resume(),
        Err(JoinError::ReportedToGroup) => unreachable!("the main future belongs to no group"),
        Err(JoinError::Cancelled(reason)) => {
            panic!("the main future was cancelled ({reason}): Executor::run_outcome gives that as a value")
        }
    }
}

/// An executor was to be driven by a call that stands inside another such call on the same thread.
///
/// Blocking there would stop every task of the outer executor. Await the future instead, or `spawn` it.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error(
    "an evenkeel executor was to run at {inner}, inside a task of the one that runs since {outer}: \
     await the future there, or spawn it"
)]
pub struct NestedRun {
    pub(crate) outer: &'static Location<'static>,
    pub(crate) inner: &'static Location<'static>,
}

impl NestedRun {
    /// Where the call stands that was running already.
    pub fn outer(&self) -> &'static Location<'static> {
        self.outer
    }

    /// Where the refused call stands.
    pub fn inner(&self) -> &'static Location<'static> {
        self.inner
    }
}
