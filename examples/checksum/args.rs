//! The command line.

use clap::Parser;
use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

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
/// What cannot be read is reported on standard error with its cause when the rest has been done; with --fail-fast it ends the
/// program at once. Ctrl-C ends it too, with a summary of what was done; pressed again it does so without. The exit status is 0 if
/// all went well, 1 if something could not be read or written, 2 if the command line is wrong, 130 after Ctrl-C.
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

    /// Stop at the first path that cannot be read: the others are left as they are, and the errors are printed as a tree
    #[arg(long)]
    pub(crate) fail_fast: bool,

    /// How long a file may take, from where it is opened, while others have their turns too; without this, as long as it needs
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match seconds {
        Some(Duration::ZERO) => Err("no file can be read in no time: give more than 0, or leave --timeout out"),
        Some(seconds) => Ok(seconds),
        None => Err("not a time: give seconds, as in --timeout 2.5"),
    }
}

fn limit(text: &str) -> Result<NonZeroUsize, &'static str> {
    match text.parse() {
        Ok(0) => Err("no file would ever be read: give at least 1, or leave --limit out"),
        Ok(limit) => Ok(NonZeroUsize::new(limit).expect("zero has an arm of its own")),
        Err(_) => Err("not a count of files: give a whole number, as in --limit 16"),
    }
}
