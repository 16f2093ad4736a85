//! The main future: an ordinary task, but one that may borrow from its caller.

use crate::{
    outcome::join_error::JoinError,
    raw::{block::IsEnded, number::Number, table::Full},
    task::tasks::{RawTask, Tasks},
};
use std::{cell::Cell, panic::Location};

/// Runs the future that `main` returns as a task, whose number is in `place` meanwhile. `drive` must return when the task has ended. An error
/// if there is no room for it.
pub(crate) fn run_main<F: Future>(
    tasks: &Tasks,
    place: &Cell<Number>,
    main: impl FnOnce() -> F,
    location: &'static Location<'static>,
    drive: impl FnOnce(IsEnded<'_>),
) -> Result<Result<F::Output, JoinError>, Full> {
    let during = |task: &RawTask<F::Output>| {
        place.set(task.number().unwrap_or(Number::NONE));
        drive(task.is_ended());
        task.take().expect("the loop returns when its main future has ended")
    };
    let end = |task: &RawTask<F::Output>| {
        place.set(Number::NONE);
        task.end_now();
        if !task.is_spent() {
            // Dropped here and now: a handle's own drop may leave an output to a drop further up the stack.
            drop(task.take());
        }
    };
    tasks.spawn_during(main, location, during, end)
}
