//! Work for other threads, under the executors that have some.

use crate::peer::Peer;
use std::{fmt::Debug, future::Future};

/// An executor with threads for work that blocks.
pub trait Threads: Peer {
    /// Runs a function on another thread.
    fn to_thread<T: Debug + Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + 'static;
}
