//! The seats: sub-slots of the task table, one for each child that lives inside its owner's future, and the queues of their sets.
//!
//! A child's number looks like a task's. Its slot counts down from the top of the range of slots, where no task is, so that the
//! hot path of waking finds nothing there and leaves the rest to the cold one, which comes here.
//!
//! ```text
//!          claim                 step                  wake
//!  (free) ───────► queued ────────────────► waiting ────────► queued
//!     ▲               │ release                │ release
//!     │     step      ▼                        │
//!     ├──────────── gone (still in the queue)  │
//!     └────────────────────────────────────────┘
//! ```
//!
//! Nothing here calls foreign code: the waker of a set that is to be woken is handed out.

use crate::raw::number::{Number, SLOT_MASK};
use std::{
    cell::{Cell, RefCell},
    task::Waker,
};

/// Flags of a seat, where a number has the slot. A child that waits has none, so that its tag equals its number's.
mod flag {
    /// In its set's queue, exactly once.
    pub(crate) const QUEUED: usize = 1 << 0;
    /// The child has left. Only with `QUEUED`: the seat is free when it comes out of the queue.
    pub(crate) const GONE: usize = 1 << 1;
    /// Nobody sits here.
    pub(crate) const FREE: usize = 1 << 2;
}
use flag::*;

/// What a wake-up of a child's number comes to.
pub(crate) enum Called {
    /// The number is another executor's.
    Elsewhere,
    /// Nothing more is to be done.
    Done,
    /// The child was queued, and the owner of its set is to be woken.
    Owner(Waker),
    /// The child was queued, and two are to be woken, perhaps: those that [`Seats::take_both`] gives now.
    Both(u32),
}

pub(crate) struct Seats {
    inner: RefCell<SeatTable>,
    /// Every new seat begins with its generation, which none had that was taken away.
    first: Cell<Number>,
}

struct SeatTable {
    seats: Vec<Seat>,
    /// The first free seat, or one that does not exist yet; and how many there are.
    free: u32,
    free_count: usize,
    sets: Vec<Set>,
    free_sets: Vec<u32>,
}

struct Seat {
    tag: usize,
    set: u32,
    /// The child, as its set knows it; in a free seat the next free one.
    key: u32,
}

#[derive(Default)]
struct Set {
    /// The seats of the children that were woken, oldest first. It has room for all: waking never allocates.
    ready: Vec<u32>,
    /// Room for a batch.
    spare: Vec<u32>,
    /// How many children there are, those included that have left and are still in a queue.
    seated: usize,
    /// The waker of the set's latest poll, until it is called.
    owner: Option<Waker>,
    /// By child, if its owner does not poll it: the waker of who does, until it is called.
    own: Vec<Option<Waker>>,
    /// The set is gone, and its place is the next one's.
    is_closed: bool,
}

impl Seats {
    pub(crate) fn new(first: Number) -> Seats {
        let inner = SeatTable { seats: Vec::new(), free: 0, free_count: 0, sets: Vec::new(), free_sets: Vec::new() };
        Seats { inner: RefCell::new(inner), first: Cell::new(first) }
    }

    pub(crate) fn len(&self) -> usize {
        self.inner.borrow().seats.len()
    }

    /// The highest generation that a child had.
    pub(crate) fn generation(&self) -> usize {
        let first = self.first.get().generation();
        self.inner.borrow().seats.iter().map(|seat| Number(seat.tag).generation()).fold(first, usize::max)
    }

    /// Gives memory back that more than so many children, and their sets, have left behind: the last free seats and sets go, down to one that
    /// is in use.
    pub(crate) fn trim(&self, kept: usize) {
        let inner = &mut *self.inner.borrow_mut();
        if inner.sets.len() > kept {
            inner.trim_sets(kept);
        }
        let before = inner.seats.len();
        let mut first = self.first.get();
        while inner.seats.len() > kept && inner.seats.last().is_some_and(|seat| seat.tag & FREE != 0) {
            let Some(seat) = inner.seats.pop() else { break };
            let now = Number(seat.tag & !SLOT_MASK);
            if now.is_later_than(first) {
                first = now;
            }
        }
        if inner.seats.len() < before {
            self.first.set(first);
            inner.seats.shrink_to_fit();
            inner.list_free();
        }
    }

    // ---- sets

