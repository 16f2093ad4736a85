//! monoio.

use super::plain::Plain;
use crate::{peer::Peer, threads::Threads, timers::Timers};
use monoio::{
    FusionDriver, RuntimeBuilder,
    blocking::{BlockingTask, DefaultThreadPool, ThreadPool},
    task::JoinHandle,
};
use std::{convert::Infallible, future::Future, io, sync::LazyLock, thread, time::Duration};

/// monoio with timers, on io_uring where the kernel has it, and with its feature `sync`, without which other threads cannot
/// wake its tasks.
///
/// Its tasks cannot be stopped. Nor can they give way: a task that wakes itself goes to the front of the queue, and a main
/// future is polled again at once.
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
        let builder = RuntimeBuilder::<FusionDriver>::new().enable_timer().attach_thread_pool(Box::new(Pool));
        builder.build().expect("it has worked before").block_on(main)
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

/// Threads for work that blocks, of which monoio has none unless it is given some. They start with the first call, and are as
/// many as evenkeel would have at most.
struct Pool;

static THREADS: LazyLock<DefaultThreadPool> = LazyLock::new(|| {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    DefaultThreadPool::new(32.min(cores + 4))
});

impl ThreadPool for Pool {
    fn schedule_task(&self, task: BlockingTask) {
        THREADS.schedule_task(task);
    }
}

impl Threads for Monoio {
    async fn to_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        monoio::spawn_blocking(work).await.expect("the work does not panic")
    }
}
