//! Work for other threads, under the executors that have some.

use crate::peer::{Evenkeel, Peer, Tokio};
use std::future::Future;

/// An executor with threads for work that blocks.
pub trait Threads: Peer {
    /// Runs a function on another thread.
    fn to_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> + 'static;
}

impl Threads for Evenkeel {
    fn to_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> + 'static {
        evenkeel::to_thread(work)
    }
}

impl Threads for Tokio {
    fn to_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> + 'static {
        on_tokios(work)
    }
}

/// What [`Threads::to_thread`] is under every flavour of tokio.
pub(crate) async fn on_tokios<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("the work does not panic")
}
