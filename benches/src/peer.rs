//! The executors that are compared, behind the few calls that the workloads need.

use std::{fmt, future::Future, time::Duration};

/// An executor with its natural best settings.
///
/// Each method is the one call that a user would write. Futures and handles are the peer's own, not wrapped, so that
/// nothing is measured but the peer.
pub trait Peer: 'static {
    /// Why a task has no value.
    type JoinError: fmt::Debug;
    /// The handle of a spawned task.
    type Task<T: 'static>: Future<Output = Result<T, Self::JoinError>> + Unpin + 'static;

    /// Makes an executor, runs `main` on it, and drops it.
    fn run<F: Future>(main: F) -> F::Output;

    /// Starts a task.
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: 'static> + 'static;

    /// Lets a task go on without its handle.
    fn detach<T: 'static>(task: Self::Task<T>);

    /// Asks a task to end, in the way that a program would prefer.
    fn cancel<T: 'static>(task: &Self::Task<T>);

    /// Stops a task hard.
    fn abort<T: 'static>(task: &Self::Task<T>);

    /// Gives way once.
    fn yield_now() -> impl Future<Output = ()> + 'static;

    /// Waits.
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static;

    /// Gives a future so much time; `None` when that is over.
    fn timeout<F: Future>(limit: Duration, future: F) -> impl Future<Output = Option<F::Output>>;

    /// Runs a function on another thread.
    fn to_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> + 'static;

    /// The end of a bounded channel that another thread sends to.
    type RemoteSender: Send + 'static;
    /// The end on the loop.
    type RemoteReceiver: 'static;

    /// A bounded channel from other threads.
    fn remote(capacity: usize) -> (Self::RemoteSender, Self::RemoteReceiver);

    /// Sends from another thread, and blocks it while there is no room.
    fn send_blocking(sender: &Self::RemoteSender, item: u64);

    /// Receives the next one.
    fn receive(receiver: &mut Self::RemoteReceiver) -> impl Future<Output = Option<u64>>;
}

/// This project.
#[derive(Debug)]
pub struct Evenkeel;

impl Peer for Evenkeel {
    type JoinError = evenkeel::JoinError;
    type Task<T: 'static> = evenkeel::Task<T>;

    fn run<F: Future>(main: F) -> F::Output {
        evenkeel::run(main)
    }

    #[inline]
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        evenkeel::spawn(future)
    }

    #[inline]
    fn detach<T: 'static>(task: Self::Task<T>) {
        task.detach();
    }

    #[inline]
    fn cancel<T: 'static>(task: &Self::Task<T>) {
        task.cancel("no longer needed");
    }

    #[inline]
    fn abort<T: 'static>(task: &Self::Task<T>) {
        task.abort();
    }

    #[inline]
    fn yield_now() -> impl Future<Output = ()> + 'static {
        evenkeel::yield_now()
    }

    #[inline]
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        evenkeel::sleep(duration)
    }

    #[inline]
    async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
        evenkeel::timeout(limit, future).await.ok()
    }

    fn to_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> + 'static {
        evenkeel::to_thread(work)
    }

    type RemoteSender = evenkeel::remote::Sender<u64>;
    type RemoteReceiver = evenkeel::remote::Receiver<u64>;

    fn remote(capacity: usize) -> (Self::RemoteSender, Self::RemoteReceiver) {
        evenkeel::remote::channel(capacity)
    }

    fn send_blocking(sender: &Self::RemoteSender, item: u64) {
        sender.send_blocking(item).expect("the receiver takes them all");
    }

    fn receive(receiver: &mut Self::RemoteReceiver) -> impl Future<Output = Option<u64>> {
        receiver.recv()
    }
}

/// tokio's `LocalSet` on its `current_thread` runtime, with timers and without I/O.
#[derive(Debug)]
pub struct Tokio;

impl Peer for Tokio {
    type JoinError = tokio::task::JoinError;
    type Task<T: 'static> = tokio::task::JoinHandle<T>;

    fn run<F: Future>(main: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime without I/O has nothing that could fail");
        tokio::task::LocalSet::new().block_on(&runtime, main)
    }

    #[inline]
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        tokio::task::spawn_local(future)
    }

    #[inline]
    fn detach<T: 'static>(task: Self::Task<T>) {
        drop(task);
    }

    #[inline]
    fn cancel<T: 'static>(task: &Self::Task<T>) {
        task.abort();
    }

    #[inline]
    fn abort<T: 'static>(task: &Self::Task<T>) {
        task.abort();
    }

    #[inline]
    fn yield_now() -> impl Future<Output = ()> + 'static {
        tokio::task::yield_now()
    }

    #[inline]
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        tokio::time::sleep(duration)
    }

    #[inline]
    async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
        tokio::time::timeout(limit, future).await.ok()
    }

    async fn to_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        tokio::task::spawn_blocking(work).await.expect("the work does not panic")
    }

    type RemoteSender = tokio::sync::mpsc::Sender<u64>;
    type RemoteReceiver = tokio::sync::mpsc::Receiver<u64>;

    fn remote(capacity: usize) -> (Self::RemoteSender, Self::RemoteReceiver) {
        tokio::sync::mpsc::channel(capacity)
    }

    fn send_blocking(sender: &Self::RemoteSender, item: u64) {
        sender.blocking_send(item).expect("the receiver takes them all");
    }

    fn receive(receiver: &mut Self::RemoteReceiver) -> impl Future<Output = Option<u64>> {
        receiver.recv()
    }
}

/// A peer, as it is named on a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum PeerName {
    /// [`Evenkeel`]
    Evenkeel,
    /// [`Tokio`]
    Tokio,
}

impl PeerName {
    /// Every peer, this project first.
    pub const ALL: [PeerName; 2] = [PeerName::Evenkeel, PeerName::Tokio];
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            PeerName::Evenkeel => "evenkeel",
            PeerName::Tokio => "tokio",
        })
    }
}
