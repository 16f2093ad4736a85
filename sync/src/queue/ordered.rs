//! The queue: what it holds, and who waits for that.

use super::order::{Fifo, Lifo, Order, Priority};
use crate::{
    calls::call_any,
    raw::ask::Ask,
    wait_queue::{WaitQueue, WaitStats, Waking},
};
use std::{cell::Cell, fmt};

/// A queue whose items come out in the order in which they were put: asyncio's `Queue`. See [`OrderedQueue`] for all that
/// it can do.
///
/// ```
/// use evenkeel::sync::Queue;
///
/// # futures::executor::block_on(async {
/// let queue = Queue::new(2);
/// let produce = async {
///     for n in 0..5 {
///         queue.put(n).await.unwrap(); // waits while two are in the queue
///     }
///     queue.close();
/// };
/// let consume = async {
///     let mut sum = 0;
///     while let Ok(n) = queue.get().await {
///         sum += n;
///     }
///     sum
/// };
/// assert_eq!(futures::join!(produce, consume).1, 10);
/// # });
/// ```
pub type Queue<T> = OrderedQueue<T, Fifo<T>>;

/// A queue from which the newest item comes first: asyncio's `LifoQueue`. See [`OrderedQueue`].
///
/// ```
/// let stack = evenkeel::sync::LifoQueue::unbounded();
/// stack.try_put(1).unwrap();
/// stack.try_put(2).unwrap();
/// assert_eq!(stack.try_get(), Ok(2));
/// ```
pub type LifoQueue<T> = OrderedQueue<T, Lifo<T>>;

/// A queue from which the lowest item comes first, and of equals the one that was put first: asyncio's `PriorityQueue`, but
/// stable. See [`OrderedQueue`].
///
/// ```
/// use evenkeel::sync::PriorityQueue;
/// use std::cmp::Reverse;
///
/// let urgent = PriorityQueue::new(10);
/// urgent.try_put((2, "tidy up")).unwrap();
/// urgent.try_put((1, "put out the fire")).unwrap();
/// assert_eq!(urgent.try_get(), Ok((1, "put out the fire")));
///
/// let highest_first = PriorityQueue::new(10);
/// highest_first.try_put(Reverse(1)).unwrap();
/// highest_first.try_put(Reverse(2)).unwrap();
/// assert_eq!(highest_first.try_get(), Ok(Reverse(2)));
/// ```
pub type PriorityQueue<T> = OrderedQueue<T, Priority<T>>;

/// What [`Queue`], [`LifoQueue`] and [`PriorityQueue`] are: a bounded queue, fair to those who put and to those who get.
///
/// # Bounds
///
/// The capacity is a required argument, since every queue has a bound, chosen or not. With capacity 0 the queue holds nothing:
/// a `put` ends when a `get` takes the item (a rendezvous). `usize::MAX` is the same as [`unbounded`](Self::unbounded). What
/// happens to a put when the queue is full is the [`Full`] policy's choice.
///
/// # Hand-off
///
/// An item that is put while somebody waits for one is that waiter's right away, and an item that waits for room is in
/// the queue as soon as there is room: nobody can take either from a waiter that was woken. So a `put` that was dropped
/// after its item had found room has put it. A `get` that is dropped after an item was handed to it puts it back to where
/// it was, so for a moment there can be more items than the capacity.
///
/// # Jobs
///
/// [`join`](Self::join) waits until every item that was put is done with. An item that [`get`](Self::get) takes is done with
/// then; one that [`get_job`](Self::get_job) takes is when the [`Job`](crate::Job) is dropped, also by a panic.
///
/// # The end
///
/// After [`close`](Self::close) (asyncio's `shutdown()`) nothing can be put, what is queued can still be taken, and then
/// [`get`](Self::get) is [`Closed`](crate::Closed). [`close_now`](Self::close_now) hands back what is queued
/// (`shutdown(immediate=True)`).
pub struct OrderedQueue<T, O> {
    pub(super) items: O,
    pub(super) capacity: usize,
    /// How many items there may be for one more to come in: the capacity, less the places that are kept for items to come; none once the
    /// queue is closed, so that a put need not look at both. [`count_room`](Self::count_room) keeps it true.
    room: Cell<usize>,
    /// How many places are kept for items to come, whose holders have them.
    pub(super) reserved: Cell<usize>,
    /// How many of the places that the first one in line wants are kept for it so far.
    pub(super) claimed: Cell<usize>,
    /// How many of those who wait for room want places: all others in that line bring items.
    pub(super) wishes: Cell<usize>,
    pub(super) full: Full,
    pub(super) intake: Cell<Intake>,
    /// How many items [`join`](Self::join) waits for.
    pub(super) unfinished: Cell<usize>,
    /// The line of those who get: while somebody waits here there is no item, nor anybody in line who brings one.
    pub(super) getters: WaitQueue<(), Handed<T>>,
    /// The line of those who put, or want places: while somebody waits here there is no room. The grant is a number of places.
    pub(super) putters: WaitQueue<Ask<T>, usize>,
    pub(super) joiners: WaitQueue,
    /// The line of those who wait for the end.
    pub(super) closers: WaitQueue,
}

