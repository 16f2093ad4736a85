//! Timers, for the executors that have them.

use crate::peer::{Evenkeel, Peer, Tokio};
use std::{future::Future, time::Duration};

/// An executor with timers of its own.
pub trait Timers: Peer {
    /// Waits.
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static;

    /// Gives a future so much time; `None` when that is over.
    fn timeout<F: Future>(limit: Duration, future: F) -> impl Future<Output = Option<F::Output>>;
}

impl Timers for Evenkeel {
    #[inline]
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        evenkeel::sleep(duration)
    }

    #[inline]
    async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
        evenkeel::timeout(limit, future).await.ok()
    }
}

impl Timers for Tokio {
    #[inline]
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        tokio::time::sleep(duration)
    }

    #[inline]
    async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
        tokio::time::timeout(limit, future).await.ok()
    }
}
