//! compio.

use crate::{
    cancels::{Cancels, Ending, drop_handles},
    peer::Peer,
    threads::Threads,
    timers::Timers,
};
use compio::runtime::{JoinError, JoinHandle, Runtime};
use std::{future::Future, io, time::Duration};

/// compio, on io_uring where the kernel has it.
#[derive(Debug)]
pub struct Compio;

impl Compio {
    pub(crate) fn works() -> io::Result<()> {
        Runtime::new().map(drop)
    }
}

impl Peer for Compio {
    type JoinError = JoinError;
    type Task<T: 'static> = JoinHandle<T>;

    fn run<F: Future>(main: F) -> F::Output {
        Runtime::new().expect("it has worked before").block_on(main)
    }

    #[inline]
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        compio::runtime::spawn(future)
    }

    #[inline]
    fn detach<T: 'static>(task: Self::Task<T>) {
        task.detach();
    }
}

impl Cancels for Compio {
    async fn abort_all<T: 'static>(tasks: Vec<Self::Task<T>>) {
        drop_handles::<Self, _>(tasks).await;
    }

    #[inline]
    async fn cancel<T: 'static>(task: Self::Task<T>) {
        let before = Ending::count();
        assert!(task.cancel().await.is_none(), "a cancelled task has a value");
        // The handle is through before the future is dropped.
        while Ending::count() == before {
            Self::yield_now().await;
        }
    }
}

impl Timers for Compio {
    #[inline]
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        compio::time::sleep(duration)
    }

    #[inline]
    async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
        compio::time::timeout(limit, future).await.ok()
    }
}

impl Threads for Compio {
    async fn to_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        compio::runtime::spawn_blocking(work).await.expect("the work does not panic")
    }
}
