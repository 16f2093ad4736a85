//! Waiting for a point in time.

use crate::{
    raw::enter,
    time::{Instant, Timers, instant::saturating_nanos, wheel::When},
};
use std::{
    fmt,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

/// Waits for at least `duration`.
///
/// It never ends early: it begins to count when the loop looks at the clock next after its first poll, at the end of the
/// turn or, where polls are short, a few turns (some 50 µs) later. `sleep(Duration::ZERO)` gives way once, as [`yield_now`](crate::yield_now) does;
/// `sleep(Duration::MAX)` waits for ever. Dropping it ends the timer.
///
/// # Panics
///
/// When it is polled outside an executor.
///
/// ```
/// use evenkeel_executor::{Instant, run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let start = Instant::now();
///     sleep(Duration::from_millis(2)).await;
///     assert!(start.elapsed() >= Duration::from_millis(2));
/// });
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { state: State::New(When::After(saturating_nanos(duration))) }
}

/// Waits until `deadline`. One that has passed gives way once; [`Instant::NEVER`] waits for ever.
///
/// # Panics
///
/// When it is polled outside an executor.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { state: State::New(When::At(deadline)) }
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// It may be moved between polls, also to a task of another executor, where it starts anew with the deadline that it
/// has. Once it is ready it stays so.
#[must_use = "a sleep does nothing until it is awaited"]
pub struct Sleep {
    state: State,
}

enum State {
    New(When),
    /// It gave way and is done at the next poll.
    GaveWay,
    Started {
        timers: Rc<Timers>,
        key: u32,
        when: When,
    },
    Done,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &self.state {
            State::New(When::After(0)) => {
                self.state = State::GaveWay;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            State::New(When::After(u64::MAX) | When::At(Instant::NEVER)) => Poll::Pending,
            State::New(when) => {
                let when = *when;
                self.start(when, cx);
                Poll::Pending
            }
            State::Started { timers, key, .. } => {
                if timers.has_fired(*key) {
                    timers.remove(*key);
                    self.state = State::Done;
                    return Poll::Ready(());
                }
                if is_current(timers) {
                    timers.set_waker(*key, cx.waker());
                } else {
                    self.move_here(cx);
                }
                Poll::Pending
            }
            State::GaveWay | State::Done => {
                self.state = State::Done;
                Poll::Ready(())
            }
        }
    }
}

impl Sleep {
    /// Starts a timer of the current executor, and ends the old one if there is one.
    fn start(&mut self, when: When, cx: &Context<'_>) {
        // The clone may be user code: it comes before anything is borrowed or changed.
        let waker = cx.waker().clone();
        let timers = enter::with_current(|core| core.map(|core| core.timers.clone())).unwrap_or_else(|| no_executor());
        let (key, look_at_the_clock) = timers.start(when, waker);
        let old = std::mem::replace(&mut self.state, State::Started { timers: timers.clone(), key, when });
        drop(Sleep { state: old });
        if look_at_the_clock {
            timers.settle(Instant::now());
        }
    }

    /// Moves the timer to the executor that polls it now, with the deadline that it has.
    #[cold]
    fn move_here(&mut self, cx: &Context<'_>) {
        if let State::Started { timers, key, when } = &self.state {
            let when = timers.deadline(*key).map_or(*when, When::At);
            self.start(when, cx);
        }
    }

    #[inline]
    fn stop(&mut self) {
        if let State::Started { timers, key, .. } = &self.state {
            timers.remove(*key);
        }
    }
}

#[cold]
#[track_caller]
fn no_executor() -> ! {
    panic!("a sleep was polled outside an executor: await it in a future that evenkeel::run drives")
}

fn is_current(timers: &Rc<Timers>) -> bool {
    enter::with_current(|core| core.is_some_and(|core| Rc::ptr_eq(&core.timers, timers)))
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::New(_) => "not started",
            State::GaveWay | State::Started { .. } => "waiting",
            State::Done => "over",
        };
        write!(f, "Sleep({state})")
    }
}
