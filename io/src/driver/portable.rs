//! The crate `polling`, for systems without epoll. A source is armed for each wait, and tells once.

use super::change::Change;
use crate::raw::in_poller::InPoller;
use polling::{Events, Poller};
use rustix::fd::BorrowedFd;
use std::{cell::RefCell, io, sync::Arc, time::Duration};

pub(super) struct Portable {
    poller: Arc<Poller>,
    events: RefCell<Events>,
}

impl Portable {
    pub(super) fn new() -> io::Result<Portable> {
        Ok(Portable { poller: Arc::new(Poller::new()?), events: RefCell::new(Events::new()) })
    }

    /// The poller has a descriptor of its own, so that nothing that the source's owner does with his harms.
    pub(super) fn add(&self, fd: BorrowedFd<'_>, key: usize) -> io::Result<InPoller> {
        InPoller::new(&self.poller, fd.try_clone_to_owned()?, key)
    }

    pub(super) fn wait(&self, max: Option<Duration>, changes: &mut Vec<Change>) -> io::Result<()> {
        let mut events = self.events.borrow_mut();
        events.clear();
        self.poller.wait(&mut events, max)?;
        changes.extend(events.iter().map(|event| Change {
            key: event.key,
            readable: event.readable,
            writable: event.writable,
            is_one_shot: true,
            ..Change::default()
        }));
        Ok(())
    }

    pub(super) fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
        let poller = self.poller.clone();
        Arc::new(move || drop(poller.notify()))
    }
}
