//! This project.

use crate::{cancels::Cancels, peer::Peer, threads::Threads, timers::Timers};
use std::{fmt::Debug, future::Future, time::Duration};

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
        F: Future<Output: Debug + 'static> + 'static,
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

impl Cancels for Evenkeel {
    async fn abort_all<T: 'static>(tasks: Vec<Self::Task<T>>) {
        tasks.iter().for_each(|task| task.abort());
        for task in tasks {
            assert!(task.await.is_err(), "an aborted task has a value");
        }
    }

    #[inline]
    async fn cancel<T: 'static>(task: Self::Task<T>) {
        task.cancel("no longer needed");
        assert!(task.await.is_err(), "a cancelled task has a value");
    }
}

impl Timers for Evenkeel {
    #[inline]
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        evenkeel::sleep(duration)
    }

    #[inline]
    async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
        evenkeel::timeout(limit, future).await.ok()
    }
}

impl Threads for Evenkeel {
    fn to_thread<T: Debug + Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + 'static {
        evenkeel::to_thread(work)
    }
}
