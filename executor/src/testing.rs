//! For tests: a run on virtual time, and schedules that a seed repeats.

use crate::host::executor::Executor;
pub use crate::{
    schedule::{Choice, Fifo, Schedule, Seeded},
    time::virtual_clock::{ClockHold, VirtualClock},
};
use std::time::Duration;

/// [`run`](crate::run::run) on a [`VirtualClock`]: sleeping takes no time.
///
/// It does not hang. If nothing can go on any more it panics with a list of those that wait, after a few seconds in which nothing outside
/// woke a task either ([`VirtualClock::patience`]); and clean-up at the end has a day, by the clock.
///
/// # Panics
///
/// As [`run`](crate::run::run) does, and when nothing can go on any more.
///
/// ```
/// use evenkeel::{Instant, sleep, testing};
/// use std::time::Duration;
///
/// testing::run(async {
///     let start = Instant::now();
///     sleep(Duration::from_secs(86_400)).await;
///     assert_eq!(start.elapsed(), Duration::from_secs(86_400));
/// });
/// ```
#[track_caller]
pub fn run<F: Future>(main: F) -> F::Output {
    const DAY: Duration = Duration::from_secs(86_400);
    Executor::builder().clock(VirtualClock::new()).shutdown_grace(DAY).run(main)
}
