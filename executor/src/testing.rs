//! For tests: a run on virtual time, and schedules that a seed repeats.

use crate::host::executor::Executor;
pub use crate::{
    schedule::{Choice, Fifo, Schedule, Seeded},
    time::virtual_clock::{ClockHold, VirtualClock},
};

/// [`run`](crate::run::run) on a [`VirtualClock`]: sleeping takes no time.
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
    Executor::builder().clock(VirtualClock::new()).run(main)
}
