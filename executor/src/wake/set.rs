//! The set: the children that live inside one owner's future, by key, each in a seat, and the queues of those that were woken.
//!
//! ```text
//!             insert                  next                  wake, keep
//!  (vacant) ──────────► queued ────────────────► waiting ──────────────► queued
//!      ▲                  │ remove                  │ remove
//!      └──────────────────┴─────────────────────────┘
//! ```
//!
//! A set may be in no executor. Its children have no numbers then: [`Seats`](crate::wake::seats::Seats) gives them, a page of seats at a
//! time. A set that has no children any more may be another owner's, with its seats and their numbers: each child leaves a number behind
//! that none had.
//!
//! Nothing here calls foreign code: the waker of an owner that is to be woken is handed out.

use crate::{
    raw::number::Number,
    wake::seat_queue::{NONE, Queue, Seat, VACANT, WAITING},
};
use std::{cell::RefCell, task::Waker};

/// How many seats a page has, for which the set knows the place once.
pub(crate) const PAGE: usize = 8;

/// A set with more seats is large: it does not keep them when its last child has left.
pub(crate) const LARGE: usize = 1024;

/// What a wake-up of a child's number comes to.
pub(crate) enum Called {
    /// The number is another executor's.
    Elsewhere,
    /// Nothing more is to be done.
    Done,
    /// The child was queued, and the owner of its set is to be woken.
    Owner(Waker),
    /// The child of that number was queued, and two are to be woken, perhaps: those that
    /// [`Seats::take_both`](crate::wake::seats::Seats::take_both) gives now.
    Both(Number),
}

/// The children of one owner. Whoever empties it may use it for another.
#[derive(Default)]
pub(crate) struct Set {
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    /// By key. Those behind the last key are for children to come.
    seats: Vec<Seat>,
    /// Every key that there ever was is lower than this.
    end: u32,
    /// The first of the keys that no child has any more, which are a list, or `end`.
    vacant: u32,
    /// How many children there are.
    count: usize,
    /// Those that were woken since the latest batch began, oldest first.
    ready: Queue,
    /// Those of the latest batch that were not polled yet.
    batch: Queue,
    /// The waker of the set's latest poll, until it is called.
    owner: Option<Waker>,
    /// By key, if the owner does not poll the child: the waker of who does, until it is called.
    own: Vec<Option<Waker>>,
    /// The pages where the seats lie, if the set is in an executor: that of the first eight keys, and so on.
    pages: Vec<u32>,
    /// So many seats have numbers.
    numbered: usize,
}

impl Inner {
    /// A child leaves. Without effect if there is none with that key. Returns whether it was the last one of a large set.
    #[inline(always)]
    fn remove(&mut self, key: usize) -> bool {
        let Some(seat) = self.seats.get_mut(key).filter(|seat| seat.before != VACANT) else { return false };
        let Seat { number, next, before } = *seat;
        *seat = Seat { number: number.next_generation(), next: self.vacant, before: VACANT };
        self.vacant = key as u32;
        self.count -= 1;
        if before != WAITING {
            self.unlink(key as u32, next, before);
        }
        self.count == 0 && self.seats.len() > LARGE
    }

    /// All children leave.
    #[cold]
    fn remove_all(&mut self) {
        (self.ready, self.batch) = Default::default();
        for seat in self.seats.iter_mut().filter(|seat| seat.before != VACANT) {
            (seat.number, seat.before) = (seat.number.next_generation(), VACANT);
        }
    }

    /// Makes room for that many keys. The new seats have no numbers.
    #[cold]
    fn grow(&mut self, count: usize) {
        self.seats.resize(count, Seat { number: Number::NONE, next: NONE, before: VACANT });
    }

    /// Takes a child out of the queue that it is in, between those two.
    #[cold]
    fn unlink(&mut self, key: u32, next: u32, before: u32) {
        let queues = [&mut self.batch, &mut self.ready];
        for queue in queues.into_iter().filter(|queue| queue.first != NONE) {
            if queue.first == key {
                queue.first = next;
                return;
            }
            if queue.last == key {
                queue.last = before;
            }
        }
        self.seats[before as usize].next = next;
        if let Some(behind) = self.seats.get_mut(next as usize) {
            behind.before = before;
        }
    }

