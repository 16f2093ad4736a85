//! What stands for the current executor in code that none runs: what was entered, as long as its guard lives.

use std::{
    cell::{Cell, RefCell},
    mem::ManuallyDrop,
    rc::{Rc, Weak},
};

/// What was entered on a thread, the latest last. Like every thread-local here it has no destructor; when it is empty it holds no memory.
///
/// Nothing is lent: an executor that has gone is not found any more, also if its guard was forgotten.
pub(crate) struct Entries<T: ?Sized>(RefCell<ManuallyDrop<Vec<Entry<T>>>>);

type Entry<T> = (Serial, Weak<T>);

/// Which guard an entry belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Serial(u64);

impl Serial {
    /// No other guard of this thread has it.
    pub(crate) fn next() -> Serial {
        thread_local! {
            static NEXT: Cell<u64> = const { Cell::new(0) };
        }
        Serial(NEXT.replace(NEXT.get() + 1))
    }
}

impl<T: ?Sized> Entries<T> {
    pub(crate) const fn none() -> Entries<T> {
        Entries(RefCell::new(ManuallyDrop::new(Vec::new())))
    }

    /// From now on that is current. Those that have gone, whose guards were forgotten, leave no memory behind.
    pub(crate) fn add(&self, serial: Serial, entered: Weak<T>) {
        let mut entries = self.0.borrow_mut();
        entries.retain(|(_, entered)| entered.strong_count() > 0);
        entries.push((serial, entered));
    }

    /// The guard goes. Of those that are left the latest is current.
    pub(crate) fn remove(&self, serial: Serial) {
        let mut entries = self.0.borrow_mut();
        entries.retain(|(entry, _)| *entry != serial);
        if entries.is_empty() {
            **entries = Vec::new();
        }
    }

    /// What was entered last, of what is still there.
    pub(crate) fn current(&self) -> Option<Rc<T>> {
        self.0.borrow().iter().rev().find_map(|(_, entered)| entered.upgrade())
    }
}
