//! A growing row of values that never move.

use super::place::Place;
use alloc::{boxed::Box, vec::Vec};
use core::{fmt, pin::Pin};

/// A growing row of places for values that never move, in a few large pieces of memory: where a combinator keeps its futures.
///
/// ```
/// use evenkeel::combinator::PinnedRow;
///
/// let mut row: PinnedRow<_> = [Some("a"), Some("b")].into_iter().collect();
/// row.put(2, "c");
/// assert_eq!(row.get(2).as_deref(), Some(&"c"));
/// row.remove(0);
/// assert_eq!((row.len(), row.get(0)), (3, None));
/// ```
///
/// A value can only be reached as `Pin<&mut T>`: a plain reference to a future that is half-way would touch what that has borrowed
/// from itself. Whether a place has one is noted beside it, as in a [`Place`].
pub struct PinnedRow<T> {
    first: Pin<Box<[Place<T>]>>,
    /// How long that is, whatever it is. To ask the box would be a reference to all values.
    first_len: usize,
    /// The first of them is as long as `first` (or [`LEAST`]), each further one twice as long as that before it.
    more: Vec<Pin<Box<[Place<T>]>>>,
    len: usize,
}

/// How many places a piece of memory has at least, but the first.
const LEAST: usize = 4;

impl<T> PinnedRow<T> {
    /// A row without places.
    pub fn new() -> PinnedRow<T> {
        PinnedRow { first: Box::into_pin(Box::default()), first_len: 0, more: Vec::new(), len: 0 }
    }

    /// How many places there are, with and without a value.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Are there no places?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts a value into a place that is empty, or the next one behind the last.
    ///
    /// # Panics
    ///
    /// If the place has a value, or lies farther away.
    #[track_caller]
    pub fn put(&mut self, index: usize, value: T) {
        assert!(index <= self.len, "place {index} of a row of {} lies too far away", self.len);
        if index == self.len {
            if index >= self.first_len && self.locate(index).0 == self.more.len() {
                let length = self.unit() << self.more.len();
                self.more.push(Box::into_pin((0..length).map(|_| Place::empty()).collect()));
            }
            self.len += 1;
        }
        if let Some(mut place) = self.place(index) {
            assert!(!place.as_mut().is_taken(), "place {index} of a row has a value");
            place.put(value);
        }
    }

    /// The value in a place.
    #[inline(always)]
    pub fn get(&mut self, index: usize) -> Option<Pin<&mut T>> {
        self.place(index)?.get()
    }

    /// Drops the value in a place, there. Its destructor's panic goes on, and the place is empty.
    pub fn remove(&mut self, index: usize) {
        if let Some(place) = self.place(index) {
            place.clear();
        }
    }

    fn unit(&self) -> usize {
        self.first_len.max(LEAST)
    }

    /// Where a place lies that is not in the first piece.
    fn locate(&self, index: usize) -> (usize, usize) {
        let index = index - self.first_len;
        let piece = (index / self.unit() + 1).ilog2();
        (piece as usize, index - self.unit() * ((1 << piece) - 1))
    }

    /// The place, if it exists.
    #[inline(always)]
    fn place(&mut self, index: usize) -> Option<Pin<&mut Place<T>>> {
        if index < self.first_len { Some(place_in(self.first.as_mut(), index)) } else { self.place_behind(index) }
    }

    #[inline(never)]
    fn place_behind(&mut self, index: usize) -> Option<Pin<&mut Place<T>>> {
        if index >= self.len {
            return None;
        }
        let (piece, at) = self.locate(index);
        Some(place_in(self.more[piece].as_mut(), at))
    }
}

/// A place that exists.
#[inline(always)]
fn place_in<T>(piece: Pin<&mut [Place<T>]>, at: usize) -> Pin<&mut Place<T>> {
    // SAFETY: an element of a pinned slice is as pinned as the slice: nothing here ever moves one out, pieces are boxed
    // slices that are neither resized nor moved out of, and they are dropped in place with the row. `Unpin` of the row
    // does not matter, as it only owns the boxes. (`get_mut` of a slice takes a plain reference to all of it.)
    unsafe { piece.map_unchecked_mut(|piece| &mut piece[at]) }
}

/// A row with as many places, all in one piece.
impl<T> FromIterator<Option<T>> for PinnedRow<T> {
    fn from_iter<I: IntoIterator<Item = Option<T>>>(values: I) -> PinnedRow<T> {
        let first: Box<[Place<T>]> = values.into_iter().map(Place::from).collect();
        let len = first.len();
        PinnedRow { first: Box::into_pin(first), first_len: len, more: Vec::new(), len }
    }
}

impl<T> Default for PinnedRow<T> {
    fn default() -> PinnedRow<T> {
        PinnedRow::new()
    }
}

impl<T> fmt::Debug for PinnedRow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinnedRow({})", self.len)
    }
}