    /// Is there a child with that key, which is in no queue?
    #[inline(always)]
    fn waits(&self, key: usize) -> bool {
        self.seats.get(key).is_some_and(|seat| seat.before == WAITING)
    }

    #[inline(always)]
    fn begin(&mut self) {
        let ready = std::mem::take(&mut self.ready);
        self.batch.append(&mut self.seats, ready);
    }
}

impl Set {
    // ---- children

    /// How many children there are.
    pub(crate) fn count(&self) -> usize {
        self.inner.borrow().count
    }

    /// A new child, which counts as woken: its key. Is there no number for it, [`Seats`](crate::wake::seats::Seats) is to give one.
    pub(crate) fn insert(&self) -> u32 {
        let inner = &mut *self.inner.borrow_mut();
        let key = inner.vacant;
        if key < inner.end {
            inner.vacant = inner.seats[key as usize].next;
        } else {
            if inner.seats.len() == key as usize {
                inner.grow(key as usize + 1);
            }
            (inner.end, inner.vacant) = (key + 1, key + 1);
        }
        inner.count += 1;
        inner.ready.push(&mut inner.seats, key);
        key
    }

    /// So many children, which count as woken. `false`: there were children before.
    #[inline]
    pub(crate) fn insert_all(&self, count: usize) -> bool {
        let inner = &mut *self.inner.borrow_mut();
        if inner.end > 0 || count == 0 {
            return inner.end == 0;
        }
        if inner.seats.len() < count {
            inner.grow(count);
        }
        let seats = &mut inner.seats[..count];
        for (key, seat) in (0_u32..).zip(seats.iter_mut()) {
            (seat.next, seat.before) = (key + 1, key.saturating_sub(1));
        }
        seats[count - 1].next = NONE;
        (inner.end, inner.vacant, inner.count) = (count as u32, count as u32, count);
        inner.ready = Queue { first: 0, last: count as u32 - 1 };
        true
    }

    /// A child with that key, which was not woken. For those who choose their keys themselves.
    pub(crate) fn insert_waiting(&self, key: u32) {
        let inner = &mut *self.inner.borrow_mut();
        if inner.seats.len() <= key as usize {
            inner.grow(key as usize + 1);
        }
        inner.seats[key as usize].before = WAITING;
        inner.count += 1;
    }

    /// The child has left: its number is out of date. Without effect if there is none. Returns whether the set is empty now, and large.
    #[inline(always)]
    pub(crate) fn remove(&self, key: usize) -> bool {
        self.inner.borrow_mut().remove(key)
    }

    /// The newest children, those from that key on, were never there: they have got no numbers.
    #[cold]
    pub(crate) fn take_back(&self, from: u32) {
        let inner = &mut *self.inner.borrow_mut();
        for key in from..inner.end {
            inner.remove(key as usize);
        }
        (inner.end, inner.vacant) = (from, from);
        inner.seats.truncate(inner.numbered.max(from as usize));
    }

    /// Gives memory back in a set without children and pages.
    #[cold]
    pub(crate) fn shrink(&self) {
        let inner = &mut *self.inner.borrow_mut();
        if inner.count == 0 && inner.pages.is_empty() {
            (inner.seats, inner.pages) = Default::default();
            (inner.end, inner.vacant) = (0, 0);
        }
    }

    /// The number of the child with that key, which has one.
    #[inline]
    pub(crate) fn number(&self, key: u32) -> Number {
        self.inner.borrow().seats[key as usize].number
    }

    // ---- pages

    /// Has it any pages?
    #[inline]
    pub(crate) fn has_pages(&self) -> bool {
        !self.inner.borrow().pages.is_empty()
    }

    /// Has every seat a number?
    #[inline(always)]
    pub(crate) fn is_settled(&self) -> bool {
        let inner = self.inner.borrow();
        inner.numbered == inner.seats.len()
    }

    /// How many pages it needs that it has not.
    pub(crate) fn missing_pages(&self) -> usize {
        let inner = self.inner.borrow();
        inner.seats.len().div_ceil(PAGE) - inner.pages.len()
    }

    /// Gives the seats numbers that have none. `take` takes a page for the eight keys from that one on: the page, and the number of the first.
    /// The others count down from there.
    pub(crate) fn settle(&self, mut take: impl FnMut(usize) -> (u32, Number)) {
        let Inner { seats, pages, numbered, .. } = &mut *self.inner.borrow_mut();
        let mut before = numbered.checked_sub(1).map_or(Number::NONE, |last| seats[last].number);
        for (key, seat) in seats.iter_mut().enumerate().skip(*numbered) {
            if key % PAGE == 0 {
                let (page, first) = take(key);
                pages.push(page);
                before = first;
            } else {
                before = before.next_lower();
            }
            seat.number = before;
        }
        *numbered = seats.len();
    }

