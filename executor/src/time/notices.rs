//! When silent waits are told of.

use crate::real_time::real_now;
use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// When an executor tells of its silent waits.
pub(crate) struct Notices {
    /// How long each may last unheard of.
    pub(crate) after: Duration,
    /// Since when the executor closes, unless that was told of.
    closes: Cell<Option<Since>>,
}

/// When something began, if that is to be known.
#[derive(Clone, Copy)]
struct Since(Option<Instant>);

impl Notices {
    pub(crate) const USUAL: Duration = Duration::from_secs(1);

    pub(crate) fn new(after: Duration) -> Notices {
        Notices { after, closes: Cell::new(None) }
    }

    /// From now on the executor waits for its end.
    pub(crate) fn begin_close(&self) {
        self.closes.set(match self.after {
            Duration::MAX => None,
            Duration::ZERO => Some(Since(None)),
            // Where there is no clock, none of it is told of.
            _ => real_now().map(|now| Since(Some(now))),
        });
    }

    /// The wait for the end was told of.
    pub(crate) fn end_is_told(&self) {
        self.closes.set(None);
    }

    /// How long the executor's end may still take unheard of. `None` if it does not end, or was told of.
    pub(crate) fn end_in(&self) -> Option<Duration> {
        let Since(begun) = self.closes.get()?;
        Some(begun.map_or(Duration::ZERO, |begun| self.after.saturating_sub(begun.elapsed())))
    }
}
