//! The driver: what an executor parks in that waits for sockets.

use super::{
    change::Change,
    poller::{Poller, Registered},
    sides::Sides,
    sources::Sources,
};
use evenkeel_executor::{AttachError, Executor, Park, attach_driver, driver};
use rustix::fd::BorrowedFd;
use std::{
    cell::{Cell, RefCell},
    fmt, io,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

/// What an executor and its sockets share.
pub(crate) struct Driver {
    pub(super) poller: Poller,
    sources: RefCell<Sources>,
    /// Room for what the poller tells.
    changes: Cell<Vec<Change>>,
}

impl Driver {
    /// That of the current executor, which has one from now on.
    pub(super) fn current() -> io::Result<Rc<Driver>> {
        match driver() {
            Some(driver) => Ok(driver),
            None => Driver::attach(Poller::new()?),
        }
    }

    /// That of an executor, which has one from now on.
    pub(super) fn of(executor: &Executor) -> io::Result<Rc<Driver>> {
        match executor.driver() {
            Some(driver) => Ok(driver),
            None => Driver::attach_by(Poller::new()?, |driver, park| executor.attach_driver(driver, park)),
        }
    }

    /// Attaches a driver to the current executor.
    #[cold]
    pub(super) fn attach(poller: Poller) -> io::Result<Rc<Driver>> {
        Driver::attach_by(poller, attach_driver)
    }

    fn attach_by(
        poller: Poller,
        attach: impl FnOnce(Rc<Driver>, DriverPark) -> Result<(), AttachError>,
    ) -> io::Result<Rc<Driver>> {
        let driver = Rc::new(Driver { poller, sources: RefCell::default(), changes: Cell::default() });
        let text = match attach(driver.clone(), DriverPark(driver.clone())) {
            Ok(()) => return Ok(driver),
            Err(AttachError::OutsideExecutor) => {
                "a socket was awaited outside an executor: await it in a future that evenkeel::run drives".to_owned()
            }
            Err(error) => format!("a socket cannot be awaited here: {error}"),
        };
        Err(io::Error::other(text))
    }

    /// Tells of what becomes of a source from now on. Returns the key by which it is known here.
    pub(super) fn add(&self, source: &Rc<Sides>, fd: BorrowedFd<'_>) -> io::Result<(usize, Registered)> {
        let key = self.sources.borrow_mut().add(source)?;
        let registered = self.poller.add(fd, key);
        if registered.is_err() {
            self.sources.borrow_mut().remove(key);
        }
        Ok((key, registered?))
    }

    /// Tells nothing of it any more.
    pub(super) fn remove(&self, key: usize, registered: Registered, fd: BorrowedFd<'_>) {
        // Its last reference may be this one: it goes when nothing is borrowed.
        let source = self.sources.borrow_mut().remove(key);
        self.poller.remove(fd, registered);
        drop(source);
    }

    /// Looks at what has become ready, or waits for it, and wakes who waits for that.
    fn look(&self, max: Option<Duration>) {
        let mut changes = self.changes.take();
        match self.poller.wait(max, &mut changes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                panic!("the I/O driver cannot wait ({error}): was a descriptor closed that is not its closer's?")
            }
        }
        for change in changes.drain(..) {
            // Whoever is woken may drop any socket and make others: a key names a source that is there, or none.
            let source = self.sources.borrow().get(change.key);
            if let Some(source) = source {
                source.changed(change);
            }
        }
        self.changes.set(changes);
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("sources", &self.sources.borrow().all().count()).finish_non_exhaustive()
    }
}

/// The driver as the executor has it.
struct DriverPark(Rc<Driver>);

impl Drop for DriverPark {
    /// The executor has ended. Who waits still looks again, and waits on the executor that polls it then.
    fn drop(&mut self) {
        self.0.poller.end();
        let sources = self.0.sources.take();
        sources.all().for_each(Sides::wake_all);
    }
}

impl Park for DriverPark {
    fn park(&mut self, max: Option<Duration>) {
        self.0.look(max);
    }

    fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
        self.0.poller.unparker()
    }

    fn host_waits(&mut self, max: Option<Duration>) {
        self.0.poller.set_timer(max);
    }
}
