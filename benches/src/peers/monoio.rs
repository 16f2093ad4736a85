//! monoio.

use super::plain::Plain;
use crate::{peer::Peer, timers::Timers};
use monoio::{FusionDriver, RuntimeBuilder, task::JoinHandle};
use std::{convert::Infallible, future::Future, io, time::Duration};

/// monoio with timers, on io_uring where the kernel has it.
///
/// Its tasks cannot be stopped, and without its feature `sync`, which adds to each task, not be woken by other threads. Nor
/// can they give way: a task that wakes itself goes to the front of the queue, and a main future is polled again at once.
#[derive(Debug)]
pub struct Monoio;

impl Monoio {
    pub(crate) fn works() -> io::Result<()> {
        RuntimeBuilder::<FusionDriver>::new().enable_timer().build().map(drop)
    }
}

impl Peer for Monoio {
    type JoinError = Infallible;
    type Task<T: 'static> = Plain<JoinHandle<T>>;

    fn run<F: Future>(main: F) -> F::Output {
        let mut runtime = RuntimeBuilder::<FusionDriver>::new().enable_timer().build().expect("it has worked before");
        runtime.block_on(main)
    }

    #[inline]
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        Plain(monoio::spawn(future))
    }
}

impl Timers for Monoio {
    #[inline]
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        monoio::time::sleep(duration)
    }

    #[inline]
    async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
        monoio::time::timeout(limit, future).await.ok()
    }
}
