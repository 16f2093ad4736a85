//! What the user sees: a line per file in sorted order on stdout, everything else on stderr.

use crate::{fault::Fault, hash::Hashed};
use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write},
    path::Path,
    time::Duration,
};

/// Prints outcomes in the order of the list, though they come in the order in which files are done.
#[derive(Default)]
pub(crate) struct Print {
    /// The place in the list that is printed next.
    next: usize,
    /// Outcomes that came before their turn.
    early: BTreeMap<usize, Result<Hashed, Fault>>,
    files: u64,
    bytes: u64,
    /// What had no sum, in the order of the list.
    faults: Vec<Fault>,
}

/// How the program ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    /// At a failure, with `--fail-fast`.
    Failed,
    /// By Ctrl-C.
    Interrupted,
}

impl Print {
    /// Takes the outcome at one place of the list, and prints all sums whose turn has come with it.
    ///
    /// # Errors
    ///
    /// If stdout takes no more.
    pub(crate) fn add(&mut self, place: usize, outcome: Result<Hashed, Fault>) -> io::Result<()> {
        self.early.insert(place, outcome);
        while let Some(outcome) = self.early.remove(&self.next) {
            self.next += 1;
            match outcome {
                Ok(hashed) => {
                    // Not `println!`, which panics when the reader is gone. Stdout passes each line on as it ends.
                    io::stdout().write_all(&line(&hashed.digest, &hashed.path))?;
                    self.files += 1;
                    self.bytes += hashed.bytes;
                }
                Err(fault) => self.faults.push(fault),
            }
        }
        Ok(())
    }

    /// Says what could not be read, and then what was done.
    pub(crate) fn summary(&self, time: Duration, end: End) {
        for fault in &self.faults {
            complain(format_args!("{fault}"));
        }
        let files = count(self.files, "file");
        let bytes = count(self.bytes, "byte");
        let faults = match self.faults.len() as u64 {
            0 => String::new(),
            faults => format!(", {} not read", count(faults, "path")),
        };
        let end = match end {
            End::Complete => "",
            End::Failed => ", stopped at a failure",
            End::Interrupted => ", interrupted",
        };
        complain(format_args!("{files}, {bytes} in {time:.1?}{faults}{end}"));
    }

    /// Was everything read?
    pub(crate) fn is_complete(&self) -> bool {
        self.faults.is_empty()
    }
}

/// A line on stderr. If nobody reads there any more, then there is nobody left to tell.
pub(crate) fn complain(what: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "checksum: {what}");
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The line that `sha256sum` prints: the sum, two spaces, the name.
///
/// A name that would break or blur the line is escaped, and a backslash before the sum says so. Any other byte goes
/// through as it is, whether the name is valid UTF-8 or not.
fn line(digest: &[u8; 32], path: &Path) -> Vec<u8> {
    let name = path.as_os_str().as_encoded_bytes();
    let mut line = Vec::with_capacity(2 * digest.len() + name.len() + 4);
    if name.iter().any(|byte| escape(*byte).is_some()) {
        line.push(b'\\');
    }
    for byte in digest {
        line.extend(format!("{byte:02x}").bytes());
    }
    line.extend(b"  ");
    for byte in name {
        match escape(*byte) {
            Some(escaped) => line.extend(escaped),
            None => line.push(*byte),
        }
    }
    line.push(b'\n');
    line
}

/// How a byte is written that may not stand in a line by itself.
fn escape(byte: u8) -> Option<&'static [u8; 2]> {
    match byte {
        b'\\' => Some(br"\\"),
        b'\n' => Some(br"\n"),
        b'\r' => Some(br"\r"),
        _ => None,
    }
}
