//! Clocks: the system's, or one that was supplied.

use crate::time::instant::Instant;
use std::{sync::OnceLock, task::Waker, time::Duration};

/// Where an executor gets the time from.
///
/// A clock is asked once per turn and once more before the executor sleeps while there are timers, and not at all without them. A clock that
/// steps back harms nothing: timers wait until it has come forward again. A clock may do anything when it is asked, also block the
/// thread, or wake tasks.
pub trait Clock {
    /// The time. It should not go back.
    fn now(&self) -> Instant;

    /// Everything waits until `deadline`: that of the next timer, or the end of a [`park`](crate::Executor::park) that comes before. A
    /// clock that can jump there does so and returns `true`; for others the executor sleeps.
    fn jump_to(&self, deadline: Instant) -> bool {
        let _ = deadline;
        false
    }

    /// On this clock, is a run to end that can never go on? Then for how long, in real time, the loop is to wait in vain before: something
    /// outside may be about to wake a task. `None`, the default: it waits for ever.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// Does something keep the clock from jumping for the time being, so that [`jump_to`](Clock::jump_to) is not to be called? Then it
    /// keeps the waker, and wakes it when that is over, from any thread. It is asked each time before the executor would jump.
    fn is_held(&self, until_free: &Waker) -> bool {
        let _ = until_free;
        false
    }
}

/// The clock of one executor.
pub(crate) enum ClockSource {
    System,
    Given(Box<dyn Clock>),
}

impl ClockSource {
    pub(crate) fn now(&self) -> Instant {
        match self {
            ClockSource::System => system_now(),
            ClockSource::Given(clock) => clock.now(),
        }
    }

    /// That point in std's time. A clock that was given has nothing to do with std's.
    pub(crate) fn instant_of(&self, std: std::time::Instant) -> Option<Instant> {
        match self {
            ClockSource::System => Some(Instant::from_origin(std.saturating_duration_since(system_origin()))),
            ClockSource::Given(_) => None,
        }
    }

    /// That point as std has it, if it can.
    pub(crate) fn std_of(&self, instant: Instant) -> Option<std::time::Instant> {
        match self {
            ClockSource::System if instant != Instant::NEVER => system_origin().checked_add(instant.since_origin()),
            ClockSource::System | ClockSource::Given(_) => None,
        }
    }

    /// The system's time passes by itself, and only so.
    pub(crate) fn may_jump(&self) -> bool {
        matches!(self, ClockSource::Given(_))
    }

    pub(crate) fn is_held(&self, until_free: &Waker) -> bool {
        match self {
            ClockSource::System => false,
            ClockSource::Given(clock) => clock.is_held(until_free),
        }
    }

    pub(crate) fn patience(&self) -> Option<Duration> {
        match self {
            ClockSource::System => None,
            ClockSource::Given(clock) => clock.patience(),
        }
    }

    pub(crate) fn jump_to(&self, deadline: Instant) -> bool {
        match self {
            ClockSource::System => false,
            ClockSource::Given(clock) => clock.jump_to(deadline),
        }
    }
}

/// The point from which the system's clock counts here: the first call in the process.
fn system_origin() -> std::time::Instant {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    *ORIGIN.get_or_init(std::time::Instant::now)
}

fn system_now() -> Instant {
    Instant::from_origin(system_origin().elapsed())
}
