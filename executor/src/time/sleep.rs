//! Waiting for a point in time.

use crate::{
    outside::polled_outside,
    time::{
        alarm::Alarm,
        instant::{Instant, saturating_nanos},
        wheel::When,
    },
    wake::{call::call, waker_cell::newest_of},
};
use evenkeel_coop::poll_within_budget;
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    pin::Pin,
    task::{Context, Poll, Waker},
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
///
/// A sleep is `Unpin`: it can be awaited by reference, and [moved to another time](Sleep::reset).
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
    /// It waits for ever, unless it is reset: that wakes this waker.
    Never(Waker),
    /// With its deadline, if it had one.
    Done(Option<Instant>),
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
            SleepState::New(When::After(u64::MAX) | When::At(Instant::NEVER)) | SleepState::Never(_) => {
                self.wait_for_ever(cx.waker());
                Poll::Pending
            }
            SleepState::New(when) => {
                let when = *when;
                self.start(when, cx);
                Poll::Pending
            }
            SleepState::Started { alarm, .. } => {
                if let Some(deadline) = alarm.fired() {
                    self.state = SleepState::Done(Some(deadline));
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
                self.state = SleepState::Done(None);
                Poll::Ready(())
            }
            // Whoever asks again may do so for ever.
            SleepState::Done(_) => poll_within_budget(cx, |_| Poll::Ready(())),
        }
    }
}

impl Sleep {
    /// When the sleep ends, or has ended; [`Instant::NEVER`] if it does not. `None` if that is not known: a sleep for a while begins to count
    /// at the loop's first look at the clock after its first poll, and one of no time at all has no deadline. (A [`Timeout`](crate::Timeout) has a
    /// deadline or none, and says `None` where it never ends.)
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            SleepState::New(When::After(u64::MAX)) | SleepState::Never(_) => Some(Instant::NEVER),
            SleepState::New(When::After(_)) | SleepState::GaveWay => None,
            SleepState::New(When::At(deadline)) => Some(*deadline),
            SleepState::Started { alarm, .. } => alarm.deadline(),
            SleepState::Done(deadline) => *deadline,
        }
    }

    /// Is the sleep over, so that its next poll is ready? Not before the first poll, also where the deadline has passed.
    pub fn is_elapsed(&self) -> bool {
        match &self.state {
            SleepState::New(_) | SleepState::Never(_) => false,
            SleepState::GaveWay | SleepState::Done(_) => true,
            SleepState::Started { alarm, .. } => alarm.has_fired(),
        }
    }

    /// Moves the sleep to `deadline`: sooner, later, or [`Instant::NEVER`]; also when it has ended. One that has passed gives way once.
    ///
    /// Whoever waits need not poll again: the task that polled the sleep last is woken at the new deadline, and not at the old one. (In
    /// code that the sleep's executor does not run, that task is woken at once, and its next poll starts the timer.) If the sleep had
    /// ended, nobody waits any more, and the next poll begins to.
    ///
    /// ```
    /// use evenkeel::{Instant, run, sleep};
    /// use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};
    ///
    /// // No byte for 5 ms: the peer is gone. Each one that comes begins a new wait, with the same timer.
    /// run(async {
    ///     let mut silence = sleep(Duration::from_secs(60));
    ///     for _byte in 0..3 {
    ///         silence.reset(Instant::now() + Duration::from_millis(5));
    ///         poll_fn(|cx| Poll::Ready(Pin::new(&mut silence).poll(cx).is_pending())).await;
    ///     }
    ///     silence.await;
    /// });
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        match &mut self.state {
            SleepState::Started { alarm, when } if !alarm.has_fired() && alarm.is_here() => {
                alarm.reset(deadline);
                *when = When::At(deadline);
            }
            _ => self.begin_again(When::At(deadline)),
        }
    }

    /// The sleep is as new, and who waited for it is woken, to poll it where he is.
    #[cold]
    fn begin_again(&mut self, when: When) {
        let waiting = match std::mem::replace(&mut self.state, SleepState::New(when)) {
            SleepState::Started { alarm, .. } => alarm.take_waker(),
            SleepState::Never(waker) => Some(waker),
            SleepState::New(_) | SleepState::GaveWay | SleepState::Done(_) => None,
        };
        waiting.into_iter().for_each(call);
    }

    /// May the sleep wait by another time than the one that code here goes by? Of one that waits for ever nobody knows.
    pub(crate) fn is_of_another_time(&self) -> bool {
        match &self.state {
            SleepState::Started { alarm, .. } => !alarm.is_in_its_time(),
            SleepState::Never(_) => true,
            _ => false,
        }
    }

    /// Gives the sleep up. Who waited for it is woken.
    #[cold]
    pub(crate) fn give_up(mut self) {
        self.begin_again(When::At(Instant::NEVER));
    }

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

    /// Keeps the newest waker, which no timer is to wake.
    #[cold]
    fn wait_for_ever(&mut self, newest: &Waker) {
        let stored = match std::mem::replace(&mut self.state, SleepState::New(When::At(Instant::NEVER))) {
            SleepState::Never(stored) => Some(stored),
            _ => None,
        };
        let (kept, stale) = newest_of(stored, newest);
        self.state = SleepState::Never(kept);
        drop(stale);
    }
}

/// A waker that panics leaves the timer whole.
impl UnwindSafe for Sleep {}
impl RefUnwindSafe for Sleep {}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            SleepState::New(_) => "not started",
            SleepState::GaveWay | SleepState::Started { .. } | SleepState::Never(_) => "waiting",
            SleepState::Done(_) => "over",
        };
        write!(f, "Sleep({state})")
    }
}
