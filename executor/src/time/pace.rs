//! How often the loop looks at the clock while timers are armed.

use crate::time::{clock::ClockSource, instant::Instant};
use std::cell::Cell;

/// A look at the system's clock takes as long as three polls of a small task. A loop that has nothing to do but short
/// polls therefore does not look after each turn, but so often that timers are late by [`LATENESS`] at the most, judging by
/// how long polls took lately. Where polls are long it looks after each turn. Should they become long all of a sudden,
/// the first timer may be late by [`MOST`] of them, once.
///
/// A clock that a host or a test has supplied is looked at after every turn.
pub(crate) struct Pace {
    /// How many polls there may be between two looks.
    stride: Cell<u32>,
    /// What the ready queue had counted at the last look.
    polls: Cell<u32>,
    time: Cell<Instant>,
    most: u32,
}

/// In nanoseconds.
const LATENESS: u64 = 50_000;
const MOST: u32 = 32;

impl Pace {
    pub(crate) fn new(clock: &ClockSource) -> Pace {
        let most = if matches!(clock, ClockSource::System) { MOST } else { 0 };
        Pace { stride: Cell::new(0), polls: Cell::new(0), time: Cell::new(Instant(0)), most }
    }

    /// After a turn: is it time to look at the clock? Always so before the loop parks.
    #[inline(always)]
    pub(crate) fn is_due(&self, is_idle: bool, polls: u32) -> bool {
        is_idle || polls.wrapping_sub(self.polls.get()) >= self.stride.get()
    }

    pub(crate) fn looked(&self, now: Instant, polls: u32) {
        let polls = polls.wrapping_sub(self.polls.replace(polls));
        let time = now.0.saturating_sub(self.time.replace(now).0);
        let in_time = LATENESS * u64::from(polls) / time.max(1);
        self.stride.set(in_time.min(u64::from(self.most)) as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A turn of so many polls, which ends at that time, and leaves something ready.
    fn turn(pace: &Pace, polled: &mut u32, polls: u32, now: u64) {
        *polled += polls;
        if pace.is_due(false, *polled) {
            pace.looked(Instant(now), *polled);
        }
    }

    #[test]
    fn time_09_short_polls_share_a_look_at_the_clock_and_long_ones_do_not() {
        let (pace, mut polled) = (Pace::new(&ClockSource::System), 0);
        turn(&pace, &mut polled, 100, 1_000);
        turn(&pace, &mut polled, 100, 2_000);
        assert_eq!(pace.stride.get(), MOST, "ten nanoseconds a poll");
        turn(&pace, &mut polled, 100, 10_002_000);
        assert_eq!(pace.stride.get(), 0, "a hundred microseconds a poll");
    }

    #[test]
    fn time_09_a_supplied_clock_is_looked_at_after_every_turn() {
        let clock = ClockSource::Given(Box::new(crate::time::virtual_clock::VirtualClock::new()));
        let (pace, mut polled) = (Pace::new(&clock), 0);
        turn(&pace, &mut polled, 100, 1_000);
        assert_eq!(pace.stride.get(), 0);
        assert!(pace.is_due(false, polled));
    }
}
