//! Values that say when they are dropped.

use std::{
    cell::Cell,
    fmt,
    rc::Rc,
    thread::{self, ThreadId},
};

/// Counts the drops of its guards, and sees to it that they happen on the thread that made them.
#[derive(Clone, Default, Debug)]
pub struct Drops(Rc<Cell<usize>>);

impl Drops {
    /// A value whose drop is counted.
    pub fn guard(&self) -> DropGuard {
        DropGuard { drops: self.clone(), home: thread::current().id(), _owned: Box::new(7) }
    }

    /// How many guards have been dropped.
    pub fn count(&self) -> usize {
        self.0.get()
    }
}

/// A value whose drop is counted. It owns memory, so that Miri sees a second drop and a missing one.
#[derive(Debug)]
pub struct DropGuard {
    drops: Drops,
    home: ThreadId,
    _owned: Box<u8>,
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        assert_eq!(self.home, thread::current().id(), "dropped on another thread");
        self.drops.0.set(self.drops.0.get() + 1);
    }
}

/// Calls a function when it is dropped; [`on_drop`] makes one.
pub struct OnDrop<F: FnOnce()>(Option<F>);

/// A value that calls `f` when it is dropped.
pub fn on_drop<F: FnOnce()>(f: F) -> OnDrop<F> {
    OnDrop(Some(f))
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

impl<F: FnOnce()> fmt::Debug for OnDrop<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnDrop")
    }
}
