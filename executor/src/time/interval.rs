//! Something to do every so often.

use crate::{
    outside::polled_outside,
    raw::lent::OnThread,
    time::{
        instant::Instant,
        sleep::{Sleep, sleep_until},
        time::TIME,
    },
};
use evenkeel_coop::poll_within_budget;
use futures_core::Stream;
use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// Ticks every `period`; the first tick is due at once, when it is first waited for. So an interval can be made outside of its executor,
/// whose clock may be another.
///
/// # Panics
///
/// If `period` is zero. When a tick is polled outside an executor.
///
/// ```
/// use evenkeel::{Executor, Instant, interval, testing::VirtualClock};
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
    Interval::new(NextTick::After(Duration::ZERO), period)
}

/// Ticks first at `start`, a time of the executor's that polls it, then every `period`.
///
/// # Panics
///
/// If `period` is zero. When a tick is polled outside an executor.
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    Interval::new(NextTick::At(start), period)
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

/// What ticks every so often, and a [`Stream`] of its ticks; made by [`interval`] and [`interval_at`].
#[derive(Debug)]
#[must_use = "an interval does nothing until its ticks are awaited"]
pub struct Interval {
    period: Duration,
    /// When the next tick is due.
    due: NextTick,
    sleep: Option<Sleep>,
    missed: MissedTick,
}

#[derive(Debug)]
enum NextTick {
    At(Instant),
    /// A while after the interval is first waited for: no executor's time was known.
    After(Duration),
}

impl Interval {
    #[track_caller]
    fn new(due: NextTick, period: Duration) -> Interval {
        assert!(period > Duration::ZERO, "an interval's period must be longer than zero: use yield_now to give way");
        Interval { period, due, sleep: None, missed: MissedTick::default() }
    }

    /// Changes how the interval treats missed ticks.
    pub fn missed_tick(mut self, missed: MissedTick) -> Self {
        self.missed = missed;
        self
    }

    /// How the interval treats missed ticks.
    pub fn missed_tick_behavior(&self) -> MissedTick {
        self.missed
    }

    /// Changes how the interval treats missed ticks, from the next tick that is taken on.
    pub fn set_missed_tick(&mut self, missed: MissedTick) {
        self.missed = missed;
    }

    /// Waits for the next tick, and returns the time at which it was due. A tick that is due already is given at once: a
    /// [`timeout`](crate::timeout) of no time takes it.
    ///
    /// Cancel-safe: a call that is dropped has taken no tick.
    pub async fn tick(&mut self) -> Instant {
        let mut is_asked = false;
        poll_fn(|cx| poll_within_budget(cx, |cx| self.poll_due(std::mem::replace(&mut is_asked, true), cx))).await
    }

    /// [`tick`](Interval::tick) for futures that are written by hand: the next tick, or a promise to wake the context's waker (the newest one
    /// only).
    ///
    /// ```
    /// use evenkeel::{interval, testing};
    /// use std::{future::poll_fn, time::Duration};
    ///
    /// testing::run(async {
    ///     let mut every = interval(Duration::from_secs(5));
    ///     let first = poll_fn(|cx| every.poll_tick(cx)).await;
    ///     assert_eq!(poll_fn(|cx| every.poll_tick(cx)).await, first + Duration::from_secs(5));
    /// });
    /// ```
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        poll_within_budget(cx, |cx| self.poll_due(false, cx))
    }

    /// The next tick, if it is due. Unless this wait for it `is_asked` already, the clock says so, and otherwise its timer.
    fn poll_due(&mut self, is_asked: bool, cx: &mut Context<'_>) -> Poll<Instant> {
        if !TIME.look(|time| time.is_some()) {
            // What was entered has a time, but nobody would come back.
            polled_outside("an interval");
        }
        let due = self.fix_due();
        let is_overdue = !is_asked && due <= Instant::now();
        let sleep = self.sleep.get_or_insert_with(|| sleep_until(due));
        if !is_overdue && Pin::new(sleep).poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.sleep = None;
        self.due = NextTick::At(self.after(due, Instant::now()));
        Poll::Ready(due)
    }

    /// Starts over: the next tick is one period from now; outside an executor, where it is not known what time it is, one period from when
    /// it is waited for. So it is, too, in code that goes by another executor's time than the one in which somebody waits for the tick already;
    /// but an interval that nobody waits for belongs to no executor, and "now" is the time of the one that is current, or was
    /// [entered](crate::Executor::enter).
    ///
    /// Whoever waits for a tick already, in [`poll_tick`](Interval::poll_tick) say, is woken by the one that comes then; and so for the other
    /// resets.
    pub fn reset(&mut self) {
        self.reset_after(self.period);
    }

    /// Starts over: the next tick is due now, and the one after it one period later.
    pub fn reset_immediately(&mut self) {
        self.reset_after(Duration::ZERO);
    }

    /// Starts over: the next tick comes `wait` from now, and the one after it one period later. Outside an executor the wait begins when the
    /// tick is waited for, and also under another's clock: see [`reset`](Interval::reset).
    ///
    /// ```
    /// use evenkeel::{Instant, interval, testing};
    /// use std::time::Duration;
    ///
    /// testing::run(async {
    ///     let start = Instant::now();
    ///     let mut every = interval(Duration::from_secs(5));
    ///     every.tick().await;
    ///     every.reset_after(Duration::from_secs(1));
    ///     assert_eq!(every.tick().await, start + Duration::from_secs(1));
    ///     assert_eq!(every.tick().await, start + Duration::from_secs(6));
    /// });
    /// ```
    pub fn reset_after(&mut self, wait: Duration) {
        let is_elsewhere = self.sleep.as_ref().is_some_and(Sleep::is_of_another_time);
        match Instant::here().filter(|_| !is_elsewhere) {
            Some(now) => self.reset_at(now + wait),
            None => {
                self.due = NextTick::After(wait);
                if let Some(sleep) = self.sleep.take() {
                    sleep.give_up();
                }
            }
        }
    }

    /// Starts over: the next tick comes at `next`, and the one after it one period later. `next` may have passed, or be
    /// [`Instant::NEVER`].
    pub fn reset_at(&mut self, next: Instant) {
        self.due = NextTick::At(next);
        if let Some(sleep) = &mut self.sleep {
            sleep.reset(next);
        }
    }

    /// The time between ticks.
    pub fn period(&self) -> Duration {
        self.period
    }

    fn fix_due(&mut self) -> Instant {
        let due = match self.due {
            NextTick::At(due) => due,
            NextTick::After(wait) => Instant::now() + wait,
        };
        self.due = NextTick::At(due);
        due
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

/// Every tick, for ever; what [`tick`](Interval::tick) gives. (tokio's `IntervalStream`.)
///
/// ```
/// use evenkeel::{Instant, interval, testing};
/// use futures::StreamExt;
/// use std::time::Duration;
///
/// testing::run(async {
///     let start = Instant::now();
///     let ticks: Vec<Duration> = interval(Duration::from_secs(5)).take(3).map(|due| due - start).collect().await;
///     assert_eq!(ticks, [0, 5, 10].map(Duration::from_secs));
/// });
/// ```
impl Stream for Interval {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}
