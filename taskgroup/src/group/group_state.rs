//! A group with its errors.

use super::{
    group_core::{GroupCore, current_id},
    on_failure::Fate,
};
use crate::{
    caught::Payload,
    error::{ChildError, Failure},
    explain::Explains,
    unclaimed::{report_errors, report_errors_as},
};
use evenkeel_executor::{CancelReason, Panic, TaskId, UnhandledKind, combinator::report_unhandled, try_current_task};
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
        let fate = match failure {
            Failure::RestartLimit { .. } if !self.core.has_ended() => Fate::Cancels,
            _ => self.fate(),
        };
        let error = self.error(failure);
        match fate {
            Fate::Cancels => self.add(error, current_id()),
            Fate::IsKept => self.core.keep_error(error),
            Fate::IsReported => self.report(error),
        }
    }

    /// The child that runs now has panicked.
    pub(super) fn child_panicked(&self, payload: Payload) {
        match self.fate() {
            Fate::Cancels => self.core.panicked(payload),
            Fate::IsKept => self.core.keep_error(self.error(Failure::Panicked(Panic::new(payload)))),
            Fate::IsReported => self.report_panic(UnhandledKind::TaskPanicked(Panic::new(payload))),
        }
    }

    /// The child that runs now is not restarted any more. Its last failure is the group's, whatever the rule for failures is; it counts as one
    /// with the limit of restarts, which is told next.
    pub(super) fn keep_last(&self, failure: Failure<E>) {
        let error = self.error(failure);
        if self.core.has_ended() { report_errors(vec![error]) } else { self.core.keep_with_next(error) }
    }

    /// What becomes of the next failure of a child.
    fn fate(&self) -> Fate {
        if self.core.has_ended() { Fate::IsReported } else { self.core.fate() }
    }

    /// A run of the child that runs now has failed, and there will be another.
    pub(super) fn has_failed_for_now(&self, failure: Failure<E>) {
        let error = self.error(failure);
        match self.fate() {
            Fate::IsKept => self.core.keep_error(error),
            Fate::IsReported | Fate::Cancels => {
                self.core.count_failure();
                report_errors_as(UnhandledKind::RunFailed, vec![error]);
            }
        }
    }

    /// A run of the child that runs now has panicked, and there will be another.
    pub(super) fn has_panicked_for_now(&self, payload: Payload) {
        match self.fate() {
            Fate::IsKept => self.core.keep_error(self.error(Failure::Panicked(Panic::new(payload)))),
            Fate::IsReported | Fate::Cancels => {
                self.report_panic(UnhandledKind::RunPanicked(Panic::new(payload)));
            }
        }
    }

    fn report(&self, error: ChildError<E>) {
        self.core.count_failure();
        report_errors(vec![error]);
    }

    fn report_panic(&self, kind: UnhandledKind) {
        self.core.count_failure();
        report_unhandled(kind);
    }

    /// A failure of the code that runs now, with whose it is.
    fn error(&self, failure: Failure<E>) -> ChildError<E> {
        match try_current_task() {
            Some(task) if self.core.host.get() != Some(task) => {
                let location = task.location().unwrap_or(self.core.location);
                ChildError::new(failure, task.name().map(Into::into), location, self.explains)
            }
            _ => ChildError::new(failure, None, self.core.location, self.explains),
        }
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
