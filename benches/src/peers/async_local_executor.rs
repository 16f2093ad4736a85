//! async-local-executor.

use super::{forever::forever, plain::Plain};
use crate::{cancels::Cancels, peer::Peer};
use async_local_executor::JoinHandle;
use std::{convert::Infallible, future::Future};

/// async-local-executor, under its `block_on`.
#[derive(Debug)]
pub struct AsyncLocalExecutor;

impl Peer for AsyncLocalExecutor {
    type JoinError = Infallible;
    type Task<T: 'static> = Plain<JoinHandle<T>>;

    fn run<F: Future>(main: F) -> F::Output {
        let mut output = None;
        forever(Box::pin(async { output = Some(main.await) }), async_local_executor::block_on);
        output.expect("`block_on` returns when its future has ended")
    }

    #[inline]
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        Plain(async_local_executor::spawn_local(future))
    }
}

impl Cancels for AsyncLocalExecutor {
    async fn abort_all<T: 'static>(tasks: Vec<Self::Task<T>>) {
        // It drops the future at once, so there is nothing to wait for.
        tasks.into_iter().for_each(|task| task.0.cancel());
    }

    #[inline]
    async fn cancel<T: 'static>(task: Self::Task<T>) {
        task.0.cancel();
    }
}
