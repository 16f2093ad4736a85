//! Who asks the system what has become ready.

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::epoll::Epoll;
use super::{change::Change, portable::Portable, side::Direction};
use crate::raw::in_poller::InPoller;
use rustix::fd::BorrowedFd;
use std::{io, sync::Arc, time::Duration};

/// What a poller keeps of a source: on the portable one a descriptor of its own, so that nothing that its owner does with the original harms.
pub(super) enum Registered {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Epoll,
    Portable(InPoller),
}

pub(super) enum Poller {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Epoll(Epoll),
    Portable(Portable),
}

impl Poller {
    /// The best one of this system.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn new() -> io::Result<Poller> {
        Ok(Poller::Epoll(Epoll::new()?))
    }

    /// The best one of this system.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn new() -> io::Result<Poller> {
        Poller::portable()
    }

    /// That which every system has.
    pub(super) fn portable() -> io::Result<Poller> {
        Ok(Poller::Portable(Portable::new()?))
    }

    /// From now on changes of that source are told, with that key; first of all what it is ready for.
    pub(super) fn add(&self, fd: BorrowedFd<'_>, key: usize) -> io::Result<Registered> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Poller::Epoll(epoll) => epoll.add(fd, key).map(|()| Registered::Epoll),
            Poller::Portable(portable) => portable.add(fd, key).map(Registered::Portable),
        }
    }

    /// Somebody waits for these directions.
    pub(super) fn arm(registered: &Registered, key: usize, waits: impl Fn(Direction) -> bool) -> io::Result<()> {
        match registered {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Registered::Epoll => Ok(()),
            Registered::Portable(known) => known.arm(key, waits(Direction::Read), waits(Direction::Write)),
        }
    }

    /// Nothing is told of that source any more.
    pub(super) fn remove(&self, fd: BorrowedFd<'_>, registered: Registered) {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Poller::Epoll(epoll) => epoll.remove(fd),
            Poller::Portable(_) => _ = fd,
        }
        drop(registered);
    }

    /// Waits for changes, or for the unparker's call, at most for `max`.
    pub(super) fn wait(&self, max: Option<Duration>, changes: &mut Vec<Change>) -> io::Result<()> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Poller::Epoll(epoll) => epoll.wait(max, changes),
            Poller::Portable(portable) => portable.wait(max, changes),
        }
    }

    /// Ends a wait, now or the next one.
    pub(super) fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Poller::Epoll(epoll) => epoll.unparker(),
            Poller::Portable(portable) => portable.unparker(),
        }
    }
}

impl Poller {
    /// The descriptor that is readable when there is something to look at, the time that was [set](Poller::set_timer) among it.
    pub(super) fn watched(&self) -> io::Result<BorrowedFd<'_>> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Poller::Epoll(epoll) => epoll.watched(),
            Poller::Portable(_) => {
                let text = "the portable driver has no descriptor to wait for: have on_wake call you, and park";
                Err(io::Error::new(io::ErrorKind::Unsupported, text))
            }
        }
    }

    /// The executor has ended.
    pub(super) fn end(&self) {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Poller::Epoll(epoll) => epoll.end(),
            Poller::Portable(_) => {}
        }
    }

    /// Whoever waits for that descriptor is to wait no longer than that.
    pub(super) fn set_timer(&self, max: Option<Duration>) {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Poller::Epoll(epoll) => epoll.set_timer(max),
            Poller::Portable(_) => {
                let _ = max;
            }
        }
    }
}
