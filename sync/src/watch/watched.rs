//! What both ends of a watch channel share, and its two lines.

use crate::{
    wait::{Attempt, Line},
    wait_queue::{WaitQueue, Waking},
};
use std::{
    cell::{Cell, RefCell},
    marker::PhantomData,
    rc::Rc,
};

pub(super) struct Watched<T> {
    value: RefCell<Rc<T>>,
    /// The version: how often the value was changed.
    pub(super) version: Cell<u64>,
    pub(super) senders: Cell<usize>,
    pub(super) receivers: Cell<usize>,
    pub(super) changes: WaitQueue<u64, ()>,
    pub(super) ends: WaitQueue,
}

impl<T> Watched<T> {
    /// A value with one sender.
    pub(super) fn new(value: T) -> Watched<T> {
        Watched {
            value: RefCell::new(Rc::new(value)),
            version: Cell::new(0),
            senders: Cell::new(1),
            receivers: Cell::new(0),
            changes: WaitQueue::new("watch::Receiver::changed"),
            ends: WaitQueue::new("watch::Sender::closed"),
        }
    }

    /// The newest value.
    pub(super) fn value(&self) -> Rc<T> {
        self.value.borrow().clone()
    }

    /// Changes the value. Returns the old one, and a guard: those who wait are woken when that is dropped.
    pub(super) fn put(&self, value: T) -> (Rc<T>, Waking<'_, u64, ()>) {
        let old = self.value.replace(Rc::new(value));
        self.version.set(self.version.get() + 1);
        let calls = self.changes.waking();
        self.changes.grant_all(());
        (old, calls)
    }
}

/// The rules of the line for changes. The request is the version that was seen.
pub(super) struct Changing<T>(PhantomData<T>);

impl<T> Line for Changing<T> {
    type Owner = Watched<T>;
    type Request = u64;
    type Grant = ();

    fn queue(shared: &Watched<T>) -> &WaitQueue<u64, ()> {
        &shared.changes
    }

    fn attempt(shared: &Watched<T>, seen: u64) -> Attempt<u64, ()> {
        if seen != shared.version.get() {
            Attempt::Granted(())
        } else if shared.senders.get() == 0 {
            Attempt::Refused(seen)
        } else {
            Attempt::Wait(seen)
        }
    }

    /// Gives nothing back: others were told as well.
    fn give_back(_: &Watched<T>, _: ()) {}
}

/// The rules of the line for the last receiver's end.
pub(super) struct Ending<T>(PhantomData<T>);

impl<T> Line for Ending<T> {
    type Owner = Watched<T>;
    type Request = ();
    type Grant = ();

    fn queue(shared: &Watched<T>) -> &WaitQueue {
        &shared.ends
    }

    fn attempt(shared: &Watched<T>, request: ()) -> Attempt<(), ()> {
        if shared.receivers.get() == 0 { Attempt::Granted(()) } else { Attempt::Wait(request) }
    }

    /// Gives nothing back: others were told as well.
    fn give_back(_: &Watched<T>, _: ()) {}
}
