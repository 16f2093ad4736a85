//! Clocks: the system's, a host's, or a virtual one that jumps.

use crate::time::instant::{Instant, saturating_nanos};
use std::{cell::Cell, fmt, rc::Rc, sync::OnceLock, time::Duration};

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
}

/// A clock for tests: time stands still while something can run, and jumps to the next deadline when nothing can.
///
/// Clones share their time.
///
/// ```
/// use evenkeel::{Executor, Instant, sleep, testing::VirtualClock};
/// use std::time::Duration;
///
/// let executor = Executor::builder().clock(VirtualClock::new()).build();
/// executor.run(async {
///     let start = Instant::now();
///     sleep(Duration::from_secs(3600)).await; // takes no time
///     assert_eq!(start.elapsed(), Duration::from_secs(3600));
/// });
/// ```
#[derive(Clone, Default)]
pub struct VirtualClock(Rc<Cell<u64>>);

impl VirtualClock {
    /// A clock that stands at its origin.
    pub fn new() -> VirtualClock {
        VirtualClock::default()
    }

    /// Moves the time forward by hand.
    pub fn advance(&self, by: Duration) {
        self.0.set(self.0.get().saturating_add(saturating_nanos(by)));
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Instant {
        Instant(self.0.get())
    }

    fn jump_to(&self, deadline: Instant) -> bool {
        self.0.set(self.0.get().max(deadline.0));
        true
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VirtualClock").field(&self.now()).finish()
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

    /// The system's time passes by itself, and only so.
    pub(crate) fn may_jump(&self) -> bool {
        matches!(self, ClockSource::Given(_))
    }

    pub(crate) fn jump_to(&self, deadline: Instant) -> bool {
        match self {
            ClockSource::System => false,
            ClockSource::Given(clock) => clock.jump_to(deadline),
        }
    }
}

fn system_now() -> Instant {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    Instant::from_origin(ORIGIN.get_or_init(std::time::Instant::now).elapsed())
}
