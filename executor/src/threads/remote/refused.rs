//! Why an item was not sent, or not received.

use std::fmt;

/// An item that was not sent, and why.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{1}")]
pub struct SendError<T>(
    /// The item.
    pub T,
    /// Why it was not sent.
    pub Refused,
);

/// Why an item was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// There was no room, or others wait for it.
    #[error("the channel is full: await send(), or do without the item")]
    Full,
    /// The receiver is gone.
    #[error("the channel is closed: nobody is left to receive the item")]
    Closed,
    /// There was no room in time.
    #[error("the channel had no room in time: wait for longer, or do without the item")]
    TooLate,
    /// There was no room, and blocking on the receiver's own thread would never end.
    #[error("the channel is full, and waiting on the receiver's own thread would never end: await send() there")]
    OwnThread,
}

impl<T> SendError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Was there no room?
    pub fn is_full(&self) -> bool {
        self.1 == Refused::Full
    }

    /// Was there no room in time?
    pub fn is_too_late(&self) -> bool {
        self.1 == Refused::TooLate
    }

    /// Is the receiver gone?
    pub fn is_closed(&self) -> bool {
        self.1 == Refused::Closed
    }
}

/// An item need not be `Debug` for its error to be.
impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendError").field(&format_args!("…")).field(&self.1).finish()
    }
}

/// Why there is no item right now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TryRecvError {
    /// There is none.
    #[error("the channel is empty: await recv()")]
    Empty,
    /// There is none, and none will come.
    #[error("the channel is closed and empty: nothing more will come")]
    Closed,
}
