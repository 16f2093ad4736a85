//! Descriptors that the portable poller knows.

use polling::{Event, Poller};
use rustix::fd::OwnedFd;
use std::{io, sync::Arc};

/// A descriptor that is taken out of its poller before it is closed. Nobody else has it.
pub(crate) struct InPoller {
    poller: Arc<Poller>,
    fd: OwnedFd,
}

impl InPoller {
    /// Adds a descriptor, of which nothing is told before it is [armed](InPoller::arm).
    pub(crate) fn new(poller: &Arc<Poller>, fd: OwnedFd, key: usize) -> io::Result<InPoller> {
        // SAFETY: the descriptor must be deleted from the poller before it is dropped. From here on it is a private field of a value that
        // lends it to nobody, and is dropped with that value only, after `drop` below has deleted it; if the value is forgotten, neither
        // happens. The poller lives as long, as this holds it.
        unsafe { poller.add(&fd, Event::none(key))? };
        Ok(InPoller { poller: poller.clone(), fd })
    }

    /// Has the poller tell once of readiness in these directions.
    pub(crate) fn arm(&self, key: usize, readable: bool, writable: bool) -> io::Result<()> {
        self.poller.modify(&self.fd, Event::new(key, readable, writable))
    }
}

impl Drop for InPoller {
    fn drop(&mut self) {
        // It fails only for what the poller does not know.
        let _ = self.poller.delete(&self.fd);
    }
}
