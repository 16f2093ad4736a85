//! async-executor's `StaticLocalExecutor`.

use super::{
    current::{self, Current},
    plain::Plain,
};
use crate::{
    cancels::{Cancels, drop_handles},
    peer::Peer,
};
use async_executor::Task;
use std::{cell::RefCell, convert::Infallible, future::Future};

/// async-executor's `StaticLocalExecutor`, under futures-lite's `block_on`.
#[derive(Debug)]
pub struct StaticLocalExecutor;

thread_local! {
    static EXECUTOR: RefCell<Option<&'static async_executor::StaticLocalExecutor>> = const { RefCell::new(None) };
}

impl Peer for StaticLocalExecutor {
    type JoinError = Infallible;
    type Task<T: 'static> = Plain<Task<T>>;

    fn run<F: Future>(main: F) -> F::Output {
        let executor = Box::leak(Box::new(async_executor::StaticLocalExecutor::new()));
        let _current = Current::set(&EXECUTOR, &*executor);
        let output = futures_lite::future::block_on(executor.run(main));
        // Only the executor itself is leaked, and no task that was cancelled last.
        while executor.try_tick() {}
        output
    }

    #[inline]
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        Plain(current::with(&EXECUTOR, |executor| executor.spawn(future)))
    }

    #[inline]
    fn detach<T: 'static>(task: Self::Task<T>) {
        task.0.detach();
    }
}

impl Cancels for StaticLocalExecutor {
    async fn abort_all<T: 'static>(tasks: Vec<Self::Task<T>>) {
        drop_handles::<Self, _>(tasks).await;
    }

    #[inline]
    async fn cancel<T: 'static>(task: Self::Task<T>) {
        assert!(task.0.cancel().await.is_none(), "a cancelled task has a value");
    }
}
