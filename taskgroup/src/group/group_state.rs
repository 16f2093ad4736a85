//! A group with its errors.

use super::group_core::{GroupCore, current_id};
use crate::{
    error::{ChildError, Failure},
    explain::Explains,
    unclaimed::report_errors,
};
use evenkeel_executor::{CancelReason, TaskId, try_current_task};
use std::{fmt, rc::Rc};

/// A group with its errors: what a child, the body and the group's future have of it.
pub(super) struct GroupState<E> {
    pub(super) core: Rc<GroupCore>,
    /// How its errors explain themselves.
    pub(super) explains: Explains<E>,
}

impl<E> Clone for GroupState<E> {
    fn clone(&self) -> Self {
        GroupState { core: self.core.clone(), explains: self.explains }
    }
}

impl<E: 'static> GroupState<E> {
    pub(super) fn take_errors(&self) -> Vec<ChildError<E>> {
        self.core.take_errors()
    }
}

impl<E: fmt::Debug + 'static> GroupState<E> {
    /// The body has failed.
    pub(super) fn body_failed(&self, error: E) {
        self.add(ChildError::new(Failure::One(error), None, self.core.location, self.explains), None);
    }

    /// The code that runs now has failed: a child's, or in the task of the group's future what the body reports.
    pub(super) fn failed(&self, failure: Failure<E>) {
        let error = match try_current_task() {
            Some(task) if self.core.host.get() != Some(task) => {
                let location = task.location().unwrap_or(self.core.location);
                ChildError::new(failure, task.name().map(Into::into), location, self.explains)
            }
            _ => ChildError::new(failure, None, self.core.location, self.explains),
        };
        self.add(error, current_id());
    }

    /// A failure in that task. After the group's end it is reported, as nobody gets it.
    fn add(&self, error: ChildError<E>, task: Option<TaskId>) {
        if self.core.has_ended() {
            return report_errors(vec![error]);
        }
        self.core.keep_error(error);
        self.core.cancel(CancelReason::SiblingFailed { task });
    }
}
