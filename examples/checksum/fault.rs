//! What goes wrong: a path that has no sum, and why; what stops the whole program.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// What could not be read.
#[derive(Debug)]
pub(crate) struct Fault {
    path: PathBuf,
    cause: io::Error,
}

impl Fault {
    pub(crate) fn new(path: PathBuf, cause: io::Error) -> Fault {
        Fault { path, cause }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Why the whole program stops early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// With `--fail-fast`: a path that has no sum.
    Unread(Fault),
    /// Stdout takes no more, so all work would be for nobody.
    Unwritten(io::Error),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Unread(fault) => fault.fmt(f),
            Stop::Unwritten(error) => write!(f, "cannot write to stdout: {error}"),
        }
    }
}

impl std::error::Error for Stop {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Quoted and escaped: a name may hold line breaks and worse, and this goes to terminals.
        write!(f, "{:?}: {}", self.path, self.cause)
    }
}
