//! glommio.

use super::plain::Plain;
use crate::{
    cancels::{Cancels, drop_handles},
    peer::Peer,
    threads::Threads,
    timers::Timers,
};
use glommio::{LocalExecutor, LocalExecutorBuilder, Placement, Task};
use std::{convert::Infallible, future::Future, time::Duration};

/// glommio on a thread that is not pinned, as that of the others.
#[derive(Debug)]
pub struct Glommio;

impl Glommio {
    pub(crate) fn works() -> glommio::Result<(), ()> {
        executor().map(drop)
    }
}

fn executor() -> glommio::Result<LocalExecutor, ()> {
    LocalExecutorBuilder::new(Placement::Unbound).make()
}

impl Peer for Glommio {
    type JoinError = Infallible;
    type Task<T: 'static> = Plain<Task<T>>;

    fn run<F: Future>(main: F) -> F::Output {
        executor().expect("it has worked before").run(main)
    }

    #[inline]
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        Plain(glommio::spawn_local(future))
    }

    #[inline]
    fn detach<T: 'static>(task: Self::Task<T>) {
        task.0.detach();
    }
}

impl Cancels for Glommio {
    async fn abort_all<T: 'static>(tasks: Vec<Self::Task<T>>) {
        drop_handles::<Self, _>(tasks).await;
    }

    #[inline]
    async fn cancel<T: 'static>(task: Self::Task<T>) {
        assert!(task.0.cancel().await.is_none(), "a cancelled task has a value");
    }
}

impl Timers for Glommio {
    #[inline]
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        glommio::timer::sleep(duration)
    }

    #[inline]
    async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
        glommio::timer::timeout(limit, async { Ok(future.await) }).await.ok()
    }
}

impl Threads for Glommio {
    async fn to_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        glommio::executor().spawn_blocking(work).await
    }
}
