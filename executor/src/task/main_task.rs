//! The main future: an ordinary task, but one that may borrow from its caller.

use crate::task::handle::{Ended, RawTask};
use crate::{core::Core, outcome::join_error::JoinError, raw::number::Number};
use std::panic::Location;

/// Runs `main` as a task of `core`'s. `drive` must return when the task has ended.
pub(crate) fn run_main<F: Future>(
    core: &Core,
    main: F,
    location: &'static Location<'static>,
    drive: impl FnOnce(Ended<'_>),
) -> Result<F::Output, JoinError> {
    // SAFETY: what `F` borrows outlives this call. `Guard` is a local of this frame, so its drop runs before the call
    // ends, whether by returning or by unwinding (out of a host's callback in `drive`), and leaves neither future nor
    // output behind. The block itself may live on for a while, but holds nothing of `F`'s then.
    let task = unsafe { core.tasks.admit(main, location) };
    let mut guard = Guard { core, task: task.unwrap_or_else(|full| panic!("{full}")) };
    core.main.set(guard.task.number().unwrap_or(Number::NONE));
    drive(guard.task.ended());
    guard.task.take().unwrap_or_else(|| panic!("the loop returned before its main future had ended"))
}

struct Guard<'a, T> {
    core: &'a Core,
    task: RawTask<T>,
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.core.main.set(Number::NONE);
        self.task.end_now();
        if !self.task.is_spent() {
            // Dropped here and now: a handle's own drop may leave an output to a drop further up the stack.
            drop(self.task.take());
        }
    }
}
