//! A queue as a stream.

use super::{
    get::Getting,
    order::{Fifo, Order},
    ordered::OrderedQueue,
};
use crate::wait::Wait;
use futures_core::Stream;
use std::{
    fmt,
    future::poll_fn,
    ops::Deref,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

impl<T, O: Order<T>> OrderedQueue<T, O> {
    /// The queue's items as a stream, which ends when the queue is closed and empty.
    ///
    /// ```
    /// use evenkeel::sync::Queue;
    /// use futures::StreamExt;
    ///
    /// let queue = Queue::new(4);
    /// queue.try_put(1).unwrap();
    /// queue.try_put(2).unwrap();
    /// queue.close();
    /// let all: Vec<_> = futures::executor::block_on(queue.items().collect());
    /// assert_eq!(all, [1, 2]);
    /// ```
    pub fn items(&self) -> QueueItems<'_, T, O> {
        QueueItems::new(self)
    }

    /// The queue's items as a stream with a share of the queue: it can move into `'static` tasks.
    ///
    /// ```
    /// use evenkeel::{run, spawn, sync::Queue};
    /// use futures::StreamExt;
    /// use std::rc::Rc;
    ///
    /// run(async {
    ///     let queue = Rc::new(Queue::new(4));
    ///     let sum = spawn(queue.items_owned().fold(0, async |sum, n| sum + n));
    ///     for n in 1..=3 {
    ///         queue.put(n).await.unwrap();
    ///     }
    ///     queue.close();
    ///     assert_eq!(sum.await.unwrap(), 6);
    /// });
    /// ```
    pub fn items_owned(self: &Rc<Self>) -> OwnedQueueItems<T, O> {
        OwnedQueueItems(Items::new(self.clone()))
    }
}

/// The items of a queue, as they come; made by [`Queue::items`](OrderedQueue::items).
///
/// A stream that was polled and had to wait stands in line until it is polled again or dropped, and may be handed an item
/// meanwhile: one that is not polled any more keeps that item from others. ([`next`](Self::next) leaves the line when it is
/// dropped.)
#[must_use = "no item is taken until this stream is polled"]
pub struct QueueItems<'a, T, O: Order<T> = Fifo<T>>(Items<T, O, &'a OrderedQueue<T, O>>);

impl<'a, T, O: Order<T>> QueueItems<'a, T, O> {
    fn new(queue: &'a OrderedQueue<T, O>) -> Self {
        QueueItems(Items::new(queue))
    }

    /// The queue's next item, or `None` when the queue is closed and empty.
    ///
    /// Cancel-safe.
    pub async fn next(&mut self) -> Option<T> {
        self.0.next().await
    }
}

impl<T, O: Order<T>> Stream for QueueItems<'_, T, O> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_next(cx)
    }
}

/// The items of a queue, as they come, with a share of the queue; made by [`Queue::items_owned`](OrderedQueue::items_owned). It keeps a place in
/// line as [`QueueItems`] does.
#[must_use = "no item is taken until this stream is polled"]
pub struct OwnedQueueItems<T, O: Order<T> = Fifo<T>>(Items<T, O, Rc<OrderedQueue<T, O>>>);

impl<T, O: Order<T>> OwnedQueueItems<T, O> {
    /// The queue's next item, or `None` when the queue is closed and empty.
    ///
    /// Cancel-safe.
    pub async fn next(&mut self) -> Option<T> {
        self.0.next().await
    }
}

impl<T, O: Order<T>> Stream for OwnedQueueItems<T, O> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_next(cx)
    }
}

/// A stream of the items of the queue that `P` points to.
pub(crate) struct Items<T, O: Order<T>, P: Deref<Target = OrderedQueue<T, O>>> {
    queue: P,
    /// The place in line, from a poll that had to wait to the next.
    wait: Option<Wait<P, Getting<T, O>>>,
}

impl<T, O: Order<T>, P: Deref<Target = OrderedQueue<T, O>> + Clone> Items<T, O, P> {
    pub(crate) fn new(queue: P) -> Self {
        Items { queue, wait: None }
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        // Out of its place while foreign code runs: if that panics, the place in line is given up, and the next poll takes another.
        let mut wait = self.wait.take().unwrap_or_else(|| Wait::new(self.queue.clone(), ()));
        let Poll::Ready(outcome) = Pin::new(&mut wait).poll(cx) else {
            self.wait = Some(wait);
            return Poll::Pending;
        };
        Poll::Ready(outcome.ok().map(|handed| self.queue.finished(handed)))
    }

    pub(crate) async fn next(&mut self) -> Option<T> {
        struct LeaveLine<'a, T, O: Order<T>, P: Deref<Target = OrderedQueue<T, O>>>(&'a mut Items<T, O, P>);
        impl<T, O: Order<T>, P: Deref<Target = OrderedQueue<T, O>>> Drop for LeaveLine<'_, T, O, P> {
            fn drop(&mut self) {
                self.0.wait = None;
            }
        }
        let line = LeaveLine(self);
        poll_fn(|cx| line.0.poll_next(cx)).await
    }
}

impl<T, O: Order<T>, P: Deref<Target = OrderedQueue<T, O>>> Unpin for Items<T, O, P> {}

impl<T, O: Order<T>> fmt::Debug for QueueItems<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueItems").field("queue", self.0.queue).field("waits", &self.0.wait.is_some()).finish()
    }
}

impl<T, O: Order<T>> fmt::Debug for OwnedQueueItems<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedQueueItems").field("queue", &self.0.queue).field("waits", &self.0.wait.is_some()).finish()
    }
}
