//! Putting items into a queue.

use super::{
    errors::{PutError, Refused},
    in_hand::{InHand, Settle},
    order::Order,
    ordered::{Full, Handed, OrderedQueue},
};
use crate::{
    raw::ask::Ask,
    wait::{Attempt, GivenUp, Line, Wait},
    wait_queue::WaitQueue,
};
use std::{
    future::poll_fn,
    marker::PhantomData,
    pin::{Pin, pin},
    task::Poll,
};

impl<T, O: Order<T>> OrderedQueue<T, O> {
    /// Puts an item, as soon as there is room and it is this one's turn. A queue with another [`Full`] policy than
    /// [`Wait`](Full::Wait) does not wait.
    ///
    /// Cancel-safe: dropped in line, the item is dropped as well and was not put. Once there was room for it, it is in the
    /// queue, even if this future is dropped before it could say so.
    ///
    /// # Errors
    ///
    /// [`PutError`] with the item: the queue was closed, or is full and rejects.
    #[inline]
    pub fn put(&self, item: T) -> impl Future<Output = Result<(), PutError<T>>> + Unpin {
        Wait::<&Self, Putting<T, O>>::new(self, Ask::Item(item)).then(|queue, outcome| match outcome {
            Ok(_) => Ok(()),
            Err(ask) => Err(PutError(ask.item(), queue.why_refused())),
        })
    }