    /// Gives the pages back, each with the first generation that none of its children had. All children count as woken.
    pub(crate) fn leave(&self, mut give: impl FnMut(u32, Number)) {
        let inner = &mut *self.inner.borrow_mut();
        let beyond = |seat: &Seat| if seat.before == VACANT { seat.number } else { seat.number.next_generation() };
        let later = |a: Number, b: Number| if b.is_later_than(a) { b } else { a };
        for (page, seats) in inner.pages.drain(..).zip(inner.seats.chunks(PAGE)) {
            give(page, seats.iter().map(beyond).reduce(later).unwrap_or(Number::NONE));
        }
        inner.numbered = 0;
        (inner.ready, inner.batch) = Default::default();
        for key in 0..inner.end {
            if inner.seats[key as usize].before != VACANT {
                inner.ready.push(&mut inner.seats, key);
            }
        }
    }

    /// The highest generation that a child had.
    pub(crate) fn generation(&self) -> usize {
        self.inner.borrow().seats.iter().map(|seat| seat.number.generation()).max().unwrap_or(0)
    }

    /// The owner is gone, and the children: makes the set ready for another one. `None`: it has much more than `kept` seats, and is better
    /// dropped. Otherwise the owner's waker is handed out, to be dropped, if there is one.
    #[inline]
    pub(crate) fn reset(&self, kept: usize) -> Option<Option<Waker>> {
        let inner = &mut *self.inner.borrow_mut();
        if inner.count > 0 {
            inner.remove_all();
        }
        if inner.seats.capacity().max(inner.own.capacity()) > kept {
            return None;
        }
        // So that nobody looks for such wakers in the next one.
        inner.own.clear();
        (inner.end, inner.vacant, inner.count) = (0, 0, 0);
        Some(inner.owner.take())
    }

    // ---- batches

    /// Begins a batch of all who were woken, those first who are left of the batch before. From now on the owner has this waker; returns the
    /// one before.
    #[inline(always)]
    pub(crate) fn begin(&self, newest: Waker) -> Option<Waker> {
        let inner = &mut *self.inner.borrow_mut();
        inner.begin();
        inner.owner.replace(newest)
    }

    /// Takes the next child out of the batch: its key and its number.
    #[inline(always)]
    pub(crate) fn next(&self) -> Option<(u32, Number)> {
        let Inner { batch, seats, .. } = &mut *self.inner.borrow_mut();
        batch.pop(seats)
    }

    /// Was every child of the batch taken out?
    #[inline(always)]
    pub(crate) fn is_batch_over(&self) -> bool {
        self.inner.borrow().batch.first == NONE
    }

    /// How many are left of the batch.
    pub(crate) fn left(&self) -> usize {
        let inner = self.inner.borrow();
        inner.batch.keys(&inner.seats).count()
    }

    /// Changes the order of those who are left of the batch.
    pub(crate) fn reorder(&self, reorder: impl FnOnce(&mut [u32])) {
        let Inner { batch, seats, .. } = &mut *self.inner.borrow_mut();
        let mut left: Vec<u32> = batch.keys(seats).collect();
        reorder(&mut left);
        *batch = Queue::default();
        left.into_iter().for_each(|key| batch.push(seats, key));
    }

    /// Was a child woken since the latest batch began?
    pub(crate) fn has_woken(&self) -> bool {
        self.inner.borrow().ready.first != NONE
    }

    /// Takes the children out of the queue that were woken, the first woken first: their keys. `each` wakes nobody.
    pub(crate) fn take_woken(&self, mut each: impl FnMut(u32)) {
        self.inner.borrow_mut().begin();
        while let Some((key, _)) = self.next() {
            each(key);
        }
    }

    // ---- the owner

    pub(crate) fn take_owner(&self) -> Option<Waker> {
        self.inner.borrow_mut().owner.take()
    }

    /// From now on the owner has this waker; returns the one before.
    pub(crate) fn set_owner(&self, newest: Waker) -> Option<Waker> {
        self.inner.borrow_mut().owner.replace(newest)
    }

