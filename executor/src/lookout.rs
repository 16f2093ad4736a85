//! The lookout: when a loop that has much to do looks at what comes from outside, through its park.

use std::cell::Cell;

/// How many polls there were when the park was called last.
///
/// There is a look after so many polls, if something is ready: otherwise a park follows. Nothing of it is in the loop's straight path: where there is a
/// driver, the loop looks after its timers at each turn, whether there are any or not, and that is where it asks.
pub(crate) struct Lookout {
    /// Otherwise there is nothing to look at.
    is_driver: Cell<bool>,
    /// What the ready queue had counted at the latest look or park.
    polls: Cell<u32>,
}

/// tokio's event interval is 61.
const POLLS: u32 = 64;

impl Lookout {
    pub(crate) fn new(is_driver: bool) -> Lookout {
        Lookout { is_driver: Cell::new(is_driver), polls: Cell::new(0) }
    }

    #[inline(always)]
    pub(crate) fn is_driver(&self) -> bool {
        self.is_driver.get()
    }

    /// From now on there is a driver to look at.
    pub(crate) fn has_driver_now(&self) {
        self.is_driver.set(true);
    }

    /// There were so many polls: is it time for a look?
    pub(crate) fn is_due(&self, polls: u32) -> bool {
        polls.wrapping_sub(self.polls.get()) >= POLLS
    }

    /// There is a look now, after so many polls.
    pub(crate) fn looked(&self, polls: u32) {
        self.polls.set(polls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_21_a_look_is_due_after_64_polls_and_the_count_comes_round() {
        let lookout = Lookout::new(true);
        assert!(!lookout.is_due(POLLS - 1) && lookout.is_due(POLLS));
        lookout.looked(POLLS);
        assert!(!lookout.is_due(2 * POLLS - 1) && lookout.is_due(2 * POLLS));
        lookout.looked(u32::MAX);
        assert!(!lookout.is_due(POLLS - 2) && lookout.is_due(POLLS - 1));
    }
}
