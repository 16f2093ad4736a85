//! Waiting for a point in time.

use crate::outside::polled_outside;
use crate::time::{
    alarm::Alarm,
    instant::{Instant, saturating_nanos},
    wheel::When,
};
use evenkeel_coop::poll_within_budget;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// Waits for at least `duration`.
///
/// A sleep never ends early: it begins to count when the loop looks at the clock next after its first poll, at the end of the
/// turn or, where polls are short, a few turns (some 50 µs) later. `sleep(Duration::ZERO)` gives way once, as [`yield_now`](crate::task::yield_now::yield_now) does;
/// `sleep(Duration::MAX)` waits for ever. Dropping it ends the timer.
///
/// # Panics
///
/// When it is polled outside an executor.
///
/// ```
/// use evenkeel::{Instant, run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let start = Instant::now();
///     sleep(Duration::from_millis(2)).await;
///     assert!(start.elapsed() >= Duration::from_millis(2));
/// });
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { state: SleepState::New(When::After(saturating_nanos(duration))) }
}

/// Waits until `deadline`. One that has passed gives way once; [`Instant::NEVER`] waits for ever.
///
/// # Panics
///
/// When it is polled outside an executor.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { state: SleepState::New(When::At(deadline)) }
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// A sleep may be moved between polls, also to a task of another executor, where it starts anew with the deadline that it
/// has. Once it is ready it stays so. An executor that ends wakes nobody for its timers' sake: whoever keeps a sleep for another one must
/// poll it there, also in a combinator that polls only what was woken.
#[must_use = "a sleep does nothing until it is awaited"]
pub struct Sleep {
    state: SleepState,
}

enum SleepState {
    New(When),
    /// The sleep gave way and is done at the next poll.
    GaveWay,
    Started {
        alarm: Alarm,
        when: When,
    },
    Done,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &self.state {
            SleepState::New(When::After(0)) => {
                self.state = SleepState::GaveWay;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            SleepState::New(When::After(u64::MAX) | When::At(Instant::NEVER)) => Poll::Pending,
            SleepState::New(when) => {
                let when = *when;
                self.start(when, cx);
                Poll::Pending
            }
            SleepState::Started { alarm, .. } => {
                if alarm.has_fired() {
                    self.state = SleepState::Done;
                    return Poll::Ready(());
                }
                if alarm.is_here() {
                    alarm.set_waker(cx.waker());
                } else {
                    self.move_here(cx);
                }
                Poll::Pending
            }
            SleepState::GaveWay => {
                self.state = SleepState::Done;
                Poll::Ready(())
            }
            // Whoever asks again may do so for ever.
            SleepState::Done => poll_within_budget(cx, |_| Poll::Ready(())),
        }
    }
}

impl Sleep {
    /// Starts a timer of the current executor, and ends the old one if there is one.
    fn start(&mut self, when: When, cx: &Context<'_>) {
        let Some(alarm) = Alarm::start(when, cx.waker()) else { polled_outside("a sleep") };
        self.state = SleepState::Started { alarm, when };
    }

    /// Moves the timer to the executor that polls it now, with the deadline that it has.
    #[cold]
    fn move_here(&mut self, cx: &Context<'_>) {
        if let SleepState::Started { alarm, when } = &self.state {
            let when = alarm.deadline().map_or(*when, When::At);
            self.start(when, cx);
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            SleepState::New(_) => "not started",
            SleepState::GaveWay | SleepState::Started { .. } => "waiting",
            SleepState::Done => "over",
        };
        write!(f, "Sleep({state})")
    }
}
