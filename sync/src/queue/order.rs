//! In which order items come out.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
};

/// Storage larger than this is given back once the queue is empty.
const KEPT: usize = 1024;

/// Where a queue keeps its items, and which comes out next.
///
/// Each item has a number, given in the order in which they came in. An implementation must not use the queue that it
/// belongs to; nor must a comparison of items in a [`Priority`] order (the queue panics then).
pub trait Order<T>: Default {
    /// Takes an item in. Its number is higher than any before.
    fn push(&mut self, item: T, number: u64);

    /// The item whose turn it is.
    fn pop(&mut self) -> Option<T>;

    /// Takes an item back that `pop` gave, or would have given, to where it belongs by its number.
    fn put_back(&mut self, item: T, number: u64);

    /// The item to go without when there are too many.
    fn evict(&mut self) -> Option<T>;
}

/// First in, first out.
pub struct Fifo<T> {
    items: VecDeque<T>,
    /// What came back, the oldest last. All of these were put before any of `items`.
    returned: Vec<(u64, T)>,
}

impl<T> Order<T> for Fifo<T> {
    #[inline]
    fn push(&mut self, item: T, _: u64) {
        self.items.push_back(item);
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        if let Some((_, item)) = self.returned.pop() {
            return Some(item);
        }
        let item = self.items.pop_front();
        if self.items.is_empty() && self.items.capacity() > KEPT {
            self.items = VecDeque::new();
        }
        item
    }

    fn put_back(&mut self, item: T, number: u64) {
        let place = self.returned.partition_point(|(other, _)| *other > number);
        self.returned.insert(place, (number, item));
    }

    fn evict(&mut self) -> Option<T> {
        self.pop()
    }
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Fifo { items: VecDeque::new(), returned: Vec::new() }
    }
}

/// Last in, first out.
pub struct Lifo<T> {
    /// By number, the newest last.
    items: VecDeque<(u64, T)>,
}

impl<T> Order<T> for Lifo<T> {
    fn push(&mut self, item: T, number: u64) {
        self.items.push_back((number, item));
    }

    fn pop(&mut self) -> Option<T> {
        let (_, item) = self.items.pop_back()?;
        if self.items.is_empty() && self.items.capacity() > KEPT {
            self.items = VecDeque::new();
        }
        Some(item)
    }

    fn put_back(&mut self, item: T, number: u64) {
        let place = self.items.partition_point(|(other, _)| *other < number);
        self.items.insert(place, (number, item));
    }

    fn evict(&mut self) -> Option<T> {
        self.items.pop_front().map(|(_, item)| item)
    }
}

impl<T> Default for Lifo<T> {
    fn default() -> Self {
        Lifo { items: VecDeque::new() }
    }
}

/// Lowest first, and of equals the one that came first.
pub struct Priority<T> {
    items: BTreeSet<(T, u64)>,
}

impl<T: Ord> Order<T> for Priority<T> {
    fn push(&mut self, item: T, number: u64) {
        self.items.insert((item, number));
    }

    fn pop(&mut self) -> Option<T> {
        self.items.pop_first().map(|(item, _)| item)
    }

    fn put_back(&mut self, item: T, number: u64) {
        self.push(item, number);
    }

    fn evict(&mut self) -> Option<T> {
        self.items.pop_last().map(|(item, _)| item)
    }
}

impl<T> Default for Priority<T> {
    fn default() -> Self {
        Priority { items: BTreeSet::new() }
    }
}

impl<T> fmt::Debug for Fifo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fifo({} items)", self.items.len() + self.returned.len())
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
