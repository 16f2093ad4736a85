//! A task that is kept in mind, and may be stopped, by somebody who does not own it.

use crate::{
    outcome::{reason::CancelReason, task_id::TaskId},
    raw::number::Number,
    task::{
        header::Header,
        task::Task,
        tasks::{Stop, Whole, of},
    },
};
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    rc::{Rc, Weak},
};

impl<T> Task<T> {
    /// What stops the task, for those who do not own it. It may be kept for as long as one likes, and never reaches another task.
    ///
    /// ```
    /// use evenkeel::{CancelReason, JoinError, run, spawn};
    /// use std::future::pending;
    ///
    /// run(async {
    ///     let task = spawn(pending::<()>());
    ///     let stop = task.abort_handle();
    ///     let asked = spawn(async move { stop.cancel("a user is tired of it") });
    ///     assert!(matches!(task.await, Err(JoinError::Cancelled(CancelReason::Requested(_)))));
    ///     assert!(asked.await.unwrap());
    /// });
    /// ```
    pub fn abort_handle(&self) -> AbortHandle {
        // A task without an executor has ended, and no number names it.
        let number = self.0.number().unwrap_or_default();
        let mark = self.0.with_extras(|extras| Rc::downgrade(extras.mark.get_or_insert_default()));
        AbortHandle { number, mark }
    }
}

/// Stops a task, and does not own it: dropping the handle does nothing. Made by [`Task::abort_handle`].
///
/// It is the safe form of a [`TaskRef`](crate::TaskRef) that is kept: that one is a number, and free, and numbers come round. A handle knows
/// its task by more, so that after any time it is that task's or nobody's.
#[derive(Clone)]
pub struct AbortHandle {
    number: Number,
    /// It lies in the task's extras as long as there is anything of the task.
    mark: Weak<()>,
}

impl AbortHandle {
    /// Cancels the task, as [`Task::cancel`] does, with clean-up. `false` if it has ended.
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        let reason = reason.into();
        self.ask(Stop::Cancel, reason)
    }

    /// Stops the task hard, as [`Task::abort`] does: without another poll, and without clean-up. `false` if it has ended.
    pub fn abort(&self) -> bool {
        self.ask(Stop::Abort, CancelReason::Aborted)
    }

    /// Has the task ended?
    pub fn is_finished(&self) -> bool {
        self.find().is_none()
    }

    /// The task's identity, as long as it has not ended. Later another task may have that.
    pub fn id(&self) -> Option<TaskId> {
        self.find().map(|_| TaskId(self.number))
    }

    fn ask(&self, how: Stop, reason: CancelReason) -> bool {
        self.find().is_some_and(|whole| whole.tasks().request_number(self.number, how, reason))
    }

    /// The executor of the task, if that has not ended.
    fn find(&self) -> Option<Rc<dyn Whole>> {
        let is_it = |head: &Header| {
            let is_marked = |mark: &Rc<()>| std::ptr::eq(Rc::as_ptr(mark), self.mark.as_ptr());
            !head.stage().is_end()
                && head.peek_extras(|extras| extras.mark.as_ref().is_some_and(is_marked)) == Some(true)
        };
        let whole = of(self.number)?;
        (whole.tasks().with_header(self.number, is_it) == Some(true)).then_some(whole)
    }
}

/// Who stops a task leaves nothing of it half done.
impl UnwindSafe for AbortHandle {}
impl RefUnwindSafe for AbortHandle {}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle").field("id", &self.id()).field("is_finished", &self.is_finished()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{host::executor::Executor, outcome::task_state::TaskState};
    use std::future::pending;

    #[test]
    fn abort_handle_whose_number_has_come_round_reaches_nobody() {
        let executor = Executor::new();
        let task = executor.spawn(pending::<()>());
        let number = task.abort_handle().number;
        // Of a task that had this number before, and is gone; or whose handle somebody still has, with extras of its own.
        for mark in [Weak::new(), Rc::downgrade(&Rc::new(()))] {
            let handle = AbortHandle { number, mark };
            assert!(handle.is_finished() && handle.id().is_none() && !handle.cancel("you?") && !handle.abort());
        }
        let kept = Rc::new(());
        assert!(!AbortHandle { number, mark: Rc::downgrade(&kept) }.abort());
        executor.run_until_stalled();
        assert_eq!(task.state(), TaskState::Running);
    }
}
