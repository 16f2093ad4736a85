//! An executor's time: its clock, its timers, and how often the one is looked at for the other.

use crate::{
    entered::Entries,
    raw::lent::Lent,
    raw::lent::OnThread,
    time::{clock::ClockSource, instant::Instant, pace::Pace, standstill::Standstill, timers::Timers},
};
use std::{rc::Rc, time::Duration};

thread_local! {
    /// The time of the executor whose code runs on this thread.
    pub(crate) static TIME: Lent<Time> = const { Lent::none() };
    /// Whose clock counts where no executor's code runs.
    pub(crate) static CLOCKS: Entries<dyn Timekeeper> = const { Entries::none() };
}

/// An executor, as it was entered for its time.
pub(crate) trait Timekeeper {
    fn time(&self) -> &Time;
}

/// Calls `f` with the time of the current executor, or of the one that was entered.
pub(crate) fn with_time<R>(f: impl FnOnce(Option<&Time>) -> R) -> R {
    TIME.look(|time| match time {
        Some(time) => f(Some(time)),
        None => f(CLOCKS.with(Entries::current).as_deref().map(Timekeeper::time)),
    })
}

/// Calls `f` with the clock of that one.
fn with_clock<R>(f: impl FnOnce(Option<&ClockSource>) -> R) -> R {
    with_time(|time| f(time.map(|time| &time.clock)))
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
    /// The current executor's time; outside an executor that of the one that was [entered](crate::Executor::enter), or the system's.
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
        with_clock(|clock| clock.map(ClockSource::now))
    }

    /// The same point as std has it. The system's clock is the same as std's. On a clock of another kind, a virtual one say, there is no such
    /// point: `None`, as for [`Instant::NEVER`].
    ///
    /// Whose clock that is, [`Instant::now`] says.
    ///
    /// ```
    /// use evenkeel::{Instant, run, sleep_until, testing};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     // What another library has said, in std's time.
    ///     let due = std::time::Instant::now() + Duration::from_millis(1);
    ///     sleep_until(Instant::from_std(due).unwrap()).await;
    ///     assert!(Instant::now().into_std().unwrap() >= due);
    /// });
    /// assert_eq!(testing::run(async { Instant::now().into_std() }), None);
    /// ```
    ///
    /// # Panics
    ///
    /// On targets that have no clock, as `wasm32-unknown-unknown`, where the system's clock is asked.
    pub fn into_std(self) -> Option<std::time::Instant> {
        with_clock(|clock| clock.unwrap_or(&ClockSource::System).std_of(self))
    }

    /// The point that std has as `std`; `None` on a clock of another kind, as for [`into_std`](Instant::into_std). What lies before the
    /// clock's origin becomes its origin: it has passed either way.
    ///
    /// # Panics
    ///
    /// As [`into_std`](Instant::into_std).
    pub fn from_std(std: std::time::Instant) -> Option<Instant> {
        with_clock(|clock| clock.unwrap_or(&ClockSource::System).instant_of(std))
    }

    /// The time from this point to now; zero if it is yet to come.
    pub fn elapsed(self) -> Duration {
        Instant::now().saturating_duration_since(self)
    }
}
