//! What a server does.

use clap::ValueEnum;
use serde::Serialize;
use std::fmt;

/// What a server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Sends back what comes.
    Echo,
    /// Answers each HTTP/1.1 request with a small fixed body, over hyper, and keeps the connection.
    Http,
}

impl Kind {
    /// Both.
    pub const ALL: [Kind; 2] = [Kind::Echo, Kind::Http];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Echo => "echo",
            Kind::Http => "http",
        }
    }
}

impl Kind {
    /// The name of a load: what is done, and over how many connections.
    pub(crate) fn over(self, connections: usize) -> String {
        format!("{self}, {connections} connection{}", if connections == 1 { "" } else { "s" })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
