//! The cancel scope.

use super::{
    here::polled_by,
    limit::NEVER,
    region::{Kind, Payload, Region, report, wake},
    token::CancelToken,
};
use crate::{
    cancel::reason::{CancelReason, Cancelled},
    core::Core,
    join_error::Panic,
    time::{Instant, When},
    unhandled::Cause,
};
use pin_project_lite::pin_project;
use std::{
    fmt,
    panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

/// A part of a task that can be cancelled as a whole. This is the handle; what runs in it is given to
/// [`run`](CancelScope::run).
///
/// The first cancellation stays, with its reason: a cancelled scope is cancelled for good, so that nobody can swallow it
/// by accident. A scope that is cancelled before it runs does not start its future; after its end, cancelling has no
/// effect but on its [tokens](CancelScope::token).
///
/// ```
/// use evenkeel_executor::{CancelScope, Cancelled, run, sleep, spawn};
/// use std::time::Duration;
///
/// run(async {
///     let scope = CancelScope::new();
///     let handle = scope.clone();
///     let escape = spawn(async move { handle.cancel("the user pressed Esc") });
///     let Err(Cancelled(reason)) = scope.run(sleep(Duration::MAX)).await else { unreachable!() };
///     assert_eq!(reason.to_string(), "the user pressed Esc");
///     escape.await.unwrap();
/// });
/// ```
#[derive(Clone)]
pub struct CancelScope(pub(super) Rc<Region>);

impl CancelScope {
    /// A scope that nothing runs in yet.
    #[expect(clippy::new_without_default, reason = "each scope is one of its own, not a value")]
    pub fn new() -> CancelScope {
        CancelScope(Region::new(Kind::Scope))
    }

    /// Runs a future in this scope, once.
    ///
    /// If the scope is cancelled, the future is polled once more. A value that it yields then counts; otherwise it is
    /// dropped where it is suspended, after the clean-up in it is done.
    ///
    /// Cancel-safe as far as `future` is.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if this very scope was cancelled before the future had finished. If a scope around it was cancelled
    /// too, nothing is returned: the code that awaits this is stopped as well.
    ///
    /// # Panics
    ///
    /// When polled outside an executor. When a second future is run in one scope. When clean-up in it panicked.
    pub fn run<F: Future>(&self, future: F) -> InScope<F> {
        InScope::new(self.0.clone(), future)
    }

    /// Cancels the scope. The first reason stays; `false` if it was cancelled before.
    ///
    /// Code that does not suspend is not stopped: a scope that is cancelled by its own code is stopped where that awaits
    /// next.
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        cancel(&self.0, reason.into())
    }

    /// Was this scope cancelled, or one around it?
    pub fn is_cancelled(&self) -> bool {
        look(&self.0);
        self.0.is_cancelled_now()
    }

    /// Why this very scope was cancelled.
    pub fn reason(&self) -> Option<CancelReason> {
        look(&self.0);
        self.0.reason().cloned()
    }

    /// Cancels the scope at that time, with the reason [`CancelReason::DeadlineExceeded`]; `None` for never. It may be set
    /// and moved from inside and outside, before the scope runs and while it does. `false` if it comes too late: the scope
    /// is cancelled already.
    pub fn set_deadline(&self, deadline: impl Into<Option<Instant>>) -> bool {
        self.limit_to(deadline.into().map_or(NEVER, When::At))
    }

    /// The deadline, if there is one. One that counts from the scope's start is not known before that.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.limit.deadline()
    }

    /// How long clean-up may take once the scope is cancelled; `None`, which is the default, for as long as it needs. What
    /// is left then is dropped, and reported to `on_unhandled`.
    pub fn set_grace(&self, grace: impl Into<Option<Duration>>) {
        self.0.limit.set_grace(grace.into());
    }

    /// A token for those who pass cancellation by hand.
    pub fn token(&self) -> CancelToken {
        CancelToken(self.0.clone())
    }

    pub(super) fn limit_to(&self, deadline: When) -> bool {
        look(&self.0);
        if self.0.reason().is_some() {
            return false;
        }
        self.0.limit.set_deadline(deadline);
        if let Some(waker) = self.0.limit.take_waker() {
            // Its future starts the timer.
            wake(waker);
        }
        true
    }
}

