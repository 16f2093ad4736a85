//! What the tests look with: what all crates' tests have, and clocks and parks of a test's own.

use evenkeel::{CancelReason, Instant, JoinError, host::Park, time::Clock};
pub(crate) use evenkeel_testkit::{
    DropGuard, Drops, OnDrop, Record, Wakes, my_waker, on_a_small_stack, on_drop, panic_of, poll_with_noop, text_of,
    wait_for_wake,
};
use std::{
    cell::Cell,
    fmt,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn at(millis: u64) -> Instant {
    Instant::from_origin(ms(millis))
}

/// Why a task was cancelled that has ended so.
pub(crate) fn reason_of<T: fmt::Debug>(outcome: Result<T, JoinError>) -> CancelReason {
    match outcome {
        Err(JoinError::Cancelled(reason)) => reason,
        other => panic!("not cancelled: {other:?}"),
    }
}

/// A clock that a test sets as it likes, also back. It does not jump by itself.
#[derive(Clone, Default)]
pub(crate) struct HandClock {
    now: Rc<Cell<Duration>>,
    /// How often it was read.
    pub(crate) reads: Rc<Cell<usize>>,
}

impl HandClock {
    pub(crate) fn set(&self, now: Duration) {
        self.now.set(now);
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.now.set(self.now.get() + by);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        self.reads.set(self.reads.get() + 1);
        Instant::from_origin(self.now.get())
    }
}

/// A park that does not block: it records the time for which it was to wait, and calls a function with it.
pub(crate) struct HandPark {
    asked: Record<Option<Duration>>,
    /// Is it a driver, whose looks count too?
    looks: bool,
    then: Box<dyn FnMut(Option<Duration>)>,
    signals: Arc<AtomicUsize>,
}

impl HandPark {
    pub(crate) fn new(then: impl FnMut(Option<Duration>) + 'static) -> HandPark {
        HandPark { asked: Record::new(), looks: false, then: Box::new(then), signals: Arc::default() }
    }

    /// A driver: looks are recorded as well, and the function is called for them.
    pub(crate) fn looking(then: impl FnMut(Option<Duration>) + 'static) -> HandPark {
        HandPark { looks: true, ..HandPark::new(then) }
    }

    /// Lets the time pass on that clock for which it is to wait.
    pub(crate) fn passing(clock: &HandClock) -> HandPark {
        let clock = clock.clone();
        HandPark::new(move |max| clock.advance(max.expect("nothing will ever happen")))
    }

    pub(crate) fn asked(&self) -> Record<Option<Duration>> {
        self.asked.clone()
    }

    /// How often the executor was signalled.
    pub(crate) fn signals(&self) -> Arc<AtomicUsize> {
        self.signals.clone()
    }
}

impl Park for HandPark {
    fn park(&mut self, max: Option<Duration>) {
        if max == Some(Duration::ZERO) && !self.looks {
            return;
        }
        self.asked.add(max);
        (self.then)(max);
    }

    fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
        let signals = self.signals.clone();
        Arc::new(move || {
            signals.fetch_add(1, SeqCst);
        })
    }
}
