//! The order of a queue: in which order items come out.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
};

/// Storage of this size and more is given back when less than one in so many places is used.
const KEPT: usize = 1024;

/// Where a queue keeps its items, and which comes out next.
///
/// Each item has a number of its own, given in the order in which they came in, which stays with it when it comes back. An
/// implementation must not use the queue that it belongs to; nor must a comparison of items in a [`Priority`] order (the queue
/// panics then). If a comparison panics, the item that was to be taken in may be lost with it; the queue goes on without.
pub trait Order<T>: Default {
    /// Takes an item in. Its number is higher than any before.
    fn push(&mut self, item: T, number: u64);

    /// The item whose turn it is, and its number.
    fn pop(&mut self) -> Option<(T, u64)>;

    /// Takes an item back that `pop` or `evict` gave, or would have given, to where it belongs by its number.
    fn put_back(&mut self, item: T, number: u64);

    /// The item to go without when there are too many, and its number.
    fn evict(&mut self) -> Option<(T, u64)>;
}

/// The order of a [`Queue`](super::Queue): first in, first out.
pub struct Fifo<T> {
    /// The items by number, the oldest first.
    items: VecDeque<(T, u64)>,
}

impl<T> Order<T> for Fifo<T> {
    #[inline]
    fn push(&mut self, item: T, number: u64) {
        self.items.push_back((item, number));
    }

    #[inline]
    fn pop(&mut self) -> Option<(T, u64)> {
        let item = self.items.pop_front()?;
        give_back_storage(&mut self.items);
        Some(item)
    }

    fn put_back(&mut self, item: T, number: u64) {
        put_back(&mut self.items, item, number);
    }

    fn evict(&mut self) -> Option<(T, u64)> {
        self.pop()
    }
}

/// Gives storage back that is not needed, after an item was taken out.
#[inline(always)]
fn give_back_storage<T>(items: &mut VecDeque<(T, u64)>) {
    // One look tells: the storage is large, and next to nothing is left in it.
    if items.capacity() / KEPT > items.len() {
        shrink(items);
    }
}

#[cold]
fn shrink<T>(items: &mut VecDeque<(T, u64)>) {
    items.shrink_to_fit();
}

fn put_back<T>(items: &mut VecDeque<(T, u64)>, item: T, number: u64) {
    let place = items.partition_point(|(_, other)| *other < number);
    items.insert(place, (item, number));
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Fifo { items: VecDeque::new() }
    }
}

/// The order of a [`LifoQueue`](super::LifoQueue): last in, first out.
pub struct Lifo<T> {
    /// The items by number, the newest last.
    items: VecDeque<(T, u64)>,
}

impl<T> Order<T> for Lifo<T> {
    fn push(&mut self, item: T, number: u64) {
        self.items.push_back((item, number));
    }

    fn pop(&mut self) -> Option<(T, u64)> {
        let item = self.items.pop_back()?;
        give_back_storage(&mut self.items);
        Some(item)
    }

    fn put_back(&mut self, item: T, number: u64) {
        put_back(&mut self.items, item, number);
    }

    fn evict(&mut self) -> Option<(T, u64)> {
        self.items.pop_front()
    }
}

impl<T> Default for Lifo<T> {
    fn default() -> Self {
        Lifo { items: VecDeque::new() }
    }
}

/// The order of a [`PriorityQueue`](super::PriorityQueue): lowest first, and of equals the one that came first.
pub struct Priority<T> {
    items: BTreeSet<(T, u64)>,
}

impl<T: Ord> Order<T> for Priority<T> {
    fn push(&mut self, item: T, number: u64) {
        self.items.insert((item, number));
    }

    fn pop(&mut self) -> Option<(T, u64)> {
        self.items.pop_first()
    }

    fn put_back(&mut self, item: T, number: u64) {
        self.push(item, number);
    }

    fn evict(&mut self) -> Option<(T, u64)> {
        self.items.pop_last()
    }
}

impl<T> Default for Priority<T> {
    fn default() -> Self {
        Priority { items: BTreeSet::new() }
    }
}

impl<T> fmt::Debug for Fifo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fifo({} items)", self.items.len())
    }
}

impl<T> fmt::Debug for Lifo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lifo({} items)", self.items.len())
    }
}

impl<T> fmt::Debug for Priority<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Priority({} items)", self.items.len())
    }
}
