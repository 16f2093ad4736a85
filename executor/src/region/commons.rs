//! What the regions of one executor share.

use crate::wake::seats::Seats;
use std::{cell::Cell, rc::Rc};

/// The seats, and counters by which a region finds out what has happened in others during its poll.
pub(crate) struct Commons {
    /// The seats of those that live inside futures.
    pub(super) seats: Rc<Seats>,
    reached: Cell<u64>,
    probes: Cell<u64>,
}

impl Commons {
    pub(crate) fn new(seats: Rc<Seats>) -> Commons {
        Commons { seats, reached: Cell::new(0), probes: Cell::new(0) }
    }

    /// How many clean-up points were polled for the first time after a cancellation.
    pub(crate) fn reached(&self) -> u64 {
        self.reached.get()
    }

    /// Counts a clean-up point that was polled for the first time after a cancellation.
    pub(crate) fn count_reached(&self) {
        self.reached.set(self.reached.get() + 1);
    }

    /// How many probes there were: how often those that clean up were asked whether anybody polls them.
    pub(crate) fn probes(&self) -> u64 {
        self.probes.get()
    }

    /// Counts a probe. Returns how many there were.
    pub(crate) fn count_probe(&self) -> u64 {
        self.probes.set(self.probes.get() + 1);
        self.probes.get()
    }
}
