//! Timers, for the executors that have them.

use crate::peer::Peer;
use std::{future::Future, time::Duration};

/// An executor with timers of its own.
pub trait Timers: Peer {
    /// Waits.
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static;

    /// Gives a future so much time; `None` when that is over.
    fn timeout<F: Future>(limit: Duration, future: F) -> impl Future<Output = Option<F::Output>>;
}
