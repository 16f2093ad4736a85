//! A clock that jumps.

use crate::{
    outcome::unhandled::report_panic,
    raw::lent::OnThread,
    time::{
        clock::Clock,
        instant::{Instant, saturating_nanos},
        time::TIME,
    },
};
use std::{
    cell::Cell,
    fmt,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};

/// A clock for tests: time stands still while something can run, and jumps to the next deadline when nothing can. It stands still also
/// while the job of a [`to_thread`](crate::to_thread()) is out, since its time is real, and for as long as somebody
/// [holds](VirtualClock::hold) it. (Not while that job blocks for something that the loop may have to do: for a task, or in a
/// [`remote`](crate::threads::remote) channel. Where threads outside are to send what it waits for, hold the clock.)
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
///
/// A run in which nothing can go on any more ends with an error that lists who waits: see [`patience`](VirtualClock::patience).
#[derive(Clone, Default)]
pub struct VirtualClock {
    now: Rc<Cell<u64>>,
    /// `None`: the usual one.
    patience: Option<Duration>,
    holds: Arc<Holds>,
    is_settling: Rc<Cell<bool>>,
}

/// While it lives, timers are told the time before that is moved.
struct Settling<'a>(&'a Cell<bool>);

impl Drop for Settling<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl VirtualClock {
    /// A clock that stands at its origin.
    pub fn new() -> VirtualClock {
        VirtualClock::default()
    }

    /// For how long a run waits in vain before it ends: by default five seconds, in real time.
    ///
    /// When no task is ready, none waits for time, no job is out and nobody holds the clock, only something outside can wake a task: a
    /// thread with a waker, a [`Handle`](crate::Handle) or a sender. If none does for so long, the main future is cancelled with
    /// [`CancelReason::Stalled`](crate::CancelReason), which lists the tasks that wait, and if its clean-up waits in vain too, it is stopped
    /// hard. So a test in which two tasks wait for each other fails and says so. With no patience at all (`Duration::ZERO`) nothing outside
    /// has a chance; with `Duration::MAX` the run waits for ever. A thread that may take longer [holds](VirtualClock::hold) the clock.
    ///
    /// ```
    /// use evenkeel::{CancelReason, Executor, JoinError, spawn, sync::Event, testing::VirtualClock};
    /// use std::time::Duration;
    ///
    /// let clock = VirtualClock::new().patience(Duration::ZERO);
    /// let outcome = Executor::builder().clock(clock).build().run_outcome(async {
    ///     let never = Event::new();
    ///     spawn(async move { never.wait().await }).named("reader").await
    /// });
    /// let Err(JoinError::Cancelled(reason @ CancelReason::Stalled(_))) = outcome else { unreachable!() };
    /// assert!(reason.to_string().contains("a task named \"reader\""));
    /// ```
    pub fn patience(mut self, patience: Duration) -> VirtualClock {
        self.patience = Some(patience);
        self
    }

    /// Moves the time forward by hand. A task that began to sleep before this call sleeps through it, also in the same turn.
    ///
    /// ```
    /// use evenkeel::{Executor, sleep, spawn, testing::VirtualClock, yield_now};
    /// use std::time::Duration;
    ///
    /// let clock = VirtualClock::new();
    /// Executor::builder().clock(clock.clone()).run(async move {
    ///     let nap = spawn(sleep(Duration::from_millis(10)));
    ///     yield_now().await; // it begins to sleep
    ///     clock.advance(Duration::from_millis(10));
    ///     yield_now().await; // and is woken
    ///     yield_now().await;
    ///     assert!(nap.is_finished());
    /// });
    /// ```
    pub fn advance(&self, by: Duration) {
        self.settle();
        self.now.set(self.now.get().saturating_add(saturating_nanos(by)));
    }

    /// Timers count from the loop's next look at the clock, which would come too late: this is one. The executor's clock may be another one
    /// that moves this one when it is asked, but not without end.
    fn settle(&self) {
        let timers = TIME.look(|time| time.map(|time| time.timers.clone()));
        let Some(timers) = timers.filter(|timers| timers.has_fresh()) else { return };
        if !self.is_settling.replace(true) {
            let settling = Settling(&self.is_settling);
            if let Some(now) = Instant::here() {
                timers.settle(now);
            }
            drop(settling);
        }
    }

    /// Keeps the time from jumping while this lives, for work of which the executor does not know: that of a thread of the program's own,
    /// or of a process. The hold may go there, and be dropped there. [`advance`](VirtualClock::advance) still moves the time.
    ///
    /// ```
    /// use evenkeel::{Executor, Instant, sleep, spawn, testing::VirtualClock, threads::remote};
    /// use std::{thread, time::Duration};
    ///
    /// let clock = VirtualClock::new();
    /// Executor::builder().clock(clock.clone()).run(async move {
    ///     let (sender, mut answers) = remote::channel(1);
    ///     let (start, hold) = (Instant::now(), clock.hold());
    ///     thread::spawn(move || {
    ///         thread::sleep(Duration::from_millis(1)); // it works
    ///         sender.send_blocking("done").unwrap();
    ///         drop(hold);
    ///     });
    ///     let _heartbeat = spawn(async { loop { sleep(Duration::from_secs(1)).await } });
    ///     assert_eq!(answers.recv().await, Some("done"));
    ///     assert_eq!(start.elapsed(), Duration::ZERO);
    /// });
    /// ```
    pub fn hold(&self) -> ClockHold {
        self.holds.lock().count += 1;
        ClockHold(self.holds.clone())
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Instant {
        Instant(self.now.get())
    }

    fn patience(&self) -> Option<Duration> {
        const USUAL: Duration = Duration::from_secs(5);
        Some(self.patience.unwrap_or(USUAL)).filter(|patience| *patience < Duration::MAX)
    }

    fn jump_to(&self, deadline: Instant) -> bool {
        self.now.set(self.now.get().max(deadline.0));
        true
    }

    fn is_held(&self, until_free: &Waker) -> bool {
        if self.holds.lock().count == 0 {
            return false;
        }
        let waker = until_free.clone();
        let mut holds = self.holds.lock();
        let is_held = holds.count > 0;
        // It is kept under the lock under which the last hold takes them all.
        let unneeded = if is_held && !holds.waiting.iter().any(|waiting| waiting.will_wake(&waker)) {
            holds.waiting.push(waker);
            None
        } else {
            Some(waker)
        };
        drop(holds);
        drop(unneeded);
        is_held
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VirtualClock").field(&self.now()).finish()
    }
}

/// What keeps a [`VirtualClock`] from jumping, until the last one is dropped, on whatever thread. What a thread has asked of the loop before
/// that is done at the time at which the clock was held.
#[must_use = "the clock is held only for as long as this lives, and `let _ = …` drops it: bind it to a name, as in `let _held = …`"]
pub struct ClockHold(Arc<Holds>);

#[derive(Default)]
struct Holds(Mutex<HoldState>);

#[derive(Default)]
struct HoldState {
    count: usize,
    /// Loops that would jump.
    waiting: Vec<Waker>,
}

impl Holds {
    fn lock(&self) -> MutexGuard<'_, HoldState> {
        // Nothing foreign runs in a critical section.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ClockHold {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.count -= 1;
        let free = if state.count == 0 { std::mem::take(&mut state.waiting) } else { Vec::new() };
        drop(state);
        free.into_iter().for_each(|waker| report_panic("a waker that waited for a clock", || waker.wake()));
    }
}

impl fmt::Debug for ClockHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClockHold")
    }
}
