//! Timeouts: scopes with a deadline.

use crate::{
    cancel::{in_scope::InScope, scope::CancelScope},
    outcome::reason::CancelReason,
    time::{
        instant::{Instant, saturating_nanos},
        wheel::When,
    },
};
use pin_project_lite::pin_project;
use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// A deadline has passed before the future had finished.
///
/// `Elapsed` converts into [`io::Error`], of kind [`TimedOut`](io::ErrorKind::TimedOut).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the deadline has passed")]
pub struct Elapsed;

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}

/// Gives a future `limit` time: a [`Deadline`] that nobody moves.
///
/// The limit counts from the first poll on. The future is dropped when its time is over, after the clean-up in it is done. A future
/// that finishes in the turn of the deadline has finished; with no time at all it is polled once, and what needs not wait is given, also
/// through other timeouts, scopes, groups and clean-up points. `Duration::MAX` is never.
///
/// Cancel-safe as far as `future` is.
///
/// # Errors
///
/// [`Elapsed`]. If a scope around it was cancelled too, a longer timeout say, nothing is returned: the code that awaits this
/// is stopped as well.
///
/// # Panics
///
/// When polled outside an executor.
///
/// ```
/// use evenkeel::{Elapsed, run, sleep, timeout};
/// use std::time::Duration;
///
/// let outcome = run(timeout(Duration::from_millis(1), sleep(Duration::from_secs(60))));
/// assert_eq!(outcome, Err(Elapsed));
/// ```
pub fn timeout<F: Future>(limit: Duration, future: F) -> Timeout<F> {
    Timeout { inner: InScope::with_deadline(When::After(saturating_nanos(limit)), future) }
}

/// Gives a future time until `deadline`, as [`timeout`] does for a while; [`Instant::NEVER`] is never.
///
/// # Errors
///
/// [`Elapsed`], as for [`timeout`].
///
/// # Panics
///
/// When polled outside an executor.
pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> Timeout<F> {
    Timeout { inner: InScope::with_deadline(When::At(deadline), future) }
}

/// A deadline that can be moved while a future runs under it: from inside, from outside, sooner, later, or away.
///
/// ```
/// use evenkeel::{Instant, cancel::Deadline, run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let deadline = Deadline::after(Duration::from_millis(1));
///     let inside = deadline.clone();
///     let read = deadline.run(async move {
///         // The peer has sent something: it gets more time.
///         inside.reschedule(Some(Instant::now() + Duration::from_secs(60)));
///         sleep(Duration::from_millis(5)).await;
///         "all of it"
///     });
///     assert_eq!(read.await, Ok("all of it"));
/// });
/// ```
#[derive(Clone)]
pub struct Deadline(CancelScope);

impl Deadline {
    /// A deadline that lies `limit` behind the first poll of what runs under it.
    pub fn after(limit: Duration) -> Deadline {
        Deadline::new(When::After(saturating_nanos(limit)))
    }

    /// A deadline at that time.
    pub fn at(deadline: Instant) -> Deadline {
        Deadline::new(When::At(deadline))
    }

    /// No deadline, until it is set by [`reschedule`](Deadline::reschedule).
    pub fn never() -> Deadline {
        Deadline(CancelScope::new())
    }

    fn new(when: When) -> Deadline {
        let deadline = Deadline::never();
        deadline.0.0.limit.deadline.set(when);
        deadline
    }

    /// Runs a future under this deadline, once.
    ///
    /// # Errors
    ///
    /// [`Elapsed`], as for [`timeout`].
    ///
    /// # Panics
    ///
    /// When polled outside an executor. When a second future is run under one deadline.
    pub fn run<F: Future>(&self, future: F) -> Timeout<F> {
        Timeout { inner: self.0.run(future) }
    }

    /// Moves the deadline; `None` takes it away. `false` if that comes too late: it has passed.
    pub fn reschedule(&self, deadline: Option<Instant>) -> bool {
        self.0.set_deadline(deadline)
    }

    /// When the deadline is, if that is known: not before the first poll for one that counts from there.
    pub fn when(&self) -> Option<Instant> {
        self.0.deadline()
    }

    /// Did the deadline pass before what runs under it had ended? That says not how it has ended: what was ready by then is returned as a
    /// value, and so is what clean-up did not give up. [`run`](Deadline::run) tells that.
    pub fn expired(&self) -> bool {
        self.0.reason() == Some(CancelReason::DeadlineExceeded)
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadline").field("when", &self.when()).field("expired", &self.expired()).finish()
    }
}

pin_project! {
    /// The future of [`timeout`] and of [`Deadline::run`].
    #[must_use = "nothing runs until this is awaited"]
    pub struct Timeout<F> {
        #[pin]
        inner: InScope<F>,
    }
}

impl<F> Timeout<F> {
    /// When the timeout's time is over. `None` if the timeout has no deadline, as [`Deadline::when`] says it (where a [`Sleep`](crate::time::sleep::Sleep) says
    /// [`Instant::NEVER`]), or that is not known: a limit counts from when the loop looks at the clock next
    /// after the first poll.
    pub fn deadline(&self) -> Option<Instant> {
        self.inner.scoped.deadline()
    }

    /// The future. `None` once its time was over: it was dropped then. (It is still there when it has finished.)
    ///
    /// Only of futures that may be moved at any time, such as a [`Task`](crate::Task) or a boxed future: a plain reference to another one
    /// that is half-way would touch what that has borrowed from itself.
    pub fn get_ref(&self) -> Option<&F>
    where
        F: Unpin,
    {
        self.inner.scoped.body.get_ref()
    }

    /// The future; `None` once its time was over. Of a timeout that is pinned, [`get_pin_mut`](Timeout::get_pin_mut) gives it.
    pub fn get_mut(&mut self) -> Option<&mut F> {
        self.inner.scoped.body.get_mut()
    }

    /// The future of a timeout that is pinned; `None` once its time was over.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Option<Pin<&mut F>> {
        self.project().inner.project().scoped.project().body.get()
    }

    /// The future without the timeout; `None` once its time was over. The [`Deadline`] that this one was [run](Deadline::run) under is done
    /// with: its scope counts as cancelled, since what ran in it has left, and it can neither be moved nor run another future.
    ///
    /// ```
    /// use evenkeel::{run, spawn, timeout};
    /// use std::time::Duration;
    ///
    /// run(async {
    ///     let mut patient = timeout(Duration::from_secs(1), spawn(async { 7 }));
    ///     assert!(!patient.get_mut().unwrap().is_finished());
    ///     // Wait for it, however long it takes.
    ///     let task = patient.into_inner().unwrap();
    ///     assert_eq!(task.await.unwrap(), 7);
    /// });
    /// ```
    pub fn into_inner(mut self) -> Option<F> {
        self.inner.scoped.body.take()
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(cx).map(|outcome| outcome.map_err(|_| Elapsed))
    }
}

impl<F> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Timeout").field(&self.inner).finish()
    }
}
