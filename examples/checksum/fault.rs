//! A path that has no sum, and why.

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

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Quoted and escaped: a name may hold line breaks and worse, and this goes to terminals.
        write!(f, "{:?}: {}", self.path, self.cause)
    }
}
