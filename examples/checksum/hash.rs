//! The sum of one file.

use crate::fault::Fault;
use evenkeel::{timeout, yield_now};
use sha2::{Digest, Sha256};
use std::{
    cell::RefCell,
    fs::File,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
    time::Duration,
};

/// How many bytes are read and hashed before the other files have their turn. Large enough that the turn costs nothing
/// beside it, small enough that a turn of all files takes a few milliseconds.
const CHUNK: usize = 128 * 1024;

/// A file that was read to its end.
pub(crate) struct Hashed {
    pub(crate) path: PathBuf,
    pub(crate) digest: [u8; 32],
    pub(crate) bytes: u64,
}

/// Hashes a file, giving way to the other tasks before each chunk.
///
/// # Errors
///
/// If it cannot be read, or not within `limit`. Reading blocks the thread, so the time is looked at between two chunks.
pub(crate) async fn hash(path: PathBuf, buffers: &Buffers, limit: Duration) -> Result<Hashed, Fault> {
    let mut buffer = buffers.take();
    let outcome = timeout(limit, read(&path, &mut buffer)).await;
    buffers.give_back(buffer);
    // `Elapsed` becomes an error like those of reading.
    match outcome.unwrap_or_else(|elapsed| Err(elapsed.into())) {
        Ok((digest, bytes)) => Ok(Hashed { path, digest, bytes }),
        Err(cause) => Err(Fault::new(path, cause)),
    }
}

/// Buffers for one file after the other; there are as many as there are files read at once.
#[derive(Default)]
pub(crate) struct Buffers(RefCell<Vec<Vec<u8>>>);

impl Buffers {
    fn take(&self) -> Vec<u8> {
        self.0.borrow_mut().pop().unwrap_or_else(|| vec![0; CHUNK])
    }

    fn give_back(&self, buffer: Vec<u8>) {
        self.0.borrow_mut().push(buffer);
    }
}

async fn read(path: &Path, buffer: &mut [u8]) -> io::Result<([u8; 32], u64)> {
    let mut file = File::open(path)?;
    let mut sum = Sha256::new();
    let mut bytes = 0;
    loop {
        // Reading a file blocks the thread and nothing can be awaited, so a task gives way of its own accord. It does so before a
        // first chunk too: then all files that may be open are open before the first of them is read.
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
