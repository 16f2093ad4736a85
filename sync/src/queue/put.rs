//! Putting items into a queue.

use super::{
    errors::{PutError, Refused},
    in_hand::{InHand, Settle},
    order::Order,
    ordered::{Full, Handed, OrderedQueue},
};
use crate::{
    wait::{Attempt, Line, Wait},
    wait_queue::WaitQueue,
};
use std::marker::PhantomData;

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
        Wait::<&Self, Putting<T, O>>::new(self, item).then(|queue, outcome| match outcome {
            Ok(()) => Ok(()),
            Err(item) => Err(PutError(item, queue.why_refused())),
        })
    }

    /// Puts an item if there is room and nobody waits for room: asyncio's `put_nowait`.
    ///
    /// # Errors
    ///
    /// [`PutError`] with the item: the queue was closed or is full.
    #[inline]
    pub fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        match Putting::<T, O>::attempt(self, item) {
            Attempt::Granted(()) => Ok(()),
            Attempt::Refused(item) | Attempt::Wait(item) => Err(PutError(item, self.why_refused())),
        }
    }

    /// Puts an item, whatever the policy is, and hands back the one whose place it takes if the queue is full: the oldest, or
    /// in a priority queue the least urgent.
    ///
    /// # Errors
    ///
    /// [`PutError`] with the item: the queue was closed, or has no capacity at all and nobody waits for an item.
    pub fn force_put(&self, item: T) -> Result<Option<T>, PutError<T>> {
        if self.is_closed() || (self.capacity == 0 && self.getters.is_empty()) {
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
    fn accept_or_settle(&self, item: T) {
        let settle = Settle(self);
        self.accept(item);
        std::mem::forget(settle);
    }

    /// Attempts a put that does not simply find room.
    #[inline(never)]
    fn attempt_otherwise(&self, item: T) -> Attempt<T, ()> {
        if self.is_closed() {
            return Attempt::Refused(item);
        }
        match self.full {
            Full::Wait => Attempt::Wait(item),
            Full::Reject => Attempt::Refused(item),
            Full::DropOldest if self.capacity == 0 => Attempt::Refused(item),
            Full::DropOldest => {
                // The old one's destructor is foreign code, and finds everything in order.
                drop(self.replace(item));
                Attempt::Granted(())
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

/// The rules of the line for room. The request is the item.
pub(crate) struct Putting<T, O>(PhantomData<(T, O)>);

impl<T, O: Order<T>> Line for Putting<T, O> {
    type Owner = OrderedQueue<T, O>;
    type Request = T;
    type Grant = ();

    #[inline]
    fn queue(queue: &Self::Owner) -> &WaitQueue<T, ()> {
        &queue.putters
    }

    #[inline(always)]
    fn attempt(queue: &Self::Owner, item: T) -> Attempt<T, ()> {
        // Nobody waits for an item in a queue that is closed, or in one that holds an item.
        if !queue.getters.is_empty() {
            queue.hand(item);
            return Attempt::Granted(());
        }
        // Where somebody waits for room there is none.
        if queue.is_closed() || queue.is_full() {
            return queue.attempt_otherwise(item);
        }
        queue.accept_or_settle(item);
        Attempt::Granted(())
    }

    /// Gives nothing back: the putter's item is in the queue, or out again.
    fn give_back(_: &Self::Owner, _: ()) {}
}
