//! Who waits for the cancellation of a region, from elsewhere; or, inside of a cancelled one, for its end.

use crate::{region::region::Region, wake::call::call};
use std::task::Waker;

impl Region {
    /// Makes a place for one that waits. Returns its key.
    pub(crate) fn new_waiter(&self) -> usize {
        self.inner().waiters.borrow_mut().insert(None)
    }

    /// Stores a waiter's newest waker. Clone and drop of wakers may be foreign code: nothing is borrowed meanwhile.
    pub(crate) fn set_waiter(&self, key: usize, newest: &Waker) {
        let newest = newest.clone();
        let old = self.inner().waiters.borrow_mut().get_mut(key).and_then(|waiter| waiter.replace(newest));
        drop(old);
    }

    /// Is `newest` the waker of the waiter with that key?
    pub(crate) fn is_waiter(&self, key: usize, newest: &Waker) -> bool {
        let waiters = self.inner().waiters.borrow();
        waiters.get(key).and_then(Option::as_ref).is_some_and(|stored| stored.will_wake(newest))
    }

    /// Takes one off the list of those that wait.
    pub(crate) fn remove_waiter(&self, key: usize) {
        let waker = self.inner().waiters.borrow_mut().try_remove(key);
        drop(waker);
    }

    /// Wakes all waiters. They store their wakers again when they are polled.
    pub(crate) fn wake_waiters(&self) {
        let Some(inner) = self.inner.get() else { return };
        let wakers: Vec<Waker> =
            inner.waiters.borrow_mut().iter_mut().filter_map(|(_, waiter)| waiter.take()).collect();
        wakers.into_iter().for_each(call);
    }
}