/// What a put does when the queue is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Full {
    /// The put waits for room: who produces is slowed down to the pace of who consumes. The default.
    #[default]
    Wait,
    /// The put fails at once: the producer learns that there is too much.
    Reject,
    /// The new item takes the place of the oldest one (in a priority queue: of the least urgent one), which is dropped: what is new
    /// counts more. A queue without capacity has nothing to drop, and rejects.
    DropOldest,
}

/// An item with its number, by which it finds back to where it was.
pub(crate) struct Handed<T> {
    pub(crate) item: T,
    pub(super) number: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Intake {
    Open,
    /// The queue is closed: nothing more comes in.
    Closed,
    /// The queue is closed, and what was in it is not wanted: what is put back does not keep `join` waiting.
    ClosedNow,
}

impl<T, O: Order<T>> OrderedQueue<T, O> {
    /// A queue with room for `capacity` items; 0 is a rendezvous.
    pub fn new(capacity: usize) -> Self {
        OrderedQueue {
            items: O::default(),
            capacity,
            room: Cell::new(capacity),
            reserved: Cell::new(0),
            claimed: Cell::new(0),
            wishes: Cell::new(0),
            full: Full::Wait,
            intake: Cell::new(Intake::Open),
            unfinished: Cell::new(0),
            getters: WaitQueue::new("Queue::get"),
            putters: WaitQueue::new("Queue::put"),
            joiners: WaitQueue::new("Queue::join"),
            closers: WaitQueue::new("Queue::closed"),
        }
    }

    /// A queue without a bound: it grows for as long as items come faster than they go. Say what bounds them instead.
    pub fn unbounded() -> Self {
        Self::new(usize::MAX)
    }

    /// Makes a queue treat puts in that way when it is full.
    ///
    /// ```
    /// use evenkeel::sync::{Full, Queue};
    ///
    /// let newest = Queue::new(2).when_full(Full::DropOldest);
    /// for n in 0..5 {
    ///     newest.try_put(n).unwrap();
    /// }
    /// assert_eq!(newest.close_now(), [3, 4]);
    /// ```
    pub fn when_full(mut self, full: Full) -> Self {
        self.full = full;
        self
    }

    /// Was the queue closed?
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.intake.get() != Intake::Open
    }

    /// How many items are queued: asyncio's `qsize()`. Items of those who wait for room are not in the queue yet.
    #[inline]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Is nothing queued?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Is the queue full?
    pub fn is_full(&self) -> bool {
        self.len() >= self.room_when_open()
    }

    /// How many items the queue has room for: asyncio's `maxsize`. `None` if that is not bounded.
    pub fn capacity(&self) -> Option<usize> {
        Some(self.capacity).filter(|capacity| *capacity != usize::MAX)
    }

    /// For how many items more there is room right now. `None` if that is not bounded.
    ///
    /// ```
    /// let queue = evenkeel::sync::Queue::new(3);
    /// queue.try_put("a").unwrap();
    /// assert_eq!((queue.free_capacity(), queue.capacity()), (Some(2), Some(3)));
    /// ```
    pub fn free_capacity(&self) -> Option<usize> {
        self.capacity().map(|_| self.room_when_open().saturating_sub(self.len()))
    }

    /// For how many items there is room, be the queue closed or not.
    fn room_when_open(&self) -> usize {
        match self.capacity {
            // Places that are lent are not taken from any room; nor are those of which there is no end.
            0 | usize::MAX => self.capacity,
            _ => self.capacity - self.reserved.get() - self.claimed.get(),
        }
    }

    /// Counts the room, after a change of what it depends on.
    pub(super) fn count_room(&self) {
        self.room.set(if self.is_closed() { 0 } else { self.room_when_open() });
    }

    /// Is there room for one more item? There is none in a queue that is closed.
    #[inline(always)]
    pub(super) fn has_room(&self) -> bool {
        self.len() < self.room.get()
    }

    /// For how many items more there is room, as a number.
    pub(super) fn free(&self) -> usize {
        self.room.get().saturating_sub(self.len())
    }