    /// Has the owner this waker?
    pub(crate) fn has_owner(&self, newest: &Waker) -> bool {
        self.inner.borrow().owner.as_ref().is_some_and(|owner| owner.will_wake(newest))
    }

    // ---- waking

    /// Queues the child of that number, if it is that key's and waits, and takes the number of the task to wake for it: there is none if the owner
    /// was called before. `None`: nothing was done, as there may be more to do.
    #[inline(always)]
    pub(crate) fn queue(
        &self,
        key: u32,
        number: Number,
        task_of: impl FnOnce(&Waker) -> Option<Number>,
    ) -> Option<Number> {
        let Inner { seats, ready, owner, own, .. } = &mut *self.inner.borrow_mut();
        if !own.is_empty()
            || !seats.get(key as usize).is_some_and(|seat| seat.number == number && seat.before == WAITING)
        {
            return None;
        }
        let task = match owner {
            None => Number::NONE,
            Some(waker) => task_of(waker)?,
        };
        if task != Number::NONE {
            // A task's waker owns nothing.
            std::mem::forget(owner.take());
        }
        ready.push(seats, key);
        Some(task)
    }

    /// Wakes the child of that number, if it is that key's.
    #[inline(always)]
    pub(crate) fn wake(&self, key: u32, number: Number) -> Called {
        let inner = &mut *self.inner.borrow_mut();
        let Some(seat) = inner.seats.get(key as usize).filter(|seat| seat.number == number) else {
            return Called::Done;
        };
        match seat.before {
            VACANT => Called::Done,
            WAITING => {
                inner.ready.push(&mut inner.seats, key);
                if !inner.own.is_empty() {
                    return Called::Both(number);
                }
                inner.owner.take().map_or(Called::Done, Called::Owner)
            }
            // It was kept, perhaps, and nobody was called for that.
            _ => inner.owner.take().map_or(Called::Done, Called::Owner),
        }
    }

    /// Wakes a child that waits and whose set is an owner's: returns the owner's waker, if that is to be called.
    pub(crate) fn wake_key(&self, key: usize) -> Option<Waker> {
        let inner = &mut *self.inner.borrow_mut();
        if !inner.waits(key) {
            return None;
        }
        inner.ready.push(&mut inner.seats, key as u32);
        inner.owner.take()
    }

    /// Queues a child that waits; its owner is not woken.
    pub(crate) fn keep(&self, key: usize) {
        let inner = &mut *self.inner.borrow_mut();
        if inner.waits(key) {
            inner.ready.push(&mut inner.seats, key as u32);
        }
    }

    /// The child's number, if there is a child with that key.
    pub(crate) fn occupant(&self, key: u32) -> Option<Number> {
        let inner = self.inner.borrow();
        inner.seats.get(key as usize).filter(|seat| seat.before != VACANT).map(|seat| seat.number)
    }

    // ---- wakers of the children's own

    /// From now on the child has this waker of its own; returns the one before. If the child was woken already, the new one is handed out as
    /// well, to be called.
    pub(crate) fn set_own(&self, key: u32, newest: Waker) -> (Option<Waker>, Option<Waker>) {
        let inner = &mut *self.inner.borrow_mut();
        let is_woken = !inner.waits(key as usize);
        let (own, key) = (&mut inner.own, key as usize);
        if own.len() <= key {
            own.resize(key + 1, None);
        }
        let old = own[key].take();
        if is_woken {
            return (old, Some(newest));
        }
        own[key] = Some(newest);
        (old, None)
    }

    /// Takes out whom to call for a child that was woken: the waker of the owner, and before that the child's own.
    pub(crate) fn take_both(&self, key: u32) -> (Option<Waker>, Option<Waker>) {
        let inner = &mut *self.inner.borrow_mut();
        (inner.owner.take(), inner.own.get_mut(key as usize).and_then(Option::take))
    }

    /// Has the child this waker of its own?
    pub(crate) fn has_own(&self, key: u32, newest: &Waker) -> bool {
        let inner = self.inner.borrow();
        inner.own.get(key as usize).and_then(Option::as_ref).is_some_and(|own| own.will_wake(newest))
    }

    pub(crate) fn take_own(&self, key: u32) -> Option<Waker> {
        self.inner.borrow_mut().own.get_mut(key as usize)?.take()
    }
}
