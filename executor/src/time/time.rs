//! An executor's time: its clock, its timers, and how often the one is looked at for the other.

use crate::{
    raw::lent::Lent,
    raw::lent::OnThread,
    time::{clock::ClockSource, instant::Instant, pace::Pace, standstill::Standstill, timers::Timers},
};
use std::{rc::Rc, time::Duration};

thread_local! {
    /// The time of the executor whose code runs on this thread.
    pub(crate) static TIME: Lent<Time> = const { Lent::none() };
}

pub(crate) struct Time {
    pub(crate) timers: Rc<Timers>,
    pub(crate) clock: ClockSource,
    pub(crate) pace: Pace,
    pub(crate) standstill: Standstill,
}

impl Time {
    pub(crate) fn new(clock: ClockSource) -> Time {
        Time { timers: Rc::new(Timers::new()), pace: Pace::new(&clock), standstill: Standstill::default(), clock }
    }
}

impl Instant {
    /// The current executor's time; outside an executor the system's.
    ///
    /// The system clock's origin is the first call in the process. It is monotonic. An instant means something on its own clock only: one
    /// that is taken outside of an executor whose clock is another is no deadline for that executor's sleeps. (Durations are: `sleep` and
    /// `timeout` begin to count where they are polled.)
    ///
    /// # Panics
    ///
    /// Outside an executor on targets that have no clock, as `wasm32-unknown-unknown`.
    pub fn now() -> Instant {
        Instant::here().unwrap_or_else(|| ClockSource::System.now())
    }

    /// The current executor's time.
    pub(crate) fn here() -> Option<Instant> {
        TIME.look(|time| time.map(|time| time.clock.now()))
    }

    /// The time from this point to now; zero if it is yet to come.
    pub fn elapsed(self) -> Duration {
        Instant::now().saturating_duration_since(self)
    }
}