    /// How many items [`join`](Self::join) would wait for.
    pub fn unfinished(&self) -> usize {
        self.unfinished.get()
    }

    /// How many wait for an item.
    pub fn waiting_getters(&self) -> usize {
        self.getters.len()
    }

    /// How many wait for room.
    pub fn waiting_putters(&self) -> usize {
        self.putters.len()
    }

    /// What the line of those who get has seen so far.
    pub fn getter_stats(&self) -> WaitStats {
        self.getters.stats()
    }

    /// What the line of those who put has seen so far.
    pub fn putter_stats(&self) -> WaitStats {
        self.putters.stats()
    }

    /// Takes an item into the queue, where nobody waits for one. A comparison of items may panic: what was not taken in is not counted.
    #[inline(always)]
    pub(super) fn accept(&self, item: T) {
        self.items.push(item);
        self.count_up();
    }

    /// Hands an item to the first one who waits for one, and wakes him.
    #[inline(never)]
    pub(super) fn hand(&self, item: T) {
        let number = self.items.pass();
        self.count_up();
        if let Ok(((), waker)) = self.getters.grant_unwoken(Handed { item, number }) {
            call_any(waker);
        }
    }

    /// Lets those in who wait for room, as far as there is room.
    #[inline(always)]
    pub(super) fn admit(&self) {
        let mut waking = self.putters.waking();
        while !self.putters.is_empty() && self.has_room() {
            match waking.grant_item(0) {
                Some(item) => self.accept(item),
                None => self.claim(&mut waking),
            }
        }
    }

    /// Keeps the room that there is for the first one in line, who wants places, and gives it these when they are all there.
    #[cold]
    fn claim(&self, waking: &mut Waking<'_, Ask<T>, usize>) {
        let Some(places) = self.putters.first_wants() else { return };
        self.claim_for_first(places);
        if self.claimed.get() == places {
            self.claimed.set(0);
            self.reserved.set(self.reserved.get() + places);
            self.count_room();
            self.count_wish_out();
            let _ = waking.grant(places);
        }
    }

    /// Keeps the room that there is for the first one in line: nobody overtakes it, be its wish ever so large.
    pub(super) fn claim_for_first(&self, places: usize) {
        let more = (places - self.claimed.get()).min(self.free());
        self.claimed.set(self.claimed.get() + more);
        self.count_room();
    }

    /// One less in line wants places.
    pub(super) fn count_wish_out(&self) {
        self.wishes.set(self.wishes.get() - 1);
    }

    /// The first one in line has gone, or was refused: what was kept for it is free again.
    pub(super) fn free_claimed(&self) {
        self.claimed.set(0);
        self.count_room();
    }

    /// Ends waits after a change of `intake`: nobody is left in vain. Those who waited are called when what this returns is dropped.
    #[must_use]
    pub(super) fn end_waits(&self) -> impl Sized {
        self.putters.refuse_all();
        self.wishes.set(0);
        self.free_claimed();
        if self.is_over() {
            // Where there are items nobody waits for one.
            self.getters.refuse_all();
        }
        self.closers.grant_all(());
        if self.unfinished.get() == 0 {
            self.joiners.grant_all(());
        }
        (self.getters.waking(), self.putters.waking(), self.closers.waking(), self.joiners.waking())
    }

    /// Will nothing come in any more, not even into places that are kept?
    pub(super) fn is_over(&self) -> bool {
        match self.intake.get() {
            Intake::Open => false,
            Intake::Closed => self.reserved.get() == 0,
            Intake::ClosedNow => true,
        }
    }

    /// Counts one item more to be done.
    #[inline(always)]
    pub(super) fn count_up(&self) {
        self.unfinished.set(self.unfinished.get() + 1);
    }

    /// Counts so many items less to be done. Does somebody wait for that?
    #[inline(always)]
    pub(super) fn count_down(&self, done: usize) -> bool {
        let unfinished = self.unfinished.get() - done;
        self.unfinished.set(unfinished);
        // Mostly nobody does, so that is asked first.
        !self.joiners.is_empty() && unfinished == 0
    }

    /// Counts one item less to be done, and wakes those who wait for the last.
    #[inline(always)]
    pub(crate) fn finish(&self) {
        if self.count_down(1) {
            self.end_joins();
        }
    }

    #[cold]
    pub(super) fn end_joins(&self) {
        self.joiners.grant_all(());
        self.joiners.wake();
    }
}

impl<T, O: Order<T>> fmt::Debug for OrderedQueue<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("waiting_getters", &self.waiting_getters())
            .field("waiting_putters", &self.waiting_putters())
            .field("unfinished", &self.unfinished())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}
