//! What the tests look with: records, drop counters, and clocks, parks and wakers of their own.

use evenkeel::{CancelReason, Instant, JoinError, host::Park, time::Clock};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    fmt,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn at(millis: u64) -> Instant {
    Instant::from_origin(ms(millis))
}

/// What happened, in order. Clones share it.
pub(crate) struct Record<T>(Rc<RefCell<Vec<T>>>);

impl<T> Record<T> {
    pub(crate) fn new() -> Self {
        Record(Rc::default())
    }

    pub(crate) fn add(&self, what: T) {
        self.0.borrow_mut().push(what);
    }

    pub(crate) fn add_all(&self, what: impl IntoIterator<Item = T>) {
        self.0.borrow_mut().extend(what);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    pub(crate) fn take(&self) -> Vec<T> {
        self.0.take()
    }
}

impl<T> Clone for Record<T> {
    fn clone(&self) -> Self {
        Record(self.0.clone())
    }
}

/// Counts the drops of its guards, and sees to it that they happen on the thread that made the counter.
#[derive(Clone, Default)]
pub(crate) struct Drops(Rc<Cell<usize>>);

impl Drops {
    pub(crate) fn guard(&self) -> DropGuard {
        DropGuard(self.clone(), thread::current().id())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.get()
    }
}

pub(crate) struct DropGuard(Drops, thread::ThreadId);

impl Drop for DropGuard {
    fn drop(&mut self) {
        assert_eq!(self.1, thread::current().id(), "dropped on another thread");
        self.0.0.set(self.0.0.get() + 1);
    }
}

/// Calls a function when it is dropped.
pub(crate) struct OnDrop<F: FnOnce()>(Option<F>);

pub(crate) fn on_drop<F: FnOnce()>(f: F) -> OnDrop<F> {
    OnDrop(Some(f))
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

/// A waker that counts its calls.
#[derive(Default)]
pub(crate) struct Wakes(AtomicUsize);

impl Wakes {
    pub(crate) fn new() -> (Arc<Wakes>, Waker) {
        let wakes = Arc::new(Wakes::default());
        (wakes.clone(), Waker::from(wakes))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Polls with a waker that does nothing.
pub(crate) fn poll_with_noop<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// The current task's waker.
pub(crate) async fn my_waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

/// Waits until somebody wakes the task, whose waker it leaves in `slot`.
pub(crate) async fn wait_for_wake(slot: &RefCell<Option<Waker>>) {
    let mut first = true;
    poll_fn(|cx| {
        *slot.borrow_mut() = Some(cx.waker().clone());
        if std::mem::replace(&mut first, false) { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

/// Why a task was cancelled that has ended so.
pub(crate) fn reason_of<T: fmt::Debug>(outcome: Result<T, JoinError>) -> CancelReason {
    match outcome {
        Err(JoinError::Cancelled(reason)) => reason,
        other => panic!("not cancelled: {other:?}"),
    }
}

/// The panic with which `f` ends.
pub(crate) fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("there was no panic"),
        Err(payload) => text_of(payload),
    }
}

pub(crate) fn text_of(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().map_or("?".to_owned(), |text| (*text).to_owned()),
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
    then: Box<dyn FnMut(Option<Duration>)>,
    signals: Arc<AtomicUsize>,
}

impl HandPark {
    pub(crate) fn new(then: impl FnMut(Option<Duration>) + 'static) -> HandPark {
        HandPark { asked: Record::new(), then: Box::new(then), signals: Arc::default() }
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

/// Runs `f` on a thread with little room for its stack.
pub(crate) fn on_a_small_stack(f: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(256 * 1024).spawn(f).unwrap().join().unwrap();
}
