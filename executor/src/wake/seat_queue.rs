//! Seats, and the queues of the children in them: what a set is made of.

use crate::raw::number::Number;

/// A place for a child.
#[derive(Clone, Copy)]
pub(crate) struct Seat {
    /// The child's number; in a vacant seat, the next child's.
    pub(crate) number: Number,
    /// The key behind this one in the queue, or in the list of vacant seats.
    pub(crate) next: u32,
    /// The key before this one in the queue. The first one's says only that it is in one.
    pub(crate) before: u32,
}

/// There is no key.
pub(crate) const NONE: u32 = u32::MAX;
/// In `before`: the child is in no queue.
pub(crate) const WAITING: u32 = u32::MAX;
/// In `before`: there is no child.
pub(crate) const VACANT: u32 = u32::MAX - 1;

/// Children in a row, each of which knows the next one: waking never allocates.
#[derive(Clone, Copy)]
pub(crate) struct Queue {
    /// `NONE` if there is none.
    pub(crate) first: u32,
    /// Of an empty queue it means nothing.
    pub(crate) last: u32,
}

impl Default for Queue {
    fn default() -> Queue {
        Queue { first: NONE, last: 0 }
    }
}

impl Queue {
    #[inline(always)]
    pub(crate) fn push(&mut self, seats: &mut [Seat], key: u32) {
        let seat = &mut seats[key as usize];
        (seat.next, seat.before) = (NONE, self.last);
        if self.first == NONE {
            self.first = key;
        } else {
            seats[self.last as usize].next = key;
        }
        self.last = key;
    }

    #[inline(always)]
    pub(crate) fn pop(&mut self, seats: &mut [Seat]) -> Option<(u32, Number)> {
        let key = self.first;
        let seat = seats.get_mut(key as usize)?;
        self.first = seat.next;
        seat.before = WAITING;
        Some((key, seat.number))
    }

    #[inline(always)]
    pub(crate) fn append(&mut self, seats: &mut [Seat], behind: Queue) {
        if self.first == NONE {
            *self = behind;
        } else if let Some(seat) = seats.get_mut(behind.first as usize) {
            seat.before = self.last;
            seats[self.last as usize].next = behind.first;
            self.last = behind.last;
        }
    }

    /// The keys in it.
    pub(crate) fn keys(self, seats: &[Seat]) -> impl Iterator<Item = u32> + '_ {
        let behind = |key: &u32| seats.get(*key as usize).map(|seat| seat.next);
        std::iter::successors(Some(self.first), behind).take_while(|key| *key != NONE)
    }
}
