//! Who was notified by conditions, before the lock's line knows of it.

use crate::raw::node::Seat;
use slab::Slab;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    panic::RefUnwindSafe,
    rc::Rc,
    task::Waker,
};

/// For how many arrivals, and for how many who are apart, room is kept when a burst is over.
const KEPT: usize = 256;

/// What a lock and the conditions share that are waited for with it: conditions do not reach the lock, which may move while nobody borrows it.
///
/// Who is notified arrives here, and is put into the lock's line before anybody enters that or counts it. So it is as if he had been put there when
/// he was notified.
pub(crate) struct Arrivals {
    /// How many are apart, that is: wait for a notification, have arrived, or were handed the lock and have not run since.
    apart: Cell<usize>,
    /// Whose the lock is, while somebody is apart.
    whose: Cell<Whose>,
    /// How many have arrived.
    count: Cell<usize>,
    arrived: RefCell<VecDeque<Arrival>>,
    /// Where those who are apart find the seat that they have in the lock's line, once they do not wait for a notification any more.
    seats: RefCell<Slab<Option<Seat<(), ()>>>>,
}

/// One who is apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(usize);

/// Whose a lock is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Nobody's; then nobody is in line, and nobody has arrived.
    Nobodys,
    /// It was handed to one who is apart, and who was woken.
    Handed(Key),
    /// Somebody else's.
    Held,
}

/// One who was notified, and is to be woken when he has the lock.
pub(crate) struct Arrival {
    pub(crate) key: Key,
    /// None, if he was notified while he entered the condition's line.
    pub(crate) waker: Option<Waker>,
}

/// Nothing in it is half done while foreign code runs.
impl RefUnwindSafe for Arrivals {}

impl Arrivals {
    pub(crate) fn new() -> Rc<Arrivals> {
        Rc::new(Arrivals {
            apart: Cell::new(0),
            whose: Cell::new(Whose::Held),
            count: Cell::new(0),
            arrived: RefCell::new(VecDeque::new()),
            seats: RefCell::new(Slab::new()),
        })
    }

    #[inline]
    pub(crate) fn whose(&self) -> Whose {
        self.whose.get()
    }

    #[inline]
    pub(crate) fn set_whose(&self, whose: Whose) {
        self.whose.set(whose);
    }

    /// Takes the lock if it is nobody's.
    #[inline]
    pub(crate) fn take_for(&self, whose: Whose) -> bool {
        let is_free = self.whose.get() == Whose::Nobodys;
        if is_free {
            self.whose.set(whose);
        }
        is_free
    }

    /// One more is apart.
    #[inline]
    pub(crate) fn enter_apart(&self) -> Key {
        self.apart.set(self.apart.get() + 1);
        Key(self.seats.borrow_mut().insert(None))
    }

    /// Gives one who is apart the seat that was taken for him.
    pub(crate) fn seat(&self, key: Key, seat: Seat<(), ()>) {
        self.seats.borrow_mut()[key.0] = Some(seat);
    }

    /// Ends the key of one who goes on, or goes. `None`: he has no seat, and is still apart.
    #[inline]
    pub(crate) fn leave(&self, key: Key) -> Option<Seat<(), ()>> {
        let seats = &mut *self.seats.borrow_mut();
        let seat = seats.remove(key.0);
        if seats.is_empty() && seats.capacity() > KEPT {
            *seats = Slab::new();
        }
        seat
    }

    /// So many are apart no longer. Returns whether these were the last.
    #[inline]
    pub(crate) fn remove_apart(&self, count: usize) -> bool {
        self.apart.set(self.apart.get() - count);
        self.apart.get() == 0
    }

    /// Has nobody arrived?
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count.get() == 0
    }

    fn push(&self, arrival: Arrival) {
        self.count.set(self.count.get() + 1);
        self.arrived.borrow_mut().push_back(arrival);
    }

    /// The one who arrived first.
    #[inline]
    pub(crate) fn pop(&self) -> Option<Arrival> {
        if self.is_empty() {
            return None;
        }
        let count = self.count.get() - 1;
        self.count.set(count);
        let first = self.arrived.borrow_mut().pop_front();
        if count == KEPT {
            self.shrink();
        }
        first
    }

    #[cold]
    fn shrink(&self) {
        let arrived = &mut *self.arrived.borrow_mut();
        // Not by little, again and again.
        if arrived.capacity() > 4 * KEPT {
            arrived.shrink_to(2 * KEPT);
        }
    }
}

/// Where a condition finds the lock of one who waits for it.
pub(crate) struct Ticket {
    arrivals: Rc<Arrivals>,
    key: Key,
}

impl Ticket {
    pub(crate) fn new(arrivals: Rc<Arrivals>, key: Key) -> Ticket {
        Ticket { arrivals, key }
    }

    /// Takes the lock for the waiter if it is free. The caller wakes him.
    #[inline]
    pub(crate) fn take_lock(&self) -> bool {
        self.arrivals.take_for(Whose::Handed(self.key))
    }

    /// Puts the waiter behind all who want the lock now. He is woken when he has it.
    #[inline]
    pub(crate) fn arrive(self, waker: Option<Waker>) {
        self.arrivals.push(Arrival { key: self.key, waker });
    }
}