impl fmt::Debug for CancelScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelScope").field("reason", &self.0.reason()).field("deadline", &self.deadline()).finish()
    }
}

pub(super) fn cancel(scope: &Region, reason: CancelReason) -> bool {
    look(scope);
    if !scope.cancel(reason.clone()) {
        return false;
    }
    if let Some(remote) = scope.limit.remote.get() {
        remote.cancel(reason);
    }
    if let Some(waker) = scope.limit.take_waker() {
        wake(waker);
    }
    true
}

/// Has its time come, or has another thread cancelled it?
#[inline]
pub(super) fn look(scope: &Region) {
    if scope.reason().is_some() {
        return;
    }
    if let Some(reason) = scope.limit.remote.get().and_then(|remote| remote.reason()) {
        scope.cancel(reason);
    } else if scope.limit.has_passed() {
        scope.cancel(CancelReason::DeadlineExceeded);
    }
}

pin_project! {
    /// A future that runs in a scope: that of [`CancelScope::run`].
    #[must_use = "nothing runs until this is awaited"]
    pub struct InScope<F> {
        region: Rc<Region>,
        state: State,
        #[pin]
        body: Option<F>,
    }
    impl<F> PinnedDrop for InScope<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if *this.state == State::Running {
                drop_unfinished(this.region, this.body);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    New,
    Running,
    /// Its grace period is over, but a scope around it is cancelled: nothing is returned.
    Dropped,
    Done,
}

impl<F> InScope<F> {
    pub(super) fn new(region: Rc<Region>, future: F) -> InScope<F> {
        InScope { region, state: State::New, body: Some(future) }
    }
}

impl<F> fmt::Debug for InScope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InScope").field("state", &self.state).finish_non_exhaustive()
    }
}

impl<F: Future> Future for InScope<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let state = this.state;
        let outcome =
            ready!(polled_by("a cancel scope", |core| poll_in_scope(core, this.region, state, this.body, cx)));
        *state = State::Done;
        Poll::Ready(outcome)
    }
}

