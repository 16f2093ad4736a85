//! Something to do every so often.

use crate::time::{Instant, Sleep, sleep_until};
use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

/// Ticks every `period`; the first tick is due at once.
///
/// # Panics
///
/// If `period` is zero.
///
/// ```
/// use evenkeel_executor::{Executor, Instant, VirtualClock, interval};
/// use std::time::Duration;
///
/// let executor = Executor::builder().clock(VirtualClock::new()).build();
/// executor.run(async {
///     let start = Instant::now();
///     let mut every = interval(Duration::from_secs(5));
///     for _ in 0..3 {
///         every.tick().await;
///     }
///     assert_eq!(start.elapsed(), Duration::from_secs(10));
/// });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks first at `start`, then every `period`.
///
/// # Panics
///
/// If `period` is zero.
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(period > Duration::ZERO, "an interval's period must be longer than zero: use yield_now to give way");
    Interval { period, due: start, sleep: None, missed: MissedTick::default() }
}

/// What to do about ticks whose time passed while nobody waited for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum MissedTick {
    /// Leave them out, and go on with the next one that lies on the grid: at most one tick is ever behind. The default,
    /// since a program that is late already is not helped by more to do.
    #[default]
    Skip,
    /// Make up for each of them, as fast as they are asked for.
    Burst,
    /// Begin a new grid: the next tick is one period after this one was taken.
    Delay,
}

/// Made by [`interval`] and [`interval_at`].
#[derive(Debug)]
pub struct Interval {
    period: Duration,
    /// When the next tick is due.
    due: Instant,
    sleep: Option<Sleep>,
    missed: MissedTick,
}

impl Interval {
    /// The same interval with another way to treat missed ticks.
    pub fn missed_tick(mut self, missed: MissedTick) -> Self {
        self.missed = missed;
        self
    }

    /// Waits for the next tick, and returns the time at which it was due.
    ///
    /// Cancel-safe: a call that is dropped has taken no tick.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| {
            let sleep = self.sleep.get_or_insert_with(|| sleep_until(self.due));
            if Pin::new(sleep).poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.sleep = None;
            let due = self.due;
            self.due = self.after(due, Instant::now());
            Poll::Ready(due)
        })
        .await
    }

    /// Starts over: the next tick is one period from now.
    pub fn reset(&mut self) {
        self.due = Instant::now() + self.period;
        self.sleep = None;
    }

    /// The time between ticks.
    pub fn period(&self) -> Duration {
        self.period
    }

    fn after(&self, due: Instant, now: Instant) -> Instant {
        match self.missed {
            MissedTick::Burst => due + self.period,
            MissedTick::Delay => now.max(due) + self.period,
            MissedTick::Skip => {
                let period = self.period.as_nanos();
                let behind = now.saturating_duration_since(due).as_nanos() / period;
                let next = u128::from(due.0).saturating_add(period.saturating_mul(behind + 1));
                Instant(u64::try_from(next).unwrap_or(u64::MAX))
            }
        }
    }
}
