//! The order of a queue: in which order items come out.

use crate::raw::ring_buffer::RingBuffer;
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, VecDeque},
    fmt,
};

/// Storage of this size and more is given back when less than one in so many places is used.
const KEPT: usize = 1024;

/// Where a queue keeps its items, and which comes out next.
///
/// An item leaves with a number, by which it finds back to where it was if it comes back. An implementation must not use the queue that it
/// belongs to; nor must a comparison of items in a [`Priority`] order (the order panics then). If a comparison panics, the item that was
/// to be taken in may be lost with it; the queue goes on without.
pub trait Order<T>: Default {
    /// How many items are in here.
    fn len(&self) -> usize;

    /// Is nothing in here?
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes an item in.
    fn push(&self, item: T);

    /// The item whose turn it is, and its number.
    fn pop(&self) -> Option<(T, u64)>;

    /// The number of an item that comes and goes at once, where nothing is in here.
    fn pass(&self) -> u64;

    /// Takes an item back that has left with this number, to where it was among the others.
    fn put_back(&self, item: T, number: u64);

    /// The item to go without when there are too many, and its number.
    fn evict(&self) -> Option<(T, u64)>;
}

/// The order of a [`Queue`](super::Queue): first in, first out.
pub struct Fifo<T> {
    ring: RingBuffer<T>,
    /// With so many items or fewer in the ring, the next one is taken after a closer look: there is none, they have far too many slots, or some
    /// came back.
    few: Cell<usize>,
    /// The numbers of the first items: of those that came back, and of those that moved for them. All others have their places as their
    /// numbers.
    returned: RefCell<VecDeque<u64>>,
}

impl<T> Order<T> for Fifo<T> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.ring.len()
    }

    #[inline(always)]
    fn push(&self, item: T) {
        if let Err(item) = self.ring.push_back(item) {
            self.grow();
            let _ = self.ring.push_back(item);
        }
    }

    #[inline(always)]
    fn pop(&self) -> Option<(T, u64)> {
        let len = self.ring.len();
        if len > self.few.get() {
            return self.ring.pop_front();
        }
        if len == 0 { None } else { self.pop_closely() }
    }

    #[inline(always)]
    fn pass(&self) -> u64 {
        self.ring.pass()
    }

    /// Whichever are fewer move past the item: those before it or those behind it.
    fn put_back(&self, item: T, number: u64) {
        if self.ring.len() == self.ring.slots() {
            self.grow();
        }
        let mut returned = self.returned.borrow_mut();
        let before = returned.partition_point(|other| *other < number);
        let behind = self.ring.len() - before;
        if before <= behind {
            let _ = self.ring.push_front(item);
            self.ring.sink_front(before);
        } else {
            // Those behind get other places, so their numbers are noted.
            let noted = returned.len();
            returned.extend(self.ring.places(noted));
            let _ = self.ring.push_back(item);
            self.ring.raise_back(behind);
        }
        returned.insert(before, number);
        self.few.set(usize::MAX);
    }

    fn evict(&self) -> Option<(T, u64)> {
        self.pop()
    }
}

impl<T> Fifo<T> {
    #[cold]
    #[inline(never)]
    fn grow(&self) {
        let least = if size_of::<T>() > 1024 { 1 } else { 4 };
        self.resize(self.ring.slots().checked_mul(2).expect("capacity overflow").max(least));
    }

    fn resize(&self, slots: usize) {
        self.ring.resize(slots);
        self.count_few();
    }

    fn count_few(&self) {
        let all_are_numbered = self.returned.borrow().is_empty();
        self.few.set(if all_are_numbered { self.ring.slots() / KEPT } else { usize::MAX });
    }

    /// Takes the first item, its number from the list of those that came back, and gives slots back that are not needed.
    #[cold]
    #[inline(never)]
    fn pop_closely(&self) -> Option<(T, u64)> {
        let (item, place) = self.ring.pop_front()?;
        let number = self.returned.borrow_mut().pop_front();
        if self.ring.slots() / KEPT > self.ring.len() {
            self.resize(self.ring.len());
            self.returned.borrow_mut().shrink_to_fit();
        }
        self.count_few();
        Some((item, number.unwrap_or(place)))
    }
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Fifo { ring: RingBuffer::new(), few: Cell::new(0), returned: RefCell::default() }
    }
}

/// The order of a [`LifoQueue`](super::LifoQueue): last in, first out.
pub struct Lifo<T> {
    /// The items by number, the newest last.
    items: RefCell<VecDeque<(T, u64)>>,
    numbers: Numbers,
}

impl<T> Order<T> for Lifo<T> {
    fn len(&self) -> usize {
        self.items.borrow().len()
    }

    fn push(&self, item: T) {
        self.items.borrow_mut().push_back((item, self.numbers.next()));
    }

    fn pop(&self) -> Option<(T, u64)> {
        let mut items = self.items.borrow_mut();
        let item = items.pop_back()?;
        give_back_storage(&mut items);
        Some(item)
    }

    fn pass(&self) -> u64 {
        self.numbers.next()
    }

    fn put_back(&self, item: T, number: u64) {
        let mut items = self.items.borrow_mut();
        let place = items.partition_point(|(_, other)| *other < number);
        items.insert(place, (item, number));
    }

    fn evict(&self) -> Option<(T, u64)> {
        self.items.borrow_mut().pop_front()
    }
}

