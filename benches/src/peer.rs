//! The executors that are compared, behind the few calls that the workloads need.

use std::{fmt, future::Future};

/// An executor with its natural best settings.
///
/// Each method is the one call that a user would write. Futures and handles are the peer's own, so that nothing is measured
/// but the peer; where one yields a plain value, [`Plain`](crate::peers::Plain) gives it the shape of a `Result`, which costs
/// nothing. What not every executor has is a trait of its own: [`Cancels`](crate::Cancels), [`Timers`](crate::Timers).
pub trait Peer: 'static {
    /// Why a task has no value.
    type JoinError: fmt::Debug;
    /// The handle of a spawned task.
    type Task<T: 'static>: Future<Output = Result<T, Self::JoinError>> + 'static;

    /// Makes an executor, runs `main` on it, and drops it.
    fn run<F: Future>(main: F) -> F::Output;

    /// Starts a task.
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: fmt::Debug + 'static> + 'static;

    /// Lets a task go on without its handle. Of most it is dropped.
    #[inline]
    fn detach<T: 'static>(task: Self::Task<T>) {
        drop(task);
    }

    /// Gives way once. An executor that has no such function takes futures-lite's.
    #[inline]
    fn yield_now() -> impl Future<Output = ()> + 'static {
        futures_lite::future::yield_now()
    }
}
