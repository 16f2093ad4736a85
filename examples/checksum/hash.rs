//! The sum of one file.

use crate::fault::Fault;
use evenkeel::yield_now;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

/// How many bytes are read and hashed before the other workers have their turn. Large enough that the turn costs nothing
/// beside it, small enough that a turn of all workers takes a few milliseconds.
pub(crate) const CHUNK: usize = 128 * 1024;

/// A file that was read to its end.
pub(crate) struct Hashed {
    pub(crate) path: PathBuf,
    pub(crate) digest: [u8; 32],
    pub(crate) bytes: u64,
}

/// Hashes a file, giving way to the other tasks before each chunk.
///
/// The buffer belongs to the caller, who uses it for one file after the other.
pub(crate) async fn hash(path: PathBuf, buffer: &mut [u8]) -> Result<Hashed, Fault> {
    match read(&path, buffer).await {
        Ok((digest, bytes)) => Ok(Hashed { path, digest, bytes }),
        Err(cause) => Err(Fault::new(path, cause)),
    }
}

async fn read(path: &Path, buffer: &mut [u8]) -> io::Result<([u8; 32], u64)> {
    let mut file = File::open(path)?;
    let mut sum = Sha256::new();
    let mut bytes = 0;
    loop {
        // Reading a file blocks the thread and nothing can be awaited, so a worker gives way of its own accord. It does so
        // before a first chunk too: otherwise a list of small files would be one worker's, done in a single poll.
        yield_now().await;
        match file.read(buffer) {
            Ok(0) => return Ok((sum.finalize().into(), bytes)),
            Ok(count) => {
                sum.update(&buffer[..count]);
                bytes += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
