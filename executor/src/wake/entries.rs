//! The entries of an inbox: whom to wake, at most one entry per slot.

use crate::raw::number::{Number, SLOT_MASK};

/// Numbers to wake, in the order in which they came: a sparse set. The place that is noted for a slot is valid only if the entry there is
/// really this slot's, so places need not be cleared.
#[derive(Default)]
pub(super) struct Entries {
    numbers: Vec<Number>,
    /// By slot: the index in `numbers` where its entry may be.
    place: Vec<u32>,
    /// `place` for the upper half of all slots, counted from the top: children that live in place.
    upper_place: Vec<u32>,
    /// There is an entry in the upper half.
    has_upper: bool,
}

impl Entries {
    pub(super) fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Moves all entries into `into`, which must be empty.
    pub(super) fn take(&mut self, into: &mut Vec<Number>) {
        std::mem::swap(&mut self.numbers, into);
        self.has_upper = false;
    }

    /// Is there an entry that may wake the task of that number, or a child that lives in one?
    pub(super) fn may_wake(&self, task: Number) -> bool {
        let entry = self.place.get(task.slot()).and_then(|place| self.numbers.get(*place as usize));
        self.has_upper || entry.is_some_and(|entry| entry.slot() == task.slot())
    }

    /// Gives back the room that more than so many entries took, or entries of slots beyond that many.
    pub(super) fn trim(&mut self, kept: usize) {
        self.numbers.shrink_to(kept);
        if self.is_empty() {
            // Without an entry no place is valid.
            for place in [&mut self.place, &mut self.upper_place] {
                place.truncate(kept);
                place.shrink_to(kept);
            }
        }
    }

    /// Adds a number. If there is another generation's of the same slot, the entry becomes "whoever is in this slot now".
    pub(super) fn insert(&mut self, number: Number) {
        let slot = number.slot();
        let (place, at) = match SLOT_MASK - slot {
            upper if upper < slot => (&mut self.upper_place, upper),
            _ => (&mut self.place, slot),
        };
        if at >= place.len() {
            place.resize(at + 1, u32::MAX);
        }
        match self.numbers.get_mut(place[at] as usize) {
            Some(entry) if entry.slot() == slot => {
                if *entry != number {
                    *entry = entry.anyone();
                }
            }
            _ => {
                place[at] = self.numbers.len() as u32;
                self.numbers.push(number);
                self.has_upper |= SLOT_MASK - slot < slot;
            }
        }
    }
}
