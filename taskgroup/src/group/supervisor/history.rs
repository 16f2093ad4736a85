//! When a child was restarted.

use super::restart::Restart;
use evenkeel_executor::Instant;
use std::{collections::VecDeque, time::Duration};

/// The restarts of one child, as far as they matter for the next: no more than its limit.
#[derive(Default)]
pub(super) struct History {
    /// The times of the last runs that were not the first, also of one that is still to begin.
    recent: VecDeque<Instant>,
    /// How many runs have ended one after the other, none of which was steady.
    in_a_row: u32,
}

impl History {
    /// A run has ended which has lasted so long, and another one is to follow: how long to wait before that. `None`: there may be no other.
    pub(super) fn next_wait(&mut self, restart: &Restart, lasted: Duration, now: Instant) -> Option<Duration> {
        if restart.is_steady(lasted) {
            self.in_a_row = 0;
        }
        let wait = restart.wait(self.in_a_row);
        self.in_a_row = self.in_a_row.saturating_add(1);
        if let Some((most, period)) = restart.limit_of_restarts() {
            let begins = now + wait;
            while self.recent.front().is_some_and(|then| begins - *then >= period) {
                self.recent.pop_front();
            }
            if self.recent.len() >= most {
                return None;
            }
            self.recent.push_back(begins);
        }
        Some(wait)
    }
}
