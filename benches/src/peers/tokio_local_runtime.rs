//! tokio's `LocalRuntime`.

use crate::{Cancels, Peer, Threads, Timers, cancels, threads};
use std::{future::Future, time::Duration};

/// tokio's `LocalRuntime`, with timers and without I/O.
#[derive(Debug)]
pub struct TokioLocalRuntime;

impl Peer for TokioLocalRuntime {
    type JoinError = tokio::task::JoinError;
    type Task<T: 'static> = tokio::task::JoinHandle<T>;

    fn run<F: Future>(main: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build_local(tokio::runtime::LocalOptions::default())
            .expect("a runtime without I/O has nothing that could fail");
        runtime.block_on(main)
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

impl Cancels for TokioLocalRuntime {
    async fn abort_all<T: 'static>(tasks: Vec<Self::Task<T>>) {
        cancels::abort_handles(tasks).await;
    }

    #[inline]
    async fn cancel<T: 'static>(task: Self::Task<T>) {
        task.abort();
        assert!(task.await.is_err(), "an aborted task has a value");
    }
}

impl Timers for TokioLocalRuntime {
    #[inline]
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        tokio::time::sleep(duration)
    }

    #[inline]
    async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
        tokio::time::timeout(limit, future).await.ok()
    }
}

impl Threads for TokioLocalRuntime {
    fn to_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> + 'static {
        threads::on_tokios(work)
    }
}
