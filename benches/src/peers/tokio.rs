//! tokio's flavours for one thread.

use crate::{cancels::Cancels, peer::Peer, threads::Threads, timers::Timers};
use std::{future::Future, marker::PhantomData, time::Duration};
use tokio::runtime::{Builder, LocalOptions};

/// tokio on one thread, with timers and without I/O.
#[derive(Debug)]
pub struct OnTokio<F>(PhantomData<F>);

/// tokio's `LocalSet` on its `current_thread` runtime.
pub type Tokio = OnTokio<InLocalSet>;

/// tokio's `LocalRuntime`.
pub type TokioLocalRuntime = OnTokio<InLocalRuntime>;

/// What runs the main future. All else is the same under both.
pub trait Flavour: 'static {
    /// Makes a runtime, runs `main` on it, and drops it.
    fn run<F: Future>(main: F) -> F::Output;
}

/// In a `LocalSet`.
#[derive(Debug)]
pub struct InLocalSet;

impl Flavour for InLocalSet {
    fn run<F: Future>(main: F) -> F::Output {
        let runtime = Builder::new_current_thread().enable_time().build();
        tokio::task::LocalSet::new().block_on(&runtime.expect(NO_IO), main)
    }
}

/// In a `LocalRuntime`.
#[derive(Debug)]
pub struct InLocalRuntime;

impl Flavour for InLocalRuntime {
    fn run<F: Future>(main: F) -> F::Output {
        let runtime = Builder::new_current_thread().enable_time().build_local(LocalOptions::default());
        runtime.expect(NO_IO).block_on(main)
    }
}

const NO_IO: &str = "a runtime without I/O has nothing that could fail";

impl<W: Flavour> Peer for OnTokio<W> {
    type JoinError = tokio::task::JoinError;
    type Task<T: 'static> = tokio::task::JoinHandle<T>;

    fn run<F: Future>(main: F) -> F::Output {
        W::run(main)
    }

    #[inline]
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        tokio::task::spawn_local(future)
    }

    #[inline]
    fn yield_now() -> impl Future<Output = ()> + 'static {
        tokio::task::yield_now()
    }
}

impl<W: Flavour> Cancels for OnTokio<W> {
    async fn abort_all<T: 'static>(tasks: Vec<Self::Task<T>>) {
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
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

impl<W: Flavour> Timers for OnTokio<W> {
    #[inline]
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        tokio::time::sleep(duration)
    }

    #[inline]
    async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
        tokio::time::timeout(limit, future).await.ok()
    }
}

impl<W: Flavour> Threads for OnTokio<W> {
    async fn to_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        tokio::task::spawn_blocking(work).await.expect("the work does not panic")
    }
}
