//! Why no value was received.

/// Why no value was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecvError {
    /// All senders are gone, and nothing is left.
    #[error("the broadcast channel is closed: nothing more will come")]
    Closed,
    /// So many values were sent too fast for this receiver. The next call gives the oldest that is still there.
    #[error("{0} values were missed: receive faster, or give the channel more capacity")]
    Lagged(u64),
}

/// Why no value was received right now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TryRecvError {
    /// There is no value.
    #[error("there is no value now: await recv()")]
    Empty,
    /// There is no value, for one of the reasons in [`RecvError`].
    #[error(transparent)]
    Recv(#[from] RecvError),
}
