//! A growing row of values that never move.

use super::place::Place;
use alloc::{boxed::Box, vec::Vec};
use core::{fmt, pin::Pin, ptr};

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
    more: Option<Box<Pieces<T>>>,
    len: usize,
}

/// The pieces of memory behind the first one, once there was one. The first of them is as long as `first` (or [`LEAST`]), each further one twice
/// as long as that before it.
struct Pieces<T>(Vec<Pin<Box<[Place<T>]>>>);

/// How many places a piece of memory has at least, but the first.
const LEAST: usize = 4;

impl<T> PinnedRow<T> {
    /// A row without places.
    pub fn new() -> PinnedRow<T> {
        PinnedRow { first: Box::into_pin(Box::default()), first_len: 0, more: None, len: 0 }
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
            if index >= self.first_len {
                self.make_room(index);
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

    /// Sees to it that there is a piece for that place, the next one behind the last.
    fn make_room(&mut self, index: usize) {
        let (piece, unit) = (self.locate(index).0, self.unit());
        let Pieces(pieces) = &mut **self.more.get_or_insert_with(|| Box::new(Pieces(Vec::new())));
        if piece == pieces.len() {
            pieces.push(Box::into_pin((0..unit << piece).map(|_| Place::empty()).collect()));
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
        let (piece, at) = if index < self.first_len { (self.first.as_mut(), index) } else { self.piece_behind(index)? };
        // SAFETY: an element of a pinned slice is as pinned as the slice: nothing here ever moves one out, pieces are boxed
        // slices that are neither resized nor moved out of, and they are dropped in place with the row. `Unpin` of the row
        // does not matter, as it only owns the boxes. The piece has that place: `first_len` is how long the first is, and
        // `piece_behind` has checked it for any other. (`get_mut` of a slice takes a plain reference to all of it.)
        Some(unsafe { piece.map_unchecked_mut(|piece| &mut *ptr::from_mut(piece).cast::<Place<T>>().add(at)) })
    }

    /// The piece where a place lies that is not in the first, and where in there.
    #[inline(never)]
    fn piece_behind(&mut self, index: usize) -> Option<(Pin<&mut [Place<T>]>, usize)> {
        if index >= self.len {
            return None;
        }
        let (piece, at) = self.locate(index);
        assert!(at < self.unit() << piece, "a place lies outside of its piece");
        Some((self.more.as_mut()?.0[piece].as_mut(), at))
    }
}

/// A row with as many places, all in one piece.
impl<T> FromIterator<Option<T>> for PinnedRow<T> {
    fn from_iter<I: IntoIterator<Item = Option<T>>>(values: I) -> PinnedRow<T> {
        let first: Box<[Place<T>]> = values.into_iter().map(Place::from).collect();
        let len = first.len();
        PinnedRow { first: Box::into_pin(first), first_len: len, more: None, len }
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