    pub(crate) fn open(&self) -> u32 {
        let inner = &mut *self.inner.borrow_mut();
        match inner.free_sets.pop() {
            Some(set) => {
                let opened = &mut inner.sets[set as usize];
                (opened.seated, opened.is_closed) = (0, false);
                set
            }
            None => {
                inner.sets.push(Set::default());
                inner.sets.len() as u32 - 1
            }
        }
    }

    /// The set is gone; its children have released their seats, and have no wakers of their own any more. The owner's waker is handed out
    /// to be dropped.
    pub(crate) fn close(&self, set: u32) -> Option<Waker> {
        let inner = &mut *self.inner.borrow_mut();
        let mut ready = std::mem::take(&mut inner.sets[set as usize].ready);
        for seat in ready.drain(..) {
            inner.free(seat);
        }
        let closed = &mut inner.sets[set as usize];
        closed.ready = ready;
        // So that nobody looks for such wakers in the next one.
        closed.own.clear();
        // The next set has the room that these have, unless it is much.
        const KEPT: usize = 64;
        if closed.ready.capacity().max(closed.own.capacity()) > KEPT {
            (closed.ready, closed.spare, closed.own) = Default::default();
        }
        closed.is_closed = true;
        let owner = closed.owner.take();
        inner.free_sets.push(set);
        owner
    }

    pub(crate) fn take_owner(&self, set: u32) -> Option<Waker> {
        self.inner.borrow_mut().sets[set as usize].owner.take()
    }

    /// From now on the set's owner has this waker; returns the one before.
    pub(crate) fn set_owner(&self, set: u32, newest: Waker) -> Option<Waker> {
        self.inner.borrow_mut().sets[set as usize].owner.replace(newest)
    }

    /// Was a child woken that has not left, since the queue was taken last?
    pub(crate) fn has_woken(&self, set: u32) -> bool {
        let inner = self.inner.borrow();
        inner.sets[set as usize].ready.iter().any(|&seat| inner.seats[seat as usize].tag & GONE == 0)
    }

    /// Takes the children out of the queue that were woken, the first woken first: their keys. `each` wakes nobody.
    pub(crate) fn take_woken(&self, set: u32, mut each: impl FnMut(u32)) {
        let queued = |at: usize| self.inner.borrow().sets[set as usize].ready.get(at).copied();
        let mut taken = 0;
        while let Some(seat) = queued(taken) {
            taken += 1;
            if let Some((key, _)) = self.step(seat) {
                each(key);
            }
        }
        if taken > 0 {
            self.inner.borrow_mut().sets[set as usize].ready.clear();
        }
    }

    /// From now on the set's owner has this waker; returns the one before, and the queue, which is empty now.
    #[inline]
    pub(crate) fn begin(&self, set: u32, newest: Waker) -> (Option<Waker>, Vec<u32>) {
        let inner = &mut *self.inner.borrow_mut();
        let set = &mut inner.sets[set as usize];
        let mut empty = std::mem::take(&mut set.spare);
        empty.reserve(set.seated);
        (set.owner.replace(newest), std::mem::replace(&mut set.ready, empty))
    }

    /// Those who were taken out of the queue have been polled.
    #[inline]
    pub(crate) fn end(&self, set: u32, mut queue: Vec<u32>) {
        queue.clear();
        // A batch may outlive its set, whose place may be gone, if its owner has moved to another executor meanwhile.
        if let Some(set) = self.inner.borrow_mut().sets.get_mut(set as usize) {
            set.spare = queue;
        }
    }

    /// The rest of a batch that was broken off comes first in the queue again.
    pub(crate) fn give_back(&self, set: u32, rest: &mut Vec<u32>) {
        let inner = &mut *self.inner.borrow_mut();
        rest.retain(|&seat| {
            let is_gone = inner.seats[seat as usize].tag & GONE != 0;
            if is_gone {
                inner.free(seat);
            }
            !is_gone
        });
        if !rest.is_empty() {
            let ready = &mut inner.sets[set as usize].ready;
            rest.append(ready);
            std::mem::swap(ready, rest);
        }
    }

    /// Has the set's owner this waker?
    pub(crate) fn has_owner(&self, set: u32, newest: &Waker) -> bool {
        self.inner.borrow().sets[set as usize].owner.as_ref().is_some_and(|owner| owner.will_wake(newest))
    }

    // ---- children

