//! `futures::executor::LocalPool`.

use super::{
    current::{self, Current},
    plain::Plain,
};
use crate::{
    cancels::{Cancels, Ending, drop_handles},
    peer::Peer,
};
use futures::{executor::LocalSpawner, future::RemoteHandle, task::LocalSpawnExt};
use std::{cell::RefCell, convert::Infallible, future::Future};

/// `futures::executor::LocalPool`, which is a `FuturesUnordered` with a way in.
#[derive(Debug)]
pub struct LocalPool;

thread_local! {
    static SPAWNER: RefCell<Option<LocalSpawner>> = const { RefCell::new(None) };
}

impl Peer for LocalPool {
    type JoinError = Infallible;
    type Task<T: 'static> = Plain<RemoteHandle<T>>;

    fn run<F: Future>(main: F) -> F::Output {
        let mut pool = futures::executor::LocalPool::new();
        let _current = Current::set(&SPAWNER, pool.spawner());
        pool.run_until(main)
    }

    #[inline]
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        Plain(current::with(&SPAWNER, |spawner| spawner.spawn_local_with_handle(future)).expect("the pool is running"))
    }

    #[inline]
    fn detach<T: 'static>(task: Self::Task<T>) {
        task.0.forget();
    }
}

impl Cancels for LocalPool {
    async fn abort_all<T: 'static>(tasks: Vec<Self::Task<T>>) {
        drop_handles::<Self, _>(tasks).await;
    }

    async fn cancel<T: 'static>(task: Self::Task<T>) {
        let before = Ending::count();
        drop(task);
        while Ending::count() == before {
            Self::yield_now().await;
        }
    }
}
