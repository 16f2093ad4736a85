//! async-executor's `LocalExecutor`.

use super::{
    current::{self, Current},
    plain::Plain,
};
use crate::{
    cancels::{Cancels, drop_handles},
    peer::Peer,
};
use async_executor::{LocalExecutor, Task};
use std::{cell::RefCell, convert::Infallible, future::Future, rc::Rc};

/// async-executor's `LocalExecutor`, under futures-lite's `block_on`.
#[derive(Debug)]
pub struct AsyncExecutor;

thread_local! {
    static EXECUTOR: RefCell<Option<Rc<LocalExecutor<'static>>>> = const { RefCell::new(None) };
}

impl Peer for AsyncExecutor {
    type JoinError = Infallible;
    type Task<T: 'static> = Plain<Task<T>>;

    fn run<F: Future>(main: F) -> F::Output {
        let executor = Rc::new(LocalExecutor::new());
        let _current = Current::set(&EXECUTOR, executor.clone());
        futures_lite::future::block_on(executor.run(main))
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

impl Cancels for AsyncExecutor {
    async fn abort_all<T: 'static>(tasks: Vec<Self::Task<T>>) {
        drop_handles::<Self, _>(tasks).await;
    }

    #[inline]
    async fn cancel<T: 'static>(task: Self::Task<T>) {
        assert!(task.0.cancel().await.is_none(), "a cancelled task has a value");
    }
}
