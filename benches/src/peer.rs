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
    type Task<T: 'static>: Future<Output = Result<T, Self::JoinError>> + Unpin + 'static;

    /// Makes an executor, runs `main` on it, and drops it.
    fn run<F: Future>(main: F) -> F::Output;

    /// Starts a task.
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: 'static> + 'static;

    /// Lets a task go on without its handle.
    fn detach<T: 'static>(task: Self::Task<T>);

    /// Gives way once.
    fn yield_now() -> impl Future<Output = ()> + 'static;
}

/// This project.
#[derive(Debug)]
pub struct Evenkeel;

impl Peer for Evenkeel {
    type JoinError = evenkeel::JoinError;
    type Task<T: 'static> = evenkeel::Task<T>;

    fn run<F: Future>(main: F) -> F::Output {
        evenkeel::run(main)
    }

    #[inline]
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        evenkeel::spawn(future)
    }

    #[inline]
    fn detach<T: 'static>(task: Self::Task<T>) {
        task.detach();
    }

    #[inline]
    fn yield_now() -> impl Future<Output = ()> + 'static {
        evenkeel::yield_now()
    }
}

/// tokio's `LocalSet` on its `current_thread` runtime, with timers and without I/O.
#[derive(Debug)]
pub struct Tokio;

impl Peer for Tokio {
    type JoinError = tokio::task::JoinError;
    type Task<T: 'static> = tokio::task::JoinHandle<T>;

    fn run<F: Future>(main: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime without I/O has nothing that could fail");
        tokio::task::LocalSet::new().block_on(&runtime, main)
    }

    #[inline]
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        tokio::task::spawn_local(future)
    }

    #[inline]
    fn detach<T: 'static>(task: Self::Task<T>) {
        drop(task);
    }

    #[inline]
    fn yield_now() -> impl Future<Output = ()> + 'static {
        tokio::task::yield_now()
    }
}
