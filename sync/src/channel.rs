//! The channel: a queue with two kinds of ends, closed by drop.

use crate::{
    closed::Closed,
    queue::{Fifo, Items, PutError, Queue, TryGetError},
};
use futures_core::Stream;
use std::{
    cell::Cell,
    fmt,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// A channel with room for `capacity` items; 0 is a rendezvous.
///
/// The channel is a [`Queue`] whose ends are counted: when the last [`Sender`] is gone, receivers take what is left and then get
/// `None`; when the last [`Receiver`] is gone, what is left is dropped and sending fails. Each item goes to one receiver.
///
/// ```
/// # futures::executor::block_on(async {
/// let (sender, receiver) = evenkeel::sync::channel(2);
/// let send = async move {
///     for n in 0..5 {
///         sender.send(n).await.unwrap();
///     }
/// };
/// let receive = async {
///     let mut sum = 0;
///     while let Some(n) = receiver.recv().await {
///         sum += n;
///     }
///     sum
/// };
/// assert_eq!(futures::join!(send, receive).1, 10);
/// # });
/// ```
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    ends(Queue::new(capacity))
}

/// A channel without a bound: it grows for as long as items come faster than they go. Say what bounds them instead.
pub fn unbounded_channel<T>() -> (Sender<T>, Receiver<T>) {
    ends(Queue::unbounded())
}

fn ends<T>(queue: Queue<T>) -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Ends { queue, senders: Cell::new(1), receivers: Cell::new(1) });
    (Sender(shared.clone()), Receiver(shared))
}

struct Ends<T> {
    queue: Queue<T>,
    senders: Cell<usize>,
    receivers: Cell<usize>,
}

/// The end of a [`channel`] that items go into.
pub struct Sender<T>(Rc<Ends<T>>);

/// The end of a [`channel`] that items come out of.
pub struct Receiver<T>(Rc<Ends<T>>);

impl<T> Sender<T> {
    /// Sends an item, as soon as there is room and it is this one's turn.
    ///
    /// Cancel-safe as [`Queue::put`](crate::OrderedQueue::put).
    ///
    /// # Errors
    ///
    /// [`PutError`] with the item, when all receivers are gone or the channel was closed.
    #[inline]
    pub fn send(&self, item: T) -> impl Future<Output = Result<(), PutError<T>>> + Unpin {
        self.0.queue.put(item)
    }

    /// Sends an item if there is room and nobody waits for room.
    ///
    /// # Errors
    ///
    /// [`PutError`] with the item, when the channel is full or closed.
    #[inline]
    pub fn try_send(&self, item: T) -> Result<(), PutError<T>> {
        self.0.queue.try_put(item)
    }

    /// Is sending in vain: are all receivers gone, or was the channel closed?
    pub fn is_closed(&self) -> bool {
        self.0.queue.is_closed()
    }

    /// How many items are on their way.
    pub fn len(&self) -> usize {
        self.0.queue.len()
    }

    /// Is no item on its way?
    pub fn is_empty(&self) -> bool {
        self.0.queue.is_empty()
    }

    /// For how many items there is room in all; `None` if that is not bounded.
    pub fn capacity(&self) -> Option<usize> {
        self.0.queue.capacity()
    }
}

impl<T> Receiver<T> {
    /// Takes the next item, or `None` when all senders are gone (or the channel was closed) and nothing is left.
    ///
    /// Cancel-safe as [`Queue::get`](crate::OrderedQueue::get).
    #[inline]
    pub fn recv(&self) -> impl Future<Output = Option<T>> + Unpin {
        self.0.queue.wait_for_item().then(|queue, outcome| match outcome {
            Ok(handed) => Some(queue.finished(handed)),
            Err(()) => None,
        })
    }

    /// Takes the next item if there is one.
    ///
    /// # Errors
    ///
    /// [`TryGetError::Empty`] or [`TryGetError::Closed`].
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryGetError> {
        self.0.queue.try_get()
    }

    /// Takes up to `count` items: waits for one, and takes with it those that are there.
    ///
    /// # Errors
    ///
    /// [`Closed`] when nothing more will come.
    pub async fn recv_many(&self, count: usize) -> Result<Vec<T>, Closed> {
        self.0.queue.get_many(count).await
    }

    /// Ends the channel from this side: sending fails from now on, what is on its way can still be taken.
    pub fn close(&self) {
        self.0.queue.close();
    }

    /// The items as a stream.
    pub fn items(&self) -> ReceiverItems<'_, T> {
        ReceiverItems(Items::new(&self.0.queue))
    }

    /// How many items are on their way.
    pub fn len(&self) -> usize {
        self.0.queue.len()
    }

    /// Is no item on its way?
    pub fn is_empty(&self) -> bool {
        self.0.queue.is_empty()
    }
}

/// The items of a channel, as they come; made by [`Receiver::items`]. It keeps a place in line as
/// [`QueueItems`](crate::QueueItems) does.
#[must_use = "no item is taken until this stream is polled"]
pub struct ReceiverItems<'a, T>(Items<T, Fifo<T>, &'a Queue<T>>);

impl<T> ReceiverItems<'_, T> {
    /// The next item, or `None` when nothing more will come.
    ///
    /// Cancel-safe.
    pub async fn next(&mut self) -> Option<T> {
        self.0.next().await
    }
}

impl<T> Stream for ReceiverItems<'_, T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_next(cx)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.senders.set(self.0.senders.get() + 1);
        Sender(self.0.clone())
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.0.receivers.set(self.0.receivers.get() + 1);
        Receiver(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let left = self.0.senders.get() - 1;
        self.0.senders.set(left);
        if left == 0 {
            self.0.queue.close();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let left = self.0.receivers.get() - 1;
        self.0.receivers.set(left);
        if left == 0 {
            let (in_hand, calls) = self.0.queue.drain();
            // Dropped when those who waited were called, or have panicked.
            let _items = in_hand.take();
            drop(calls);
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("queue", &self.0.queue).field("senders", &self.0.senders.get()).finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("queue", &self.0.queue).field("receivers", &self.0.receivers.get()).finish()
    }
}

impl<T> fmt::Debug for ReceiverItems<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceiverItems")
    }
}