fn poll_in_scope<F: Future>(
    core: &Core,
    region: &Rc<Region>,
    state: &mut State,
    mut body: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Cancelled>> {
    let around = region.arrive(core);
    match *state {
        State::New if around => return Poll::Pending, // Code in a cancelled scope starts nothing.
        State::New => {
            if region.limit.enter() {
                panic!("a second future was run in one CancelScope: make a scope for each");
            }
            look(region);
            if region.reason().is_some() {
                return Poll::Ready(Err(never_started(region, body)));
            }
            *state = State::Running;
            if region.limit.is_past() {
                // At its own deadline it is polled once.
                cancel(region, CancelReason::DeadlineExceeded);
            }
        }
        State::Running => look(region),
        State::Dropped => return Poll::Pending,
        State::Done => panic!("the future of a CancelScope was polled after it had ended"),
    }
    loop {
        let was_cancelled = region.is_cancelled();
        let reached = core.tasks.here.reached();
        let future = body.as_mut().as_pin_mut().expect("a scope's future lives while it runs");
        if let Poll::Ready(value) = core.tasks.here.inside(region, || future.poll(cx)) {
            // A completed result is never lost.
            end(region);
            if let Some(payload) = region.take_panic() {
                report(Cause::CleanupPanicked(Panic::new(payload)));
            }
            return Poll::Ready(Ok(value));
        }
        // What is around it may have been cancelled in this poll.
        let around = region.is_outer_cancelled();
        if !around && region.reason().is_none() {
            wait(core, region, cx);
            return Poll::Pending;
        }
        if !was_cancelled {
            // Delivery: once more.
            continue;
        }
        if region.is_working() {
            if region.limit.grace_has_passed() {
                break;
            }
            wait(core, region, cx);
            region.limit.watch_grace(cx.waker());
            if !region.limit.grace_has_passed() {
                return Poll::Pending;
            }
            break;
        }
        if around {
            // The outermost scope that is cancelled decides.
            wait(core, region, cx);
            return Poll::Pending;
        }
        if core.tasks.here.reached() == reached {
            break;
        }
    }
    stop(core, region, state, body)
}

/// The scope waits: whoever may end that knows the newest waker.
#[inline]
fn wait(core: &Core, region: &Rc<Region>, cx: &Context<'_>) {
    let was_cancelled = region.reason().is_some();
    if region.has_members() {
        region.register(core, cx.waker());
    }
    if Rc::strong_count(region) > 1 {
        // Somebody has a handle.
        region.limit.keep_waker(cx.waker());
        if let Some(remote) = region.limit.remote.get() {
            if !remote.keep_scope(cx.waker()) && !was_cancelled {
                cx.waker().wake_by_ref();
            }
        }
    }
    if !was_cancelled {
        region.limit.watch_deadline(cx.waker());
        if region.reason().is_some() {
            // A waker's clone, which may be foreign code, has cancelled the scope.
            cx.waker().wake_by_ref();
        }
    }
}

/// The future has not finished, and no clean-up in it is at work any more (or it has worked for too long).
fn stop<F: Future>(
    core: &Core,
    region: &Rc<Region>,
    state: &mut State,
    mut body: Pin<&mut Option<F>>,
) -> Poll<Result<F::Output, Cancelled>> {
    let overdue = region.is_working();
    *state = State::Dropped;
    let dropped = catch_unwind(AssertUnwindSafe(|| {
        if overdue {
            core.tasks.quietly(|| body.set(None));
        } else {
            body.set(None);
        }
    }));
    if overdue {
        report(Cause::GraceExceeded);
    }
    let first = region.take_panic();
    end(region);
    if let Some(payload) = first_panic(first, dropped.err()) {
        resume_unwind(payload);
    }
    if region.is_outer_cancelled() {
        return Poll::Pending;
    }
    Poll::Ready(Err(Cancelled(region.reason().cloned().unwrap_or(CancelReason::OwnerDropped))))
}

/// Of two panics the first goes on, the second is reported.
pub(super) fn first_panic(first: Option<Payload>, second: Option<Payload>) -> Option<Payload> {
    match (first, second) {
        (Some(first), Some(second)) => {
            report(Cause::CleanupPanicked(Panic::new(second)));
            Some(first)
        }
        (first, second) => first.or(second),
    }
}

#[cold]
fn never_started<F>(region: &Region, mut body: Pin<&mut Option<F>>) -> Cancelled {
    body.set(None);
    end(region);
    Cancelled(region.reason().cloned().unwrap_or(CancelReason::OwnerDropped))
}

#[inline]
fn end(region: &Region) {
    region.end();
    region.limit.end(true);
}

/// The scope's future is dropped before it has ended: by an outer scope that stops, or by foreign code.
fn drop_unfinished<F>(region: &Rc<Region>, mut body: Pin<&mut Option<F>>) {
    let dropped = catch_unwind(AssertUnwindSafe(|| body.set(None)));
    region.abandon();
    region.limit.end(true);
    if Rc::strong_count(region) > 1 {
        // Those who wait for a token's cancellation would wait for ever.
        cancel(region, CancelReason::OwnerDropped);
    }
    if let Err(payload) = dropped {
        if std::thread::panicking() {
            report(Cause::DestructorPanicked(Panic::new(payload)));
        } else {
            resume_unwind(payload);
        }
    }
}

/// Where a clean-up point was written.
pub(super) type Site = &'static Location<'static>;
