//! The task that is running.

use crate::{
    outcome::{reason::CancelReason, task_id::TaskId, task_state::TaskState},
    outside::called_outside,
    raw::lent::OnThread,
    task::{
        header::Header,
        tasks::{Stop, TASKS, Tasks, Whole, of},
    },
};
use std::{marker::PhantomData, panic::Location, rc::Rc};

/// The task that is running now.
///
/// # Panics
///
/// Outside a task.
///
/// ```
/// use evenkeel::{current_task, run, spawn};
///
/// run(async {
///     let name = spawn(async { current_task().name() }).named("reader").await.unwrap();
///     assert_eq!(name.as_deref(), Some("reader"));
/// });
/// ```
#[track_caller]
pub fn current_task() -> TaskRef {
    match try_current_task() {
        Some(task) => task,
        None => called_outside("current_task was called", "a task"),
    }
}

/// The task that is running now, if there is one.
#[inline]
pub fn try_current_task() -> Option<TaskRef> {
    let number = TASKS.look(|tasks| tasks.map(Tasks::current))?;
    TaskId::of(number).map(TaskRef::new)
}

/// A task by its identity. It owns nothing and keeps nothing alive.
///
/// A reference is meant for the moment, not to be kept: an identity comes round again after 2²⁶ tasks in the same place (on 32-bit targets
/// 2⁸), and then names another task. Who keeps one keeps an [`AbortHandle`](crate::AbortHandle).
///
/// What it asks about is answered while the task exists and its executor is the current one; otherwise the answer is `None`. What
/// it asks for is done while the task exists, on the thread of its executor.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TaskRef {
    id: TaskId,
    _local: PhantomData<Rc<()>>,
}

impl TaskRef {
    pub(crate) fn new(id: TaskId) -> TaskRef {
        TaskRef { id, _local: PhantomData }
    }

    /// The task's identity.
    pub fn id(self) -> TaskId {
        self.id
    }

    /// The task's name, if it has one.
    pub fn name(self) -> Option<String> {
        self.with_header(Header::name).flatten()
    }

    /// Where it was spawned.
    pub fn location(self) -> Option<&'static Location<'static>> {
        self.with_header(|head| head.meta.location)
    }

    /// The task that spawned it, if a task did.
    pub fn parent(self) -> Option<TaskId> {
        self.with_header(|head| TaskId::of(head.meta.parent)).flatten()
    }

    /// How far it is.
    pub fn state(self) -> Option<TaskState> {
        TASKS.look(|tasks| {
            let tasks = tasks?;
            tasks.with_header(self.id.0, Header::state)
        })
    }

    /// Has the task ended? Unlike the other methods, this one also knows tasks of the thread's other executors.
    ///
    /// ```
    /// use evenkeel::Executor;
    ///
    /// let executor = Executor::new();
    /// let task = executor.spawn(async {});
    /// let seen = task.task_ref().unwrap();
    /// task.detach();
    /// assert!(!seen.is_finished());
    /// executor.run_until_stalled();
    /// assert!(seen.is_finished());
    /// ```
    pub fn is_finished(self) -> bool {
        let lives = |whole: Rc<dyn Whole>| whole.tasks().with_header(self.id.0, |head| !head.stage().is_end());
        of(self.id.0).and_then(lives) != Some(true)
    }

    /// Why it was cancelled, if it was.
    pub fn cancel_reason(self) -> Option<CancelReason> {
        self.with_header(Header::reason).flatten()
    }

    /// Cancels the task, as [`Task::cancel`](crate::Task::cancel) does. A task that cancels itself is stopped where it
    /// awaits next and has to wait, also for something that only gives way, as [`yield_now`](crate::yield_now) does; unless something in it
    /// was woken before, in the same poll. What is ready at once is passed. `false` if it has ended.
    pub fn cancel(self, reason: impl Into<CancelReason>) -> bool {
        let reason = reason.into();
        of(self.id.0).is_some_and(|whole| whole.tasks().request_number(self.id.0, Stop::Cancel, reason))
    }

    /// Stops the task hard, as [`Task::abort`](crate::Task::abort) does.
    pub fn abort(self) -> bool {
        of(self.id.0).is_some_and(|whole| whole.tasks().request_number(self.id.0, Stop::Abort, CancelReason::Aborted))
    }

    fn with_header<R>(self, f: impl FnOnce(&Header) -> R) -> Option<R> {
        TASKS.look(|tasks| tasks?.with_header(self.id.0, f))
    }
}

impl TaskId {
    /// The task with this identity, to ask about it.
    pub fn task_ref(self) -> TaskRef {
        TaskRef::new(self)
    }
}

/// Stops a task hard because its clean-up has taken too long, which is reported to `on_unhandled`. For those who build scopes with a
/// grace period of their own.
pub fn end_grace(task: TaskRef) {
    if let Some(whole) = of(task.id.0) {
        whole.tasks().end_grace(task.id.0);
    }
}
