//! Driving an executor until a main future has ended.

use crate::{
    core::Core,
    host::yield_loop::MainOnGivenClock,
    outcome::{
        join_error::JoinError,
        nested_run::{Drive, NestedRun},
        or_panic::OrPanic,
    },
    raw::block::IsEnded,
    task::main_task::run_main,
    turn::{Driver, Next},
};
use std::{panic::Location, time::Duration};

/// Drives an executor until `main` has ended.
///
/// # Panics
///
/// If the executor has as many tasks as it may have.
#[track_caller]
pub(crate) fn run_on<F: Future>(
    core: &Core,
    main: F,
    location: &'static Location<'static>,
) -> Result<Result<F::Output, JoinError>, NestedRun> {
    // It may be large: what goes through so many hands here has it by reference.
    let mut main = Some(main);
    let ran = core.enter_blocking(Drive::Run, location, || {
        let _interruptible = Interruptible::begin(core);
        let main = || main.take().expect("what runs is run once");
        run_main(&core.tasks, &core.main, main, location, |main| match core.time.clock.may_jump() {
            false => core.run(&mut Main(main)),
            true => core.run(&mut MainOnGivenClock::new(main)),
        })
    });
    let ran = ran?;
    // What waits for the executor by other means looks again, and finds out by a tick what is left.
    core.host_waits(Some(Duration::ZERO));
    Ok(ran.or_panic())
}

/// While this lives, Ctrl-C cancels the main future, if the executor's builder said so.
pub(crate) struct Interruptible {
    #[cfg(feature = "ctrl-c")]
    _ctrl_c: Option<crate::host::ctrl_c::CancelOnCtrlC>,
}

impl Interruptible {
    #[cfg(feature = "ctrl-c")]
    pub(crate) fn begin(core: &Core) -> Interruptible {
        Interruptible {
            _ctrl_c: core.cancel_on_ctrl_c.then(|| crate::host::ctrl_c::CancelOnCtrlC::new(core.calls.clone())),
        }
    }

    #[cfg(not(feature = "ctrl-c"))]
    pub(crate) fn begin(_: &Core) -> Interruptible {
        Interruptible {}
    }
}

/// The main future's value. Its panic goes on, and its cancellation is one.
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

/// The loop runs for a main future.
struct Main<'a>(IsEnded<'a>);

impl Driver for Main<'_> {
    #[inline(always)]
    fn begin(&mut self, _: &Core) -> Option<usize> {
        Some(usize::MAX)
    }

    #[inline(always)]
    fn end(&mut self, _: &Core) -> Next {
        if self.0.get() { Next::Return } else { Next::Sleep(None) }
    }
}
