//! Why an item was not put, or not got.

use crate::closed::Closed;
use std::fmt;

/// An item that was not put, and why. asyncio's `QueueFull` and `QueueShutDown`.
///
/// ```
/// use evenkeel::sync::{PutError, Queue, Refused};
///
/// let queue = Queue::new(1);
/// queue.try_put("a").unwrap();
/// assert_eq!(queue.try_put("b"), Err(PutError("b", Refused::Full)));
/// queue.close();
/// let error = queue.try_put("c").unwrap_err();
/// assert!(error.is_closed());
/// assert_eq!(error.into_inner(), "c");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{1}")]
pub struct PutError<T>(
    /// The item that was not put.
    pub T,
    /// Why the item was not put.
    pub Refused,
);

/// Why an item was not put.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// There was no room.
    #[error("the queue is full: await put(), or reserve() in a channel, or do without the item")]
    Full,
    /// The queue was closed.
    #[error("the queue is closed: nothing can be put any more")]
    Closed,
    /// There was no room in time.
    #[error("the queue had no room in time: wait for longer, or do without the item")]
    TooLate,
    /// There is not so much room at all.
    #[error("so many places are more than the channel has in all: reserve fewer, or give it more room")]
    TooMany,
}

impl<T> PutError<T> {
    /// The item that was not put.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Was the item refused for want of room?
    pub fn is_full(&self) -> bool {
        self.1 == Refused::Full
    }

    /// Was there no room in time?
    pub fn is_too_late(&self) -> bool {
        self.1 == Refused::TooLate
    }

    /// Was the item refused because the queue was closed?
    pub fn is_closed(&self) -> bool {
        self.1 == Refused::Closed
    }
}

/// An item need not be `Debug` for its error to be.
impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PutError").field(&format_args!("…")).field(&self.1).finish()
    }
}

/// Drops the item: for code that puts into queues that wait, where there is no other reason.
impl<T> From<PutError<T>> for Closed {
    fn from(_: PutError<T>) -> Closed {
        Closed
    }
}

/// Why there is no item right now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TryGetError {
    /// There is no item. asyncio's `QueueEmpty`.
    #[error("the queue is empty: await get()")]
    Empty,
    /// There is no item, and none will come.
    #[error("the queue is closed and empty: nothing more will come")]
    Closed,
}
