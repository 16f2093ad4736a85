//! The peers by their names, and which of them can run here.

use crate::peers::{Compio, Glommio, Monoio, Nio};
use clap::ValueEnum;
use std::fmt;

/// A peer, as it is named on a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum PeerName {
    /// [`Evenkeel`](crate::Evenkeel)
    Evenkeel,
    /// [`Tokio`](crate::Tokio)
    Tokio,
    /// [`TokioLocalRuntime`](crate::TokioLocalRuntime)
    TokioLocalRuntime,
    /// [`AsyncExecutor`](crate::AsyncExecutor)
    AsyncExecutor,
    /// [`StaticLocalExecutor`](crate::StaticLocalExecutor)
    StaticLocalExecutor,
    /// [`AsyncLocalExecutor`](crate::AsyncLocalExecutor)
    AsyncLocalExecutor,
    /// [`LocalPool`](crate::LocalPool)
    LocalPool,
    /// [`Monoio`](crate::Monoio)
    Monoio,
    /// [`Glommio`](crate::Glommio)
    Glommio,
    /// [`Compio`](crate::Compio)
    Compio,
    /// [`Nio`](crate::Nio)
    Nio,
    /// [`Embassy`](crate::Embassy)
    Embassy,
}

impl PeerName {
    /// Every peer, this project first, tokio second.
    pub const ALL: [PeerName; 12] = [
        PeerName::Evenkeel,
        PeerName::Tokio,
        PeerName::TokioLocalRuntime,
        PeerName::AsyncExecutor,
        PeerName::StaticLocalExecutor,
        PeerName::AsyncLocalExecutor,
        PeerName::LocalPool,
        PeerName::Monoio,
        PeerName::Glommio,
        PeerName::Compio,
        PeerName::Nio,
        PeerName::Embassy,
    ];

    /// tokio's flavours.
    pub const FLAVOURS: [PeerName; 2] = [PeerName::Tokio, PeerName::TokioLocalRuntime];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            PeerName::Evenkeel => "evenkeel",
            PeerName::Tokio => "tokio",
            PeerName::TokioLocalRuntime => "tokio-local-runtime",
            PeerName::AsyncExecutor => "async-executor",
            PeerName::StaticLocalExecutor => "static-local-executor",
            PeerName::AsyncLocalExecutor => "async-local-executor",
            PeerName::LocalPool => "local-pool",
            PeerName::Monoio => "monoio",
            PeerName::Glommio => "glommio",
            PeerName::Compio => "compio",
            PeerName::Nio => "nio",
            PeerName::Embassy => "embassy",
        }
    }

    /// The crate that it comes from.
    pub fn package(self) -> &'static str {
        match self {
            PeerName::TokioLocalRuntime => "tokio",
            PeerName::StaticLocalExecutor => "async-executor",
            PeerName::LocalPool => "futures",
            PeerName::Embassy => "embassy-executor",
            other => other.name(),
        }
    }

    /// What it is, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            PeerName::Evenkeel => "`evenkeel::run`",
            PeerName::Tokio => "`LocalSet` on a `current_thread` runtime, timers on, I/O off",
            PeerName::TokioLocalRuntime => "`LocalRuntime`, timers on, I/O off",
            PeerName::AsyncExecutor => "`LocalExecutor` under futures-lite's `block_on`",
            PeerName::StaticLocalExecutor => "`StaticLocalExecutor` under futures-lite's `block_on`",
            PeerName::AsyncLocalExecutor => "its `block_on`",
            PeerName::LocalPool => "`futures::executor::LocalPool`, with remote handles",
            PeerName::Monoio => "`FusionDriver` (io_uring where there is one), timers on, feature `sync`",
            PeerName::Glommio => "`LocalExecutor`, not pinned",
            PeerName::Compio => "`Runtime`, on io_uring where there is one",
            PeerName::Nio => "`LocalRuntime` with one worker",
            PeerName::Embassy => "its executor for threads, tasks leaked, with a oneshot for their value",
        }
    }

    /// Why it cannot run on this machine, if it cannot.
    pub fn obstacle(self) -> Option<String> {
        fn reason<T, E: fmt::Display>(outcome: Result<T, E>) -> Option<String> {
            outcome.err().map(|error| error.to_string())
        }
        match self {
            PeerName::Monoio => reason(Monoio::works()),
            PeerName::Glommio => reason(Glommio::works()),
            PeerName::Compio => reason(Compio::works()),
            PeerName::Nio => reason(Nio::works()),
            _ => None,
        }
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glommio_says_why_it_cannot_run_without_linux() {
        let needs_linux = PeerName::Glommio.obstacle().is_some_and(|reason| reason == "it needs Linux");
        assert_eq!(needs_linux, !cfg!(target_os = "linux"));
    }
}
