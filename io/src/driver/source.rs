//! Something that can be ready, as the driver sees it.

use super::{
    Driver,
    poller::{Change, Registered},
    side::{Direction, Side},
    waiters::Ticket,
};
use evenkeel_executor::combinator::{call_waker, discard_waker};
use rustix::fd::BorrowedFd;
use std::{
    cell::{Cell, RefCell},
    io,
    rc::{Rc, Weak},
    task::Waker,
};

/// A source's two sides, and where it is registered: nowhere before its first wait.
pub(crate) struct Source {
    read: Side,
    write: Side,
    /// There was urgent data, at which reads end early.
    was_urgent: Cell<bool>,
    tickets: Cell<u32>,
    place: RefCell<Option<Place>>,
    /// It was taken from an executor on which somebody waited, and nothing has become ready since.
    is_contested: Cell<bool>,
}

/// A place in a driver.
pub(super) struct Place {
    driver: Weak<Driver>,
    pub(super) key: usize,
    pub(super) registered: Registered,
}

impl Source {
    pub(crate) fn new() -> Rc<Source> {
        Rc::new(Source {
            read: Side::new(),
            write: Side::new(),
            was_urgent: Cell::new(false),
            tickets: Cell::new(Ticket::POLL.0),
            place: RefCell::new(None),
            is_contested: Cell::new(false),
        })
    }

    pub(crate) fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }

    /// A read moved fewer bytes than it could, on a stream where that means that there are no more.
    pub(crate) fn was_read_short(&self) {
        if !self.was_urgent.get() {
            self.read.is_exhausted();
        }
    }

    pub(crate) fn new_ticket(&self) -> Ticket {
        // None of 2³² waits ago waits still.
        let ticket = self.tickets.get().checked_add(1).unwrap_or(Ticket::POLL.0 + 1);
        self.tickets.set(ticket);
        Ticket(ticket)
    }

    /// A direction is not ready: keeps the waker until the current executor's driver says that it is, or that nobody knows. `fd` is this
    /// source's.
    pub(crate) fn wait(
        self: &Rc<Self>,
        fd: BorrowedFd<'_>,
        direction: Direction,
        ticket: Ticket,
        waker: &Waker,
    ) -> io::Result<()> {
        let driver = Driver::current()?;
        self.register(&driver, fd, direction, ticket)?;
        self.side(direction).waiters.keep(ticket, waker);
        driver.arm(self, direction)
    }

    /// Who had that ticket does not wait any more, in either direction.
    pub(crate) fn forget(&self, ticket: Ticket) {
        self.read.waiters.forget(ticket);
        self.write.waiters.forget(ticket);
    }

    /// Registers the source with that driver, unless it is there.
    fn register(
        self: &Rc<Self>,
        driver: &Rc<Driver>,
        fd: BorrowedFd<'_>,
        direction: Direction,
        ticket: Ticket,
    ) -> io::Result<()> {
        if self.place.borrow().as_ref().is_some_and(|place| place.driver.as_ptr() == Rc::as_ptr(driver)) {
            return Ok(());
        }
        if self.place.borrow().is_some() {
            self.move_away(fd, direction, ticket)?;
        }
        let (key, registered) = driver.add(self, fd)?;
        self.place.replace(Some(Place { driver: Rc::downgrade(driver), key, registered }));
        Ok(())
    }

    /// Leaves the driver of another executor. Who waits there is woken: whoever waits still, and not only did so before the source came here, asks for
    /// it back, and is refused.
    #[cold]
    fn move_away(&self, fd: BorrowedFd<'_>, direction: Direction, ticket: Ticket) -> io::Result<()> {
        let is_alive = self.place.borrow().as_ref().is_some_and(|place| place.driver.strong_count() > 0);
        let [its, other] = match direction {
            Direction::Read => [&self.read, &self.write],
            Direction::Write => [&self.write, &self.read],
        };
        let is_awaited = is_alive && (its.waiters.is_anybody_else(Some(ticket)) || other.waiters.is_anybody_else(None));
        if is_awaited && self.is_contested.get() {
            return Err(io::Error::other(
                "this socket is awaited on two executors at once: await both of its directions on the same one",
            ));
        }
        self.is_contested.set(is_awaited);
        self.leave(fd);
        self.wake_all();
        Ok(())
    }

    /// Leaves its driver, if it has one.
    pub(crate) fn leave(&self, fd: BorrowedFd<'_>) {
        if let Some(place) = self.place.take() {
            if let Some(driver) = place.driver.upgrade() {
                driver.remove(place, fd);
            }
        }
    }

    /// Calls `f` with its place in a driver.
    pub(super) fn with_place<R>(&self, f: impl FnOnce(&Place) -> R) -> Option<R> {
        self.place.borrow().as_ref().map(f)
    }

    /// The poller has told of a change.
    pub(super) fn changed(&self, change: Change) {
        self.is_contested.set(false);
        if change.urgent {
            self.was_urgent.set(true);
        }
        if change.readable || change.read_closed {
            self.read.told(change.read_closed);
        }
        if change.writable || change.write_closed {
            self.write.told(change.write_closed);
        }
        if self.read.is_ready() || change.is_one_shot {
            self.read.waiters.take_all(call_waker);
        }
        if self.write.is_ready() || change.is_one_shot {
            self.write.waiters.take_all(call_waker);
        }
    }

    /// Wakes all who wait, to look again.
    pub(super) fn wake_all(&self) {
        self.read.waiters.take_all(call_waker);
        self.write.waiters.take_all(call_waker);
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.read.waiters.take_all(discard_waker);
        self.write.waiters.take_all(discard_waker);
    }
}
