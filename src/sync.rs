//! Synchronisation: everything of `evenkeel-sync`, with the loop's time where time is needed.

pub use evenkeel_sync::*;

use evenkeel_executor::{Instant, Sleep, sleep_until};
use std::time::Duration;

/// The current executor's time, for [`RateLimiter`] and [`AdaptiveLimiter`].
///
/// As with [`sleep`](crate::sleep), waiting for it outside an executor panics.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoopTimer;

impl Timer for LoopTimer {
    type Sleep = Sleep;

    fn now(&self) -> Duration {
        Instant::now().since_origin()
    }

    fn sleep_until(&self, at: Duration) -> Sleep {
        sleep_until(Instant::from_origin(at))
    }
}

/// A token bucket on the loop's time.
///
/// ```
/// use evenkeel::{Instant, sync::RateLimiter, testing};
/// use std::time::Duration;
///
/// testing::run(async {
///     let limiter = RateLimiter::new(10, Duration::from_secs(1));
///     let start = Instant::now();
///     for _ in 0..25 {
///         limiter.acquire(1).await;
///     }
///     assert_eq!(start.elapsed(), Duration::from_millis(1500)); // ten at once, then one each 100 ms
/// });
/// ```
pub type RateLimiter = evenkeel_sync::RateLimiter<LoopTimer>;

/// An adaptive concurrency limit on the loop's time.
pub type AdaptiveLimiter = evenkeel_sync::AdaptiveLimiter<LoopTimer>;

/// A slot of an [`AdaptiveLimiter`].
pub type Slot<'a> = evenkeel_sync::Slot<'a, LoopTimer>;
