//! The servers by their names, and which of them can run here.

use crate::{peer_name::PeerName, report::Subject, versions::version};
use clap::ValueEnum;
use std::fmt;

/// A server, as it is named on a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ServerName {
    /// This project, over its own sockets.
    Evenkeel,
    /// This project, over async-io's sockets.
    EvenkeelAsyncIo,
    /// tokio.
    Tokio,
    /// async-executor and async-io.
    Smol,
    /// monoio.
    Monoio,
    /// compio.
    Compio,
    /// glommio.
    Glommio,
}

impl ServerName {
    /// Every server, this project first.
    pub const ALL: [ServerName; 7] = [
        ServerName::Evenkeel,
        ServerName::EvenkeelAsyncIo,
        ServerName::Tokio,
        ServerName::Smol,
        ServerName::Monoio,
        ServerName::Compio,
        ServerName::Glommio,
    ];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            ServerName::Evenkeel => "evenkeel",
            ServerName::EvenkeelAsyncIo => "evenkeel-async-io",
            ServerName::Tokio => "tokio",
            ServerName::Smol => "smol",
            ServerName::Monoio => "monoio",
            ServerName::Compio => "compio",
            ServerName::Glommio => "glommio",
        }
    }

    /// The packages that it is made of, the executor first.
    fn packages(self) -> &'static [&'static str] {
        match self {
            ServerName::Evenkeel => &["evenkeel", "evenkeel-io"],
            ServerName::EvenkeelAsyncIo => &["evenkeel", "async-io"],
            ServerName::Tokio => &["tokio"],
            ServerName::Smol => &["async-executor", "async-io"],
            ServerName::Monoio => &["monoio"],
            ServerName::Compio => &["compio"],
            ServerName::Glommio => &["glommio"],
        }
    }

    /// How it is set up, in a few words.
    fn about(self) -> &'static str {
        match self {
            ServerName::Evenkeel => "`evenkeel::run` over `evenkeel::io`, whose streams hyper takes as they are",
            ServerName::EvenkeelAsyncIo => {
                "`evenkeel::run` over async-io's sockets, hyper through smol-hyper's `FuturesIo`"
            }
            ServerName::Tokio => "a `current_thread` runtime, I/O and timers on, hyper through hyper-util's `TokioIo`",
            ServerName::Smol => "`LocalExecutor` under async-io's `block_on`, hyper through smol-hyper's `FuturesIo`",
            ServerName::Monoio => "`FusionDriver`, timers on, hyper through monoio-compat's `StreamWrapper`",
            ServerName::Compio => "`Runtime`, hyper through compio-io's `AsyncStream`",
            ServerName::Glommio => "`LocalExecutor`, hyper through smol-hyper's `FuturesIo`",
        }
    }

    /// The server as a report names it.
    pub fn subject(self) -> Subject {
        let peer = match self {
            ServerName::Monoio => Some(PeerName::Monoio),
            ServerName::Compio => Some(PeerName::Compio),
            ServerName::Glommio => Some(PeerName::Glommio),
            _ => None,
        };
        Subject {
            name: self.name(),
            package: self.packages()[0],
            version: version(self.packages()[0]).unwrap_or("unknown"),
            about: self.about(),
            skipped: peer.and_then(PeerName::obstacle),
        }
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_is_listed_once_and_its_packages_have_versions() {
        assert_eq!(ServerName::ALL, ServerName::value_variants());
        for server in ServerName::ALL {
            assert_eq!(ServerName::from_str(server.name(), false), Ok(server));
            for package in server.packages() {
                assert!(version(package).is_some(), "{package}");
            }
        }
    }
}
