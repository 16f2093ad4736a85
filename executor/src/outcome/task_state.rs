//! How far a task is.

/// How far a task is on the way from its spawn to its end.
///
/// ```
/// use evenkeel::{run, spawn, task::TaskState, yield_now};
///
/// run(async {
///     let task = spawn(std::future::pending::<()>());
///     assert_eq!(task.state(), TaskState::Running);
///     task.cancel("no longer needed");
///     assert_eq!(task.state(), TaskState::CancelRequested);
///     yield_now().await;
///     assert_eq!(task.state(), TaskState::Ended);
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskState {
    /// The task runs, waits, or is about to.
    Running,
    /// The task was cancelled, and the loop has not come to it yet.
    CancelRequested,
    /// The task was cancelled, and its clean-up is at work; or its future is being dropped.
    CleaningUp,
    /// The task has an outcome.
    Ended,
}
