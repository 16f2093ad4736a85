//! Stopping tasks, for the executors that can.

use crate::peer::Peer;
use std::{cell::Cell, future::Future};

/// An executor whose tasks can be stopped from outside.
///
/// The tasks hold an [`Ending`], so that a workload can count what really ended.
pub trait Cancels: Peer {
    /// Stops all of these tasks hard, and waits until they have ended.
    fn abort_all<T: 'static>(tasks: Vec<Self::Task<T>>) -> impl Future<Output = ()>;

    /// Asks a task to end, in the way that a program would prefer, and waits until it has.
    fn cancel<T: 'static>(task: Self::Task<T>) -> impl Future<Output = ()>;
}

/// What [`Cancels::abort_all`] is where to drop a handle is to stop its task.
pub(crate) async fn drop_handles<P: Peer, H>(tasks: Vec<H>) {
    let all = Ending::count() + tasks.len() as u64;
    drop(tasks);
    while Ending::count() < all {
        P::yield_now().await;
    }
}

thread_local! {
    static ENDED: Cell<u64> = const { Cell::new(0) };
}

/// A task's end, which this thread counts: it is part of the task's future, and dropped with it.
#[derive(Debug)]
pub struct Ending(());

impl Ending {
    /// For a task that begins.
    pub fn new() -> Ending {
        Ending(())
    }

    /// How many have been dropped on this thread.
    pub fn count() -> u64 {
        ENDED.get()
    }
}

impl Default for Ending {
    fn default() -> Self {
        Ending::new()
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        ENDED.set(ENDED.get() + 1);
    }
}
