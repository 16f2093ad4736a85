//! What an executor parks in: the thread's sleep, what its builder was given, or a driver that was attached since.

use crate::{
    outcome::{attach_error::AttachError, unhandled::report_panic},
    park::{Park, ThreadPark},
    wake::inbox::{Inbox, Signal},
};
use std::{any::Any, cell::RefCell, rc::Rc, sync::Arc, time::Duration};

/// The host's callback for wake-ups between ticks.
pub(crate) type OnWake = Arc<dyn Fn() + Send + Sync>;

/// An executor's park, and who it is.
///
/// What is attached replaces the thread's sleep, with the function that ends it, while the executor's owner is awake: whoever took the old
/// function before has left his wake-up in the inbox, where it is found before the next sleep.
pub(crate) struct Parking {
    park: RefCell<Box<dyn Park>>,
    origin: RefCell<Origin>,
    on_wake: RefCell<Option<OnWake>>,
}

/// Where the park comes from.
enum Origin {
    /// It is the thread's sleep.
    Thread,
    /// The builder was given it.
    Builder,
    /// It belongs to a driver that was attached.
    Driver(Rc<dyn Any>),
}

impl Parking {
    /// Parks in what the builder was given, or in the thread's sleep, and calls `on_wake` at each wake-up besides.
    pub(crate) fn new(given: Option<Box<dyn Park>>, on_wake: Option<OnWake>) -> Parking {
        let origin = if given.is_some() { Origin::Builder } else { Origin::Thread };
        let park = given.unwrap_or_else(|| Box::new(ThreadPark::new()));
        Parking { park: RefCell::new(park), origin: RefCell::new(origin), on_wake: RefCell::new(on_wake) }
    }

    /// What ends a park, and tells the host.
    pub(crate) fn signal(&self) -> Signal {
        self.signal_of(&**self.park.borrow())
    }

    fn signal_of(&self, park: &dyn Park) -> Signal {
        let (unpark, on_wake) = (park.unparker(), self.on_wake.borrow().clone());
        // Whoever wakes, perhaps in a destructor, is not to bear the host's panic.
        Arc::new(move || {
            report_panic("an unparker", || unpark());
            if let Some(on_wake) = &on_wake {
                report_panic("an on_wake callback", || on_wake());
            }
        })
    }

    /// Is there more to the park than the thread's sleep?
    pub(crate) fn is_driver(&self) -> bool {
        !matches!(*self.origin.borrow(), Origin::Thread)
    }

    /// The driver that was attached, if one was.
    pub(crate) fn driver(&self) -> Option<Rc<dyn Any>> {
        match &*self.origin.borrow() {
            Origin::Driver(driver) => Some(driver.clone()),
            Origin::Thread | Origin::Builder => None,
        }
    }

    /// Parks in `park` from now on, which belongs to `driver`. Wake-ups that come to `inbox` from now on end parks of that kind.
    pub(crate) fn attach(&self, driver: Rc<dyn Any>, park: Box<dyn Park>, inbox: &Inbox) -> Result<(), AttachError> {
        // Foreign code; it may attach something, too.
        let signal = self.signal_of(&*park);
        let old = {
            let mut origin = self.origin.borrow_mut();
            match *origin {
                Origin::Builder => return Err(AttachError::HasPark),
                Origin::Driver(_) => return Err(AttachError::HasDriver),
                Origin::Thread => {}
            }
            // The thread's sleep calls nobody, so nobody is inside of it here.
            let old = self.park.replace(park);
            *origin = Origin::Driver(driver);
            old
        };
        // Both are ours, and do nothing when they are dropped; but `on_wake` is shared.
        drop((old, inbox.change_signal(signal)));
        Ok(())
    }

    /// Parks. What the park calls may do anything but park here.
    pub(crate) fn park(&self, max: Option<Duration>) {
        self.park.borrow_mut().park(max);
    }

    /// Tells the park that the host may wait now, by means of its own.
    pub(crate) fn host_waits(&self, max: Option<Duration>) {
        self.park.borrow_mut().host_waits(max);
    }

    /// What was given or attached, for whoever ends the executor to drop. Nothing is parked in any more.
    pub(crate) fn take(&self) -> (Box<dyn Park>, Option<Rc<dyn Any>>) {
        let driver = match self.origin.replace(Origin::Builder) {
            Origin::Driver(driver) => Some(driver),
            Origin::Thread | Origin::Builder => None,
        };
        (self.park.replace(Box::new(NoPark)), driver)
    }

    /// The host's callback, for the same.
    pub(crate) fn take_on_wake(&self) -> Option<OnWake> {
        self.on_wake.take()
    }
}

/// Stands where a park was.
struct NoPark;

impl Park for NoPark {
    fn park(&mut self, _: Option<Duration>) {}

    fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
        Arc::new(|| ())
    }
}
