//! nio.

use crate::{cancels::Cancels, peer::Peer, threads::Threads, timers::Timers};
use nio::{JoinError, JoinHandle, LocalRuntime, RuntimeBuilder};
use std::{future::Future, io, time::Duration};

/// nio with one worker, which is the thread that runs the main future.
#[derive(Debug)]
pub struct Nio;

impl Nio {
    pub(crate) fn works() -> io::Result<()> {
        runtime().map(drop)
    }
}

fn runtime() -> io::Result<LocalRuntime> {
    RuntimeBuilder::new().worker_threads(1).build()
}

impl Peer for Nio {
    type JoinError = JoinError;
    type Task<T: 'static> = JoinHandle<T>;

    fn run<F: Future>(main: F) -> F::Output {
        runtime().expect("it has worked before").block_on(main)
    }

    #[inline]
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        nio::spawn_local(future)
    }
}

impl Cancels for Nio {
    async fn abort_all<T: 'static>(tasks: Vec<Self::Task<T>>) {
        tasks.iter().for_each(JoinHandle::abort);
        for task in tasks {
            assert!(task.await.is_err(), "an aborted task has a value");
        }
    }

    #[inline]
    async fn cancel<T: 'static>(task: Self::Task<T>) {
        task.abort();
        assert!(task.await.is_err(), "an aborted task has a value");
    }
}

impl Timers for Nio {
    #[inline]
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        nio::sleep(duration)
    }

    #[inline]
    fn timeout<F: Future>(limit: Duration, future: F) -> impl Future<Output = Option<F::Output>> {
        nio::timeout(limit, future)
    }
}

impl Threads for Nio {
    async fn to_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        nio::spawn_blocking(work).await.expect("the work does not panic")
    }
}
