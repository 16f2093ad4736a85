//! The main future: an ordinary task, but one that may borrow from its caller.

use super::{
    handle::{Ended, RawTask},
    tasks::Tasks,
};
use crate::join_error::JoinError;
use std::panic::Location;

/// Runs `main` as a task of `tasks`. `drive` must return when the task has ended.
pub(crate) fn run_main<F: Future>(
    tasks: &Tasks,
    main: F,
    location: &'static Location<'static>,
    drive: impl FnOnce(Ended<'_>),
) -> Result<F::Output, JoinError> {
    // SAFETY: what `F` borrows outlives this call. `Guard` is a local of this frame, so its drop runs before the call
    // ends, whether by returning or by unwinding (out of a host's callback in `drive`), and leaves neither future nor
    // output behind. The block itself may live on for a while, but holds nothing of `F`'s then.
    let task = unsafe { tasks.admit(main, location) };
    let mut guard = Guard(task.unwrap_or_else(|full| panic!("{full}")));
    drive(guard.0.ended());
    guard.0.take().unwrap_or_else(|| panic!("the loop returned before its main future had ended"))
}

struct Guard<T>(RawTask<T>);

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        self.0.end_now();
        if !self.0.is_spent() {
            // Dropped here and now: a handle's own drop may leave an output to a drop further up the stack.
            drop(self.0.take());
        }
    }
}
