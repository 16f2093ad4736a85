//! The name of a task for people and logs.

use crate::raw::number::Number;
use std::fmt;

/// A task's identity: no two live tasks of a process have the same one.
///
/// Printed as `slot.generation`: the place in its executor's task table, and how many tasks had that place before it.
/// After 2²⁶ (on 32-bit targets 2⁸) tasks in one place an id comes round again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub(crate) Number);

impl TaskId {
    pub(crate) fn of(number: Number) -> Option<TaskId> {
        (number != Number::NONE).then_some(TaskId(number))
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.slot(), self.0.generation())
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({self})")
    }
}
