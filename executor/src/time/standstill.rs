//! Time that stands still while somebody waits for it.

use crate::{real_time::real_now, time::instant::Instant};
use std::{cell::Cell, time::Duration};

/// How long a clock that jumps has not jumped, in real time, since a job was out or somebody held it. One that lasts is
/// told of, once.
#[derive(Default)]
pub(crate) struct Standstill {
    /// What the clock shows, and since when, where that can be told.
    since: Cell<Option<(Instant, Option<std::time::Instant>)>>,
    is_told: Cell<bool>,
}

/// What is to be done about a standstill.
pub(crate) enum Patience {
    /// Wait, and look again after that time at the latest.
    Wait(Duration),
    /// Tell of it.
    Tell,
}

impl Standstill {
    /// The clock shows `now`, is not to jump, and is waited for. `patience` says how long that may last unheard of.
    pub(crate) fn look(&self, now: Instant, patience: Duration) -> Patience {
        let since = match self.since.get() {
            Some((shown, since)) if shown == now => since,
            _ => {
                let since = real_now();
                self.since.set(Some((now, since)));
                self.is_told.set(false);
                since
            }
        };
        if self.is_told.get() {
            return Patience::Wait(Duration::MAX);
        }
        match patience.checked_sub(since.map_or(Duration::ZERO, |since| since.elapsed())) {
            Some(left) if !left.is_zero() => Patience::Wait(left),
            _ => {
                self.is_told.set(true);
                Patience::Tell
            }
        }
    }

    /// The clock jumps again.
    pub(crate) fn is_over(&self) {
        self.since.set(None);
    }
}
