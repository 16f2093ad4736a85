//! The command line.

use clap::Parser;
use std::{num::NonZeroUsize, path::PathBuf};

/// Print the SHA-256 sums of files and of whole directories, as sha256sum does, sorted by name.
///
/// Standard output is exactly what `sha256sum` prints for the same files in the byte order of their names (`LC_ALL=C sort`),
/// so `sha256sum --check` reads it. A last line on standard error counts files and bytes and gives the time.
///
/// A directory is walked to the bottom, hidden files included. Only without a PATH, when the repository itself is walked,
/// its `.git` and `target` (VCS data and build output) are left out.
///
/// A symbolic link that is given as PATH is followed. One that is met on the walk is followed if it leads to a regular
/// file, whose sum is printed under the link's name; if it leads to a directory it is left out, so that no walk runs in
/// circles; if it leads nowhere, that is reported. Sockets, pipes and devices are left out on the walk and refused as PATH.
/// A file that is reached twice is listed twice.
///
/// What cannot be read is reported on standard error with its cause, and the rest is still done. The exit status is 0 if
/// all went well, 1 if something could not be read or written, 2 if the command line is wrong.
#[derive(Debug, Parser)]
#[command(name = "checksum")]
pub(crate) struct Args {
    /// Files and directories; without any, the repository that this program was built from, or the current directory if
    /// that repository is gone
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// How many files are read at once, at most; each takes a file descriptor and a buffer of 128 KiB
    #[arg(long, value_name = "FILES", default_value = "16", value_parser = limit)]
    pub(crate) limit: NonZeroUsize,
}

fn limit(text: &str) -> Result<NonZeroUsize, &'static str> {
    match text.parse() {
        Ok(0) => Err("no file would ever be read: give at least 1, or leave --limit out"),
        Ok(limit) => Ok(NonZeroUsize::new(limit).expect("zero has an arm of its own")),
        Err(_) => Err("not a count of files: give a whole number, as in --limit 16"),
    }
}
