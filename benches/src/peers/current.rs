//! What a thread's running executor is, for those that have no such notion.

use std::{cell::RefCell, thread::LocalKey};

/// Keeps a value in its slot while it lives.
pub(crate) struct Current<T: 'static>(&'static LocalKey<RefCell<Option<T>>>);

impl<T> Current<T> {
    pub(crate) fn set(slot: &'static LocalKey<RefCell<Option<T>>>, value: T) -> Current<T> {
        assert!(slot.replace(Some(value)).is_none(), "one executor at a time");
        Current(slot)
    }
}

impl<T> Drop for Current<T> {
    fn drop(&mut self) {
        self.0.take();
    }
}

/// Uses the value that stands in the slot.
#[inline]
pub(crate) fn with<T, R>(slot: &'static LocalKey<RefCell<Option<T>>>, use_it: impl FnOnce(&T) -> R) -> R {
    slot.with_borrow(|value| use_it(value.as_ref().expect("inside of `Peer::run`")))
}