    /// A seat for each of these children, by key, which count as woken; `count` is how many they are. `false` if the executor may
    /// not have more than `most`.
    pub(crate) fn claim<'a>(
        &self,
        set: u32,
        children: impl Iterator<Item = (u32, &'a mut u32)>,
        count: usize,
        most: usize,
    ) -> bool {
        let inner = &mut *self.inner.borrow_mut();
        let missing = count.saturating_sub(inner.free_count);
        if inner.seats.len() + missing > most {
            return false;
        }
        inner.seats.reserve(missing);
        inner.sets[set as usize].make_room(count);
        let SeatTable { seats, free, free_count, sets, .. } = inner;
        let ready = &mut sets[set as usize].ready;
        for (key, place) in children {
            *place = occupy(seats, free, free_count, Seat { tag: self.first.get().tag() | QUEUED, set, key });
            ready.push(*place);
        }
        true
    }

    /// A seat for a child that was not woken, with its number. `None` if the executor may not have more than `most`.
    pub(crate) fn claim_waiting(&self, set: u32, key: u32, most: usize) -> Option<u32> {
        let inner = &mut *self.inner.borrow_mut();
        if inner.free_count == 0 && inner.seats.len() >= most {
            return None;
        }
        inner.sets[set as usize].make_room(1);
        let SeatTable { seats, free, free_count, .. } = inner;
        Some(occupy(seats, free, free_count, Seat { tag: self.first.get().tag(), set, key }))
    }

    /// From now on the child in that seat has this waker of its own; returns the one before. If the child was woken already, the new one is
    /// handed out as well, to be called.
    pub(crate) fn set_own(&self, seat: u32, newest: Waker) -> (Option<Waker>, Option<Waker>) {
        let inner = &mut *self.inner.borrow_mut();
        let seated = &inner.seats[seat as usize];
        let (own, key) = (&mut inner.sets[seated.set as usize].own, seated.key as usize);
        if own.len() <= key {
            own.resize(key + 1, None);
        }
        let is_woken = seated.tag & QUEUED != 0;
        let old = own[key].take();
        if is_woken {
            return (old, Some(newest));
        }
        own[key] = Some(newest);
        (old, None)
    }

    /// Takes out whom to call for the child in that seat, which was woken: the waker of its set's owner, and before that the one of its own.
    #[cold]
    pub(crate) fn take_both(&self, seat: u32) -> (Option<Waker>, Option<Waker>) {
        let inner = &mut *self.inner.borrow_mut();
        let woken = &inner.seats[seat as usize];
        let set = &mut inner.sets[woken.set as usize];
        let own = set.own.get_mut(woken.key as usize).and_then(Option::take);
        (set.owner.take(), own)
    }

    /// Has the child in that seat this waker of its own?
    pub(crate) fn has_own(&self, seat: u32, newest: &Waker) -> bool {
        let inner = &*self.inner.borrow();
        let seated = &inner.seats[seat as usize];
        let own = inner.sets[seated.set as usize].own.get(seated.key as usize);
        own.and_then(Option::as_ref).is_some_and(|own| own.will_wake(newest))
    }

    pub(crate) fn take_own(&self, seat: u32) -> Option<Waker> {
        let inner = &mut *self.inner.borrow_mut();
        let seated = &inner.seats[seat as usize];
        inner.sets[seated.set as usize].own.get_mut(seated.key as usize)?.take()
    }

    /// The number of the child in that seat.
    pub(crate) fn number(&self, seat: u32) -> Number {
        Number((self.inner.borrow().seats[seat as usize].tag & !SLOT_MASK) | (SLOT_MASK - seat as usize))
    }

    /// The child has left: its number is out of date.
    #[inline(always)]
    pub(crate) fn release(&self, seat: u32) {
        let inner = &mut *self.inner.borrow_mut();
        let tag = &mut inner.seats[seat as usize].tag;
        if *tag & QUEUED != 0 {
            *tag |= GONE;
        } else {
            inner.free(seat);
        }
    }

    /// Wakes the child of that number.
    #[inline]
    pub(crate) fn wake(&self, number: Number) -> Called {
        if number.executor() != self.first.get().executor() {
            return Called::Elsewhere;
        }
        let seat = SLOT_MASK - number.slot();
        let inner = &mut *self.inner.borrow_mut();
        match inner.seats.get(seat) {
            Some(found) if found.tag == number.tag() => inner.queue(seat as u32),
            // The child was kept, perhaps, and nobody was called for that.
            Some(found) if found.tag == number.tag() | QUEUED => {
                inner.sets[found.set as usize].owner.take().map_or(Called::Done, Called::Owner)
            }
            _ => Called::Done,
        }
    }

