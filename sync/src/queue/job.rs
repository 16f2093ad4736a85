//! Items that are being worked on.

use super::{
    order::{Fifo, Order},
    ordered::OrderedQueue,
};
use std::{
    fmt,
    ops::{Deref, DerefMut},
    rc::Rc,
};

/// An item that was taken to be worked on. When it is dropped the item is dropped, and then done with: asyncio's
/// `task_done()`, which cannot be forgotten here, nor called too often.
///
/// Made by [`Queue::get_job`](OrderedQueue::get_job).
#[must_use = "a job that is dropped at once is done at once, and `let _ = …` drops it: bind it to a name, as in `let job = …`"]
pub struct Job<'a, T, O: Order<T> = Fifo<T>> {
    // The fields are dropped in this order.
    item: T,
    done: Done<T, O, &'a OrderedQueue<T, O>>,
}

/// A [`Job`] with a share of the queue: it can move into `'static` tasks.
///
/// Made by [`Queue::get_job_owned`](OrderedQueue::get_job_owned).
#[must_use = "a job that is dropped at once is done at once, and `let _ = …` drops it: bind it to a name, as in `let job = …`"]
pub struct OwnedJob<T, O: Order<T> = Fifo<T>> {
    // The fields are dropped in this order.
    item: T,
    done: Done<T, O, Rc<OrderedQueue<T, O>>>,
}

/// A guard whose drop says that an item is done with.
struct Done<T, O: Order<T>, P: Deref<Target = OrderedQueue<T, O>>>(P);

impl<T, O: Order<T>, P: Deref<Target = OrderedQueue<T, O>>> Drop for Done<T, O, P> {
    #[inline]
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl<'a, T, O: Order<T>> Job<'a, T, O> {
    #[inline]
    pub(super) fn new(item: T, queue: &'a OrderedQueue<T, O>) -> Self {
        Job { item, done: Done(queue) }
    }

    /// The job's item, which is done with now.
    pub fn into_inner(self) -> T {
        drop(self.done);
        self.item
    }
}

impl<T, O: Order<T>> OwnedJob<T, O> {
    pub(super) fn new(item: T, queue: Rc<OrderedQueue<T, O>>) -> Self {
        OwnedJob { item, done: Done(queue) }
    }

    /// The job's item, which is done with now.
    pub fn into_inner(self) -> T {
        drop(self.done);
        self.item
    }
}

impl<T, O: Order<T>> Deref for Job<'_, T, O> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.item
    }
}

impl<T, O: Order<T>> DerefMut for Job<'_, T, O> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.item
    }
}

impl<T, O: Order<T>> Deref for OwnedJob<T, O> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.item
    }
}

impl<T, O: Order<T>> DerefMut for OwnedJob<T, O> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.item
    }
}

impl<T: fmt::Debug, O: Order<T>> fmt::Debug for Job<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Job").field(&self.item).finish()
    }
}

impl<T: fmt::Debug, O: Order<T>> fmt::Debug for OwnedJob<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedJob").field(&self.item).finish()
    }
}