/// Gives storage back that is not needed, after an item was taken out.
fn give_back_storage<T>(items: &mut VecDeque<(T, u64)>) {
    // One look tells: the storage is large, and next to nothing is left in it.
    if items.capacity() / KEPT > items.len() {
        items.shrink_to_fit();
    }
}

impl<T> Default for Lifo<T> {
    fn default() -> Self {
        Lifo { items: RefCell::default(), numbers: Numbers::default() }
    }
}

/// The order of a [`PriorityQueue`](super::PriorityQueue): lowest first, and of equals the one that came first.
pub struct Priority<T> {
    items: RefCell<BTreeSet<(T, u64)>>,
    /// How many there are, beside them so that a comparison can ask for it.
    len: Cell<usize>,
    numbers: Numbers,
}

impl<T: Ord> Order<T> for Priority<T> {
    fn len(&self) -> usize {
        self.len.get()
    }

    fn push(&self, item: T) {
        self.put_back(item, self.numbers.next());
    }

    fn pop(&self) -> Option<(T, u64)> {
        self.count_out(self.items.borrow_mut().pop_first()?)
    }

    fn pass(&self) -> u64 {
        self.numbers.next()
    }

    fn put_back(&self, item: T, number: u64) {
        // A comparison may panic: what was not taken in is not counted.
        self.items.borrow_mut().insert((item, number));
        self.len.set(self.len.get() + 1);
    }

    fn evict(&self) -> Option<(T, u64)> {
        self.count_out(self.items.borrow_mut().pop_last()?)
    }
}

impl<T> Priority<T> {
    fn count_out(&self, item: (T, u64)) -> Option<(T, u64)> {
        self.len.set(self.len.get() - 1);
        Some(item)
    }
}

impl<T> Default for Priority<T> {
    fn default() -> Self {
        Priority { items: RefCell::default(), len: Cell::new(0), numbers: Numbers::default() }
    }
}

/// Numbers for items, in the order in which they come in.
#[derive(Default)]
struct Numbers(Cell<u64>);

impl Numbers {
    fn next(&self) -> u64 {
        let number = self.0.get();
        self.0.set(number + 1);
        number
    }
}

impl<T> fmt::Debug for Fifo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fifo({} items)", self.ring.len())
    }
}

impl<T> fmt::Debug for Lifo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lifo({} items)", self.items.borrow().len())
    }
}

impl<T> fmt::Debug for Priority<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Priority({} items)", self.len.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_that_are_not_needed_are_given_back() {
        let fifo = Fifo::default();
        (0..4096).for_each(|n| fifo.push(n));
        (0..4092).for_each(|n| assert_eq!(fifo.pop(), Some((n, n as u64))));
        assert_eq!((fifo.len(), fifo.ring.slots()), (4, 4096));
        assert_eq!(fifo.pop(), Some((4092, 4092)));
        assert_eq!((fifo.len(), fifo.ring.slots()), (3, 4));
        assert_eq!(fifo.pop(), Some((4093, 4093)));
    }

    #[test]
    fn a_few_slots_stay_for_those_who_come_and_go() {
        let fifo = Fifo::default();
        for n in 0..100 {
            fifo.push(n);
            assert_eq!(fifo.pop(), Some((n, n)));
        }
        assert_eq!((fifo.len(), fifo.ring.slots(), fifo.few.get()), (0, 4, 0));
    }

    #[test]
    fn after_what_came_back_the_others_have_their_places_as_numbers_again() {
        let fifo = Fifo::default();
        (0..3).for_each(|n| fifo.push(n));
        let first = fifo.pop().unwrap();
        fifo.put_back(first.0, first.1);
        assert_eq!(fifo.few.get(), usize::MAX);
        assert_eq!([fifo.pop(), fifo.pop(), fifo.pop(), fifo.pop()], [Some((0, 0)), Some((1, 1)), Some((2, 2)), None]);
        assert_eq!((fifo.pass(), fifo.few.get()), (3, 0));
    }

    #[test]
    fn of_what_comes_back_the_fewer_move() {
        let fifo = Fifo::default();
        let all_out = || {
            (0..100).for_each(|n| fifo.push(n));
            std::iter::from_fn(|| fifo.pop()).collect::<Vec<_>>()
        };
        let first = || fifo.ring.places(0).next();
        // The first one lies before the others, which come behind it: none moves.
        let out = all_out();
        out.iter().for_each(|(item, number)| fifo.put_back(*item, *number));
        assert_eq!(first(), Some(99));
        assert_eq!(std::iter::from_fn(|| fifo.pop()).collect::<Vec<_>>(), out);
        // Each comes before the others.
        let out = all_out();
        let head = fifo.ring.pass() + 1;
        out.iter().rev().for_each(|(item, number)| fifo.put_back(*item, *number));
        assert_eq!(first(), Some(head - 100));
        assert_eq!(std::iter::from_fn(|| fifo.pop()).collect::<Vec<_>>(), out);
        // Two are behind all of them, and move when they are fewer; what comes then has a higher number.
        let mut out = all_out();
        let head = fifo.ring.pass() + 1;
        (100..102).for_each(|n| fifo.push(n));
        out.iter().for_each(|(item, number)| fifo.put_back(*item, *number));
        assert_eq!(first(), Some(head - 3));
        fifo.push(102);
        out.extend([(100, head), (101, head + 1), (102, head + 2 + 97)]);
        assert_eq!(std::iter::from_fn(|| fifo.pop()).collect::<Vec<_>>(), out);
    }
}
