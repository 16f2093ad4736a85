//! Who waits for a task.

use crate::{raw::number::Number, wake::wake::wake_any};
use std::task::Waker;

/// Whom to wake when a task has ended.
pub(super) enum Joiner {
    /// A task, or a child that lives in place. Its number is all there is to it.
    Ours(Number),
    /// Cloning, calling or dropping it may do anything.
    Foreign(Waker),
}

impl Joiner {
    pub(super) fn of(number: Number) -> Option<Joiner> {
        (number != Number::NONE).then_some(Joiner::Ours(number))
    }

    pub(super) fn wake(self) {
        match self {
            Joiner::Ours(number) => wake_any(number),
            Joiner::Foreign(waker) => waker.wake(),
        }
    }
}
