//! What the ends of a channel share.

use crate::queue::Queue;
use std::{cell::Cell, ops::Deref, rc::Rc};

/// The queue, and how many there are at each of its ends.
pub(super) struct Ends<T> {
    queue: Queue<T>,
    pub(super) senders: Cell<usize>,
    pub(super) receivers: Cell<usize>,
    pub(super) weak_senders: Cell<usize>,
    pub(super) weak_receivers: Cell<usize>,
}

/// The way of an end to what all share; it leads to the queue. To have it is not to be counted.
pub(super) struct Shared<T>(Rc<Ends<T>>);

impl<T> Shared<T> {
    /// For one sender and one receiver.
    pub(super) fn new(queue: Queue<T>) -> Shared<T> {
        Shared(Rc::new(Ends {
            queue,
            senders: Cell::new(1),
            receivers: Cell::new(1),
            weak_senders: Cell::new(0),
            weak_receivers: Cell::new(0),
        }))
    }

    #[inline]
    pub(super) fn ends(&self) -> &Ends<T> {
        &self.0
    }

    pub(super) fn same(&self, other: &Shared<T>) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// Counts one more.
pub(super) fn count_in(count: &Cell<usize>) {
    count.set(count.get() + 1);
}

/// Counts one less. Was it the last?
pub(super) fn count_out(count: &Cell<usize>) -> bool {
    count.set(count.get() - 1);
    count.get() == 0
}

impl<T> Deref for Shared<T> {
    type Target = Queue<T>;

    #[inline(always)]
    fn deref(&self) -> &Queue<T> {
        &self.0.queue
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared(self.0.clone())
    }
}