    /// Puts an item as [`put`](Self::put) does, unless `end` ends before: then the item comes back. With a sleep as the end it is a put with a
    /// time limit; put items that are not to be lost this way, since a [`put`](Self::put) that is dropped drops its item. Where there is room
    /// the item is put, whatever `end` says.
    ///
    /// Cancel-safe as [`put`](Self::put).
    ///
    /// # Errors
    ///
    /// [`PutError`] with the item: with [`Refused::TooLate`] if `end` came first, otherwise as [`put`](Self::put).
    ///
    /// ```
    /// use evenkeel::{sleep, sync::{PutError, Queue, Refused}, testing};
    /// use std::time::Duration;
    ///
    /// testing::run(async {
    ///     let queue = Queue::new(1);
    ///     let limit = Duration::from_millis(5);
    ///     assert_eq!(queue.put_until("a", sleep(limit)).await, Ok(()));
    ///     assert_eq!(queue.put_until("b", sleep(limit)).await, Err(PutError("b", Refused::TooLate)));
    /// });
    /// ```
    pub async fn put_until(&self, item: T, end: impl Future<Output = ()>) -> Result<(), PutError<T>> {
        let mut wait = Wait::<&Self, Putting<T, O>>::new(self, Ask::Item(item));
        let mut end = pin!(end);
        let outcome = poll_fn(|cx| match Pin::new(&mut wait).poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending => end.as_mut().poll(cx).map(|()| None),
        });
        match outcome.await {
            Some(Ok(_)) => Ok(()),
            Some(Err(ask)) => Err(PutError(ask.item(), self.why_refused())),
            None => match wait.give_up() {
                GivenUp::Granted(_) => Ok(()),
                GivenUp::Refused(ask) => Err(PutError(ask.item(), self.why_refused())),
                GivenUp::Waiting(ask) => Err(PutError(ask.item(), Refused::TooLate)),
            },
        }
    }

    /// Puts an item if there is room and nobody waits for room: asyncio's `put_nowait`.
    ///
    /// # Errors
    ///
    /// [`PutError`] with the item: the queue was closed or is full.
    #[inline]
    pub fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        match self.attempt_put(item) {
            Attempt::Granted(_) => Ok(()),
            Attempt::Refused(ask) | Attempt::Wait(ask) => Err(PutError(ask.item(), self.why_refused())),
        }
    }

    /// Puts an item, whatever the policy is, and hands back the one whose place it takes if the queue is full: the oldest, or
    /// in a priority queue the least urgent.
    ///
    /// # Errors
    ///
    /// [`PutError`] with the item: the queue was closed, or it is full without an item and nobody waits for one, as it has no capacity at all.
    pub fn force_put(&self, item: T) -> Result<Option<T>, PutError<T>> {
        let has_none_to_spare = self.capacity == 0 || (self.is_full() && self.is_empty());
        if self.is_closed() || (has_none_to_spare && self.getters.is_empty()) {
            return Err(PutError(item, self.why_refused()));
        }
        if !self.getters.is_empty() {
            self.hand(item);
        } else if self.is_full() {
            return Ok(self.replace(item));
        } else {
            self.accept_or_settle(item);
        }
        Ok(None)
    }

    #[cold]
    fn why_refused(&self) -> Refused {
        if self.is_closed() { Refused::Closed } else { Refused::Full }
    }

    #[inline(always)]
    fn attempt_put(&self, item: T) -> Attempt<Ask<T>, usize> {
        // Nobody waits for an item in a queue to which none comes any more, or in one that holds an item.
        if !self.getters.is_empty() && !self.is_closed() {
            self.hand(item);
            return Attempt::Granted(0);
        }
        // Where somebody waits for room there is none, nor in a queue that is closed.
        if !self.has_room() {
            return self.attempt_otherwise(item);
        }
        self.accept_or_settle(item);
        Attempt::Granted(0)
    }

    #[inline(always)]
    fn accept_or_settle(&self, item: T) {
        let settle = Settle(self);
        self.accept(item);
        std::mem::forget(settle);
    }

    /// Attempts a put that does not simply find room.
    #[inline(never)]
    fn attempt_otherwise(&self, item: T) -> Attempt<Ask<T>, usize> {
        if self.is_closed() {
            return Attempt::Refused(Ask::Item(item));
        }
        match self.full {
            Full::Wait => Attempt::Wait(Ask::Item(item)),
            Full::Reject => Attempt::Refused(Ask::Item(item)),
            Full::DropOldest if self.capacity == 0 => Attempt::Refused(Ask::Item(item)),
            Full::DropOldest => {
                // The old one's destructor is foreign code, and finds everything in order.
                drop(self.replace(item));
                Attempt::Granted(0)
            }
        }
    }

    /// Takes an item into a full queue, and the one out whose place it takes: as if that had never been put. If it is lost instead,
    /// the other one stays.
    fn replace(&self, item: T) -> Option<T> {
        let settle = Settle(self);
        let mut evicted = InHand::done(self, None);
        evicted.items = self.evict();
        self.accept(item);
        let evicted = evicted.take();
        std::mem::forget(settle);
        evicted.map(|handed| handed.item)
    }

    fn evict(&self) -> Option<Handed<T>> {
        let (item, number) = self.items.evict()?;
        self.unfinished.set(self.unfinished.get() - 1);
        Some(Handed { item, number })
    }
}

/// The rules of the line for room. The request is the item, or a wish for places; the grant is the places.
pub(crate) struct Putting<T, O>(PhantomData<(T, O)>);

impl<T, O: Order<T>> Line for Putting<T, O> {
    type Owner = OrderedQueue<T, O>;
    type Request = Ask<T>;
    type Grant = usize;

    #[inline]
    fn queue(queue: &Self::Owner) -> &WaitQueue<Ask<T>, usize> {
        &queue.putters
    }

    #[inline(always)]
    fn attempt(queue: &Self::Owner, ask: Ask<T>) -> Attempt<Ask<T>, usize> {
        match ask {
            Ask::Item(item) => queue.attempt_put(item),
            Ask::Places(places) => queue.attempt_reserve_in_line(places),
        }
    }

    fn left(queue: &Self::Owner, ask: &Ask<T>) {
        if let Ask::Places(_) = ask {
            queue.count_wish_out();
        }
    }

    /// The first one has left: what was kept for it is free again.
    fn serve(queue: &Self::Owner) {
        queue.free_claimed();
        queue.serve_line();
    }

    /// Gives places back. An item that was let in is in the queue, or out again.
    fn give_back(queue: &Self::Owner, places: usize) {
        if places > 0 {
            queue.give_back_places(places);
        }
    }
}
