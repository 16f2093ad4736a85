//! The lookout: when a loop that has much to do looks at what comes from outside, through its park.

use crate::time::instant::Instant;
use std::cell::Cell;

/// How long ago the park was called.
///
/// There is a look when so many polls or so much time went by, and something is ready: otherwise a park follows. Both are measured from the
/// latest look or park; the time from the first look at the clock after that. Nothing of it is in the loop's straight path: where there is a driver, the loop looks after its timers at each turn,
/// whether there are any or not, and that is where it asks. Where nobody knows the time, on a target without a clock, polls alone count.
pub(crate) struct Lookout {
    /// Otherwise there is nothing to look at.
    is_driver: bool,
    /// What the ready queue had counted at the latest look.
    polls: Cell<u32>,
    /// The time at the first look at the clock since then; `None` before that.
    time: Cell<Option<Instant>>,
}

/// tokio's event interval is 61.
const POLLS: u32 = 64;
/// In nanoseconds.
const TIME: u64 = 100_000;

impl Lookout {
    pub(crate) fn new(is_driver: bool) -> Lookout {
        Lookout { is_driver, polls: Cell::new(0), time: Cell::new(None) }
    }

    #[inline(always)]
    pub(crate) fn is_driver(&self) -> bool {
        self.is_driver
    }

    /// It is so late, if that is known, and there were so many polls: is it time for a look?
    pub(crate) fn is_due(&self, now: Option<Instant>, polls: u32) -> bool {
        let since = self.time.get().or(now);
        self.time.set(since);
        let is_late = now.zip(since).is_some_and(|(now, since)| now.0.saturating_sub(since.0) >= TIME);
        polls.wrapping_sub(self.polls.get()) >= POLLS || is_late
    }

    /// There is a look now, after so many polls.
    pub(crate) fn looked(&self, polls: u32) {
        self.polls.set(polls);
        self.time.set(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_21_a_look_is_due_after_64_polls_or_100_microseconds() {
        let lookout = Lookout::new(true);
        assert!(!lookout.is_due(Some(Instant(7)), 1));
        assert!(!lookout.is_due(Some(Instant(TIME + 6)), POLLS - 1));
        assert!(lookout.is_due(Some(Instant(TIME + 7)), 1) && lookout.is_due(Some(Instant(7)), POLLS));
        lookout.looked(POLLS);
        assert!(
            !lookout.is_due(Some(Instant(3 * TIME)), 2 * POLLS - 1),
            "the time begins to count at the next look at the clock"
        );
        assert!(lookout.is_due(Some(Instant(4 * TIME)), POLLS) && lookout.is_due(Some(Instant(3 * TIME)), 2 * POLLS));
    }

    #[test]
    fn fault_21_the_count_of_polls_comes_round_and_a_clock_may_step_back() {
        let lookout = Lookout::new(true);
        lookout.looked(u32::MAX);
        assert!(!lookout.is_due(Some(Instant(TIME)), POLLS - 2) && !lookout.is_due(Some(Instant(0)), POLLS - 2));
        assert!(lookout.is_due(Some(Instant(0)), POLLS - 1));
    }

    #[test]
    fn fault_21_without_a_clock_a_look_is_due_after_64_polls() {
        let lookout = Lookout::new(true);
        assert!(!lookout.is_due(None, POLLS - 1) && lookout.is_due(None, POLLS));
        lookout.looked(POLLS);
        assert!(!lookout.is_due(None, 2 * POLLS - 1) && lookout.is_due(None, 2 * POLLS));
    }
}
