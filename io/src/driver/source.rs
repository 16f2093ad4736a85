//! Something that can be ready, as the driver sees it.

use super::{
    driver::Driver,
    poller::{Poller, Registered},
    side::{Direction, Side},
    sides::Sides,
    waiters::Ticket,
};
use rustix::fd::BorrowedFd;
use std::{
    cell::{Cell, RefCell},
    io,
    panic::{RefUnwindSafe, UnwindSafe},
    rc::{Rc, Weak},
    task::Waker,
};

/// A source: its two sides, and where it is registered, which is nowhere before its first wait.
pub(crate) struct Source {
    /// What the driver has of it, too.
    sides: Rc<Sides>,
    tickets: Cell<u32>,
    place: RefCell<Option<Place>>,
}

/// A place in a driver.
struct Place {
    driver: Weak<Driver>,
    key: usize,
    registered: Registered,
}

/// A panic of whoever is woken, or of a waker that is cloned, leaves it whole.
impl UnwindSafe for Source {}
impl RefUnwindSafe for Source {}

impl Source {
    pub(crate) fn new() -> Source {
        Source { sides: Sides::new(), tickets: Cell::new(Ticket::POLL.0), place: RefCell::new(None) }
    }

    #[inline]
    pub(crate) fn side(&self, direction: Direction) -> &Side {
        self.sides.side(direction)
    }

    /// A read moved fewer bytes than it could, on a stream where that means that there are no more.
    pub(crate) fn was_read_short(&self) {
        if !self.sides.was_urgent.get() {
            self.side(Direction::Read).is_exhausted();
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
        &self,
        fd: BorrowedFd<'_>,
        direction: Direction,
        ticket: Ticket,
        waker: &Waker,
    ) -> io::Result<()> {
        let driver = Driver::current()?;
        self.register(&driver, fd, direction, ticket)?;
        self.side(direction).waiters.keep(ticket, waker);
        self.arm(direction)
    }

    /// Somebody waits for that direction.
    fn arm(&self, direction: Direction) -> io::Result<()> {
        let waits = |asked| asked == direction || self.side(asked).waiters.is_anybody_else(None);
        match &*self.place.borrow() {
            Some(place) => Poller::arm(&place.registered, place.key, waits),
            None => Ok(()),
        }
    }

    /// Who had that ticket does not wait any more, in either direction.
    pub(crate) fn forget(&self, ticket: Ticket) {
        self.side(Direction::Read).waiters.forget(ticket);
        self.side(Direction::Write).waiters.forget(ticket);
    }

    /// Registers the source with that driver, unless it is there.
    fn register(
        &self,
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
        let (key, registered) = driver.add(&self.sides, fd)?;
        self.place.replace(Some(Place { driver: Rc::downgrade(driver), key, registered }));
        Ok(())
    }

    /// Leaves the driver of another executor. Who waits there is woken: whoever waits still, and not only did so before the source came here, asks for
    /// it back, and is refused.
    #[cold]
    fn move_away(&self, fd: BorrowedFd<'_>, direction: Direction, ticket: Ticket) -> io::Result<()> {
        let is_alive = self.place.borrow().as_ref().is_some_and(|place| place.driver.strong_count() > 0);
        let other = match direction {
            Direction::Read => Direction::Write,
            Direction::Write => Direction::Read,
        };
        let [its, other] = [direction, other].map(|direction| self.side(direction));
        let is_awaited = is_alive && (its.waiters.is_anybody_else(Some(ticket)) || other.waiters.is_anybody_else(None));
        if is_awaited && self.sides.is_contested.get() {
            return Err(io::Error::other(
                "this socket is awaited on two executors at once: await both of its directions on the same one",
            ));
        }
        self.sides.is_contested.set(is_awaited);
        self.leave(fd);
        self.sides.wake_all();
        Ok(())
    }

    /// Leaves its driver, if it has one.
    pub(crate) fn leave(&self, fd: BorrowedFd<'_>) {
        if let Some(Place { driver, key, registered }) = self.place.take() {
            if let Some(driver) = driver.upgrade() {
                driver.remove(key, registered, fd);
            }
        }
    }
}