    /// Wakes the child in that seat.
    pub(crate) fn wake_seat(&self, seat: u32) -> Called {
        let inner = &mut *self.inner.borrow_mut();
        if inner.seats[seat as usize].tag & SLOT_MASK != 0 { Called::Done } else { inner.queue(seat) }
    }

    /// Queues the child in that seat; its owner is not woken.
    pub(crate) fn keep(&self, seat: u32) {
        let inner = &mut *self.inner.borrow_mut();
        let kept = &mut inner.seats[seat as usize];
        if kept.tag & SLOT_MASK == 0 {
            kept.tag |= QUEUED;
            inner.sets[kept.set as usize].ready.push(seat);
        }
    }

    /// Who sits there now: for wake-ups whose number is out of date.
    pub(crate) fn occupant(&self, slot: usize) -> Option<Number> {
        let inner = self.inner.borrow();
        let seat = inner.seats.get(SLOT_MASK - slot)?;
        (seat.tag & (FREE | GONE) == 0).then_some(Number((seat.tag & !SLOT_MASK) | slot))
    }

    /// What is in a seat that came out of a queue: the child and its number, or `None` if it has left.
    #[inline]
    pub(crate) fn step(&self, seat: u32) -> Option<(u32, Number)> {
        let inner = &mut *self.inner.borrow_mut();
        let stepped = &mut inner.seats[seat as usize];
        if stepped.tag & GONE != 0 {
            inner.free(seat);
            return None;
        }
        stepped.tag &= !SLOT_MASK;
        Some((stepped.key, Number(stepped.tag | (SLOT_MASK - seat as usize))))
    }
}

/// Puts a child into the first free seat, or a new one. The tag is for a new one: its generation is the first.
#[inline(always)]
fn occupy(seats: &mut Vec<Seat>, free: &mut u32, free_count: &mut usize, new: Seat) -> u32 {
    let seat = *free;
    match seats.get_mut(seat as usize) {
        Some(claimed) => {
            debug_assert_eq!(claimed.tag & SLOT_MASK, FREE);
            *free = claimed.key;
            *free_count -= 1;
            *claimed = Seat { tag: claimed.tag ^ (FREE | (new.tag & SLOT_MASK)), ..new };
        }
        None => {
            *free = seat + 1;
            seats.push(new);
        }
    }
    seat
}

impl Set {
    /// There are so many more.
    #[inline]
    fn make_room(&mut self, count: usize) {
        self.seated += count;
        self.ready.reserve(self.seated.saturating_sub(self.ready.len()));
    }
}

impl SeatTable {
    fn trim_sets(&mut self, kept: usize) {
        while self.sets.len() > kept && self.sets.last().is_some_and(|set| set.is_closed) {
            self.sets.pop();
        }
        self.sets.shrink_to_fit();
        for set in self.sets.iter_mut().filter(|set| set.is_closed) {
            (set.ready, set.spare, set.own) = Default::default();
        }
        self.free_sets = (0..self.sets.len() as u32).rev().filter(|&set| self.sets[set as usize].is_closed).collect();
    }

    /// Lists the free seats anew, those in front first.
    fn list_free(&mut self) {
        (self.free, self.free_count) = (self.seats.len() as u32, 0);
        for (index, seat) in self.seats.iter_mut().enumerate().rev().filter(|(_, seat)| seat.tag & FREE != 0) {
            seat.key = std::mem::replace(&mut self.free, index as u32);
            self.free_count += 1;
        }
    }

    #[inline]
    fn queue(&mut self, seat: u32) -> Called {
        let woken = &mut self.seats[seat as usize];
        woken.tag |= QUEUED;
        let set = &mut self.sets[woken.set as usize];
        set.ready.push(seat);
        if !set.own.is_empty() {
            return Called::Both(seat);
        }
        set.owner.take().map_or(Called::Done, Called::Owner)
    }

    #[inline(always)]
    fn free(&mut self, seat: u32) {
        let freed = &mut self.seats[seat as usize];
        freed.tag = Number(freed.tag & !SLOT_MASK).next_generation().0 | FREE;
        // A seat may outlive its set, in a batch that was broken off.
        if let Some(set) = self.sets.get_mut(freed.set as usize) {
            set.seated = set.seated.saturating_sub(1);
        }
        freed.key = std::mem::replace(&mut self.free, seat);
        self.free_count += 1;
    }
}
