//! The cancel scope.

use crate::{
    cancel::token::CancelToken,
    outcome::{
        caught::caught,
        panic::Panic,
        reason::{CancelReason, Cancelled},
        unhandled::{UnhandledKind, report_unhandled as report},
    },
    raw::place::Place,
    region::{
        drive::{Verdict, drive},
        epoch::{Epoch, epoch},
        held::{Held, first_of},
        limit::{NEVER, is_past},
        region::{Kind, Region},
        timer::Watch,
    },
    task::tasks::{Tasks, polled_by},
    time::{instant::Instant, wheel::When},
    wake::call::call,
};
use pin_project_lite::pin_project;
use std::{
    fmt,
    panic::resume_unwind,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
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
/// use evenkeel::{CancelScope, Cancelled, run, sleep, spawn};
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
pub struct CancelScope(pub(crate) Rc<Region>);

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
        self.0.cancel_once(reason.into())
    }

    /// Was this scope cancelled, or one around it?
    pub fn is_cancelled(&self) -> bool {
        self.0.look();
        self.0.is_cancelled_now()
    }

    /// Why this very scope was cancelled.
    pub fn reason(&self) -> Option<CancelReason> {
        self.0.look();
        self.0.reason().cloned()
    }

    /// Cancels the scope at that time, with the reason [`CancelReason::DeadlineExceeded`]; `None` for never. It may be set
    /// and moved from inside and outside, before the scope runs and while it does. `false` if it comes too late: the scope
    /// is cancelled already, or has ended.
    pub fn set_deadline(&self, deadline: impl Into<Option<Instant>>) -> bool {
        self.limit_to(deadline.into().map_or(NEVER, When::At))
    }

    /// The deadline, if there is one. One that counts from the scope's start is not known before that.
    pub fn deadline(&self) -> Option<Instant> {
        match self.0.limit.deadline.get() {
            NEVER | When::After(_) => None,
            When::At(at) => Some(at),
        }
    }

    /// How long clean-up may take once the scope is cancelled; `None`, which is the default, for as long as it needs. What
    /// is left then is dropped, and reported to `on_unhandled`.
    pub fn set_grace(&self, grace: impl Into<Option<Duration>>) {
        self.0.limit.grace.set(grace.into());
        if let Some(waker) = self.0.limit.take_waker() {
            // Clean-up may be at work already: the scope's future starts the timer.
            call(waker);
        }
    }

    /// A token for those who pass cancellation by hand.
    pub fn token(&self) -> CancelToken {
        CancelToken(self.0.clone())
    }

    pub(crate) fn limit_to(&self, deadline: When) -> bool {
        self.0.look();
        if self.0.reason().is_some() || self.0.limit.has_ended() {
            return false;
        }
        self.0.limit.deadline.set(deadline);
        if let Some(waker) = self.0.limit.take_waker() {
            // Its future starts the timer.
            call(waker);
        }
        true
    }
}

impl Drop for CancelScope {
    #[inline]
    fn drop(&mut self) {
        Region::recycle(&mut self.0);
    }
}

impl fmt::Debug for CancelScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelScope").field("reason", &self.0.reason()).field("deadline", &self.deadline()).finish()
    }
}

pin_project! {
    /// A future that runs in a scope: that of [`CancelScope::run`].
    #[must_use = "nothing runs until this is awaited"]
    pub struct InScope<F> {
        // `None` for a timeout that nothing has needed a region of yet, and once it has ended.
        region: Option<Rc<Region>>,
        state: State,
        // Of a timeout without a region.
        deadline: When,
        watch: Watch,
        #[pin]
        body: Place<F>,
    }
    impl<F> PinnedDrop for InScope<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(region) = this.region.take() {
                if *this.state == State::New && region.limit.was_entered() {
                    // Another future runs in the scope, or did.
                    return;
                }
                drop_unfinished(region, this.watch, this.body);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    New,
    Running,
    /// It has stopped, but a scope around it is cancelled: nothing is returned.
    Stopped,
}

/// What is to be done with a scope after a poll.
pub(crate) enum Next<T> {
    /// Nothing: it was not started, or has stopped, and something around it is cancelled.
    Nothing,
    Wait,
    Return(T),
    /// `overdue`: clean-up is at work, for too long.
    Stop {
        overdue: bool,
    },
}

impl<F> InScope<F> {
    pub(crate) fn new(region: Rc<Region>, future: F) -> InScope<F> {
        InScope {
            region: Some(region),
            state: State::New,
            deadline: NEVER,
            watch: Watch::default(),
            body: Place::new(future),
        }
    }

    /// A scope that nobody has a handle of. Unless something in it needs a region, it does without one.
    #[inline]
    pub(crate) fn with_deadline(deadline: When, future: F) -> InScope<F> {
        InScope { region: None, state: State::New, deadline, watch: Watch::default(), body: Place::new(future) }
    }
}

impl<F> fmt::Debug for InScope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InScope").field("state", &self.state).finish_non_exhaustive()
    }
}

impl<F: Future> Future for InScope<F> {
    type Output = Result<F::Output, Cancelled>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        poll_scope(this.region, this.state, *this.deadline, this.watch, this.body, cx)
    }
}

/// A poll of any scope: of one with handles, of a timeout, of a branch.
#[inline(always)]
pub(crate) fn poll_scope<F: Future>(
    region: &mut Option<Rc<Region>>,
    state: &mut State,
    deadline: When,
    watch: &mut Watch,
    mut body: Pin<&mut Place<F>>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Cancelled>> {
    let polled = polled_by("a cancel scope", |tasks| {
        let is_bare = region.is_none() && !tasks.is_cancelled_here() && !watch.has_fired();
        let next = if is_bare && (*state == State::Running || !is_past(deadline)) {
            // The price of a timeout that does not fire.
            *state = State::Running;
            let future = body.as_mut().get().expect("a scope was polled after it had ended");
            let before = epoch();
            let (polled, made) = tasks.here.inside_bare(|| future.poll(cx));
            if polled.is_pending() && made.is_none() && epoch() == before {
                watch.keep_deadline(deadline, cx.waker());
                return Poll::Pending;
            }
            next_of(tasks, (polled, made), before, (region, deadline), watch, &mut body, cx)
        } else {
            let region = get_region(region, None, deadline);
            poll_in_region(tasks, region, state, watch, &mut body, cx)
        };
        conclude(tasks, next, region, state, watch, body, cx)
    });
    if polled.is_ready() {
        end(region, watch);
    }
    polled
}

/// What is to be done after a poll without a region, in which one was `made` perhaps.
#[inline(always)]
pub(crate) fn next_of<F: Future>(
    tasks: &Tasks,
    (polled, made): (Poll<F::Output>, Option<Rc<Region>>),
    before: Epoch,
    (region, deadline): (&mut Option<Rc<Region>>, When),
    watch: &mut Watch,
    body: &mut Pin<&mut Place<F>>,
    cx: &mut Context<'_>,
) -> Next<F::Output> {
    if let Poll::Ready(value) = polled {
        *region = made;
        return Next::Return(value);
    }
    let region = get_region(region, made, deadline);
    region.arrive(tasks);
    if epoch() == before || region.is_outer_cancelled() {
        Next::Wait
    } else {
        poll_cancelled(tasks, region, watch, body, cx)
    }
}

/// Does that.
#[inline(always)]
pub(crate) fn conclude<F: Future>(
    tasks: &Tasks,
    next: Next<F::Output>,
    region: &Option<Rc<Region>>,
    state: &mut State,
    watch: &mut Watch,
    body: Pin<&mut Place<F>>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Cancelled>> {
    match (next, region) {
        // A completed result is never lost.
        (Next::Return(value), _) => Poll::Ready(Ok(value)),
        (Next::Wait, Some(region)) => {
            wait(tasks, region, watch, cx);
            Poll::Pending
        }
        (Next::Stop { overdue }, Some(region)) => {
            if let Some(cancelled) = stop(tasks, region, overdue, state, watch, body) {
                return Poll::Ready(Err(cancelled));
            }
            region.wait_for_end_around(tasks, cx.waker());
            Poll::Pending
        }
        (Next::Nothing, Some(region)) => {
            region.wait_for_end_around(tasks, cx.waker());
            Poll::Pending
        }
        (_, None) => Poll::Pending,
    }
}

#[cold]
fn get_region(region: &mut Option<Rc<Region>>, made: Option<Rc<Region>>, deadline: When) -> &Rc<Region> {
    region.get_or_insert_with(|| {
        let region = made.unwrap_or_else(|| Region::new(Kind::Scope));
        region.limit.deadline.set(deadline);
        region
    })
}

/// A poll of a scope that has a region.
fn poll_in_region<F: Future>(
    tasks: &Tasks,
    region: &Rc<Region>,
    state: &mut State,
    watch: &mut Watch,
    body: &mut Pin<&mut Place<F>>,
    cx: &mut Context<'_>,
) -> Next<F::Output> {
    if *state == State::New && region.limit.was_entered() {
        panic!("a second future was run in one CancelScope: make a scope for each");
    }
    let around = region.arrive(tasks);
    match *state {
        State::Running => {}
        // Code in a cancelled scope starts nothing, and nothing is returned to it.
        _ if around => return Next::Nothing,
        State::New => begin(region, state, body.as_mut()),
        State::Stopped => return Next::Stop { overdue: false },
    }
    if region.has_come(watch) || around {
        return poll_cancelled(tasks, region, watch, body, cx);
    }
    let before = epoch();
    match poll_once(tasks, region, body, cx) {
        Poll::Ready(value) => Next::Return(value),
        // If this scope or one around it has been cancelled in this poll, the epoch is a new one. The outermost that is
        // cancelled then polls once more.
        Poll::Pending if epoch() == before || region.is_outer_cancelled() => Next::Wait,
        Poll::Pending => poll_cancelled(tasks, region, watch, body, cx),
    }
}

/// The first poll.
fn begin<F>(region: &Rc<Region>, state: &mut State, mut body: Pin<&mut Place<F>>) {
    region.limit.enter(is_shared(region));
    region.look();
    *state = State::Running;
    if region.reason().is_some() {
        // Cancelled before it began: the future is not started.
        body.as_mut().clear();
    } else if is_past(region.limit.deadline.get()) {
        // At its own deadline it is polled once.
        region.cancel_once(CancelReason::DeadlineExceeded);
    }
}

#[inline]
fn poll_once<F: Future>(
    tasks: &Tasks,
    region: &Rc<Region>,
    body: &mut Pin<&mut Place<F>>,
    cx: &mut Context<'_>,
) -> Poll<F::Output> {
    match body.as_mut().get() {
        Some(future) => region.poll_inside(&tasks.here.commons, cx, |cx| tasks.here.inside(region, || future.poll(cx))),
        None => Poll::Pending,
    }
}

/// The scope is cancelled, or one around it is.
#[cold]
fn poll_cancelled<F: Future>(
    tasks: &Tasks,
    region: &Rc<Region>,
    watch: &mut Watch,
    body: &mut Pin<&mut Place<F>>,
    cx: &mut Context<'_>,
) -> Next<F::Output> {
    if region.reason().is_none() && !region.is_outer_cancelled() {
        return Next::Wait;
    }
    let polled = drive(&tasks.here.commons, region, true, cx, |cx| match body.as_mut().get() {
        Some(future) => tasks.here.inside(region, || future.poll(cx)),
        None => Poll::Pending,
    });
    match polled {
        Ok(value) => Next::Return(value),
        Err(Verdict::Stop) => Next::Stop { overdue: false },
        Err(_) if region.is_at_work() && watch.is_overdue(&region.limit, cx.waker()) => Next::Stop { overdue: true },
        Err(_) => Next::Wait,
    }
}

/// The scope waits: whoever may end that knows the newest waker.
#[inline]
fn wait(tasks: &Tasks, region: &Rc<Region>, watch: &mut Watch, cx: &Context<'_>) {
    let is_cancelled = region.is_cancelled();
    region.wait(tasks, cx.waker(), true);
    if is_shared(region) {
        region.limit.keep_waker(cx.waker());
        if let Some(remote) = region.limit.remote.get() {
            if !remote.keep_scope(cx.waker()) && !is_cancelled {
                cx.waker().wake_by_ref();
            }
        }
    }
    if region.reason().is_some() {
        watch.forget_deadline();
    } else if !(is_cancelled && watch.is_lent()) {
        watch.keep_deadline(region.limit.deadline.get(), cx.waker());
    }
    if is_cancelled && !watch.has_deadline() && region.is_outer_cancelled() {
        // It is to stop, or its deadline is to count again, if it outlives what is cancelled around it.
        region.wait_for_end_around(tasks, cx.waker());
    }
    if !is_cancelled && region.is_cancelled() {
        // A waker's clone, which may be foreign code, has cancelled the scope.
        cx.waker().wake_by_ref();
    }
}

/// Has anybody else a handle of the scope?
#[inline]
fn is_shared(region: &Rc<Region>) -> bool {
    Rc::strong_count(region) > 1 || region.limit.remote.get().is_some()
}

/// The future has not finished, and no clean-up in it is at work any more, or for too long: drops it. `None`: a scope around
/// this one is cancelled too.
fn stop<F>(
    tasks: &Tasks,
    region: &Rc<Region>,
    overdue: bool,
    state: &mut State,
    watch: &mut Watch,
    mut body: Pin<&mut Place<F>>,
) -> Option<Cancelled> {
    *state = State::Stopped;
    region.unlink();
    let dropped = caught(|| if overdue { tasks.quietly(|| body.as_mut().clear()) } else { body.as_mut().clear() });
    if overdue {
        report(UnhandledKind::GraceExceeded);
        // It was not cancelled itself, perhaps, and now its future is gone. The first reason stays.
        region.cancel_once(CancelReason::OwnerDropped);
    }
    let first = region.take_panic();
    let around = region.is_outer_cancelled();
    region.end();
    watch.stop();
    if let Some(panic) = first_of(first, dropped.err().map(Held::new)) {
        match tasks.region_here() {
            // It would take other clean-up with it.
            Some(outer) if around => outer.stash(panic),
            _ => panic.resume(),
        }
    }
    (!around).then(|| Cancelled(region.reason().cloned().unwrap_or(CancelReason::OwnerDropped)))
}

#[inline]
pub(crate) fn end(region: &mut Option<Rc<Region>>, watch: &mut Watch) {
    if let Some(region) = region.take() {
        end_region(region);
    }
    watch.stop();
}

fn end_region(mut region: Rc<Region>) {
    region.end();
    if is_shared(&region) {
        region.limit.end();
        let waker = region.limit.take_waker();
        drop(waker);
    }
    Region::recycle(&mut region);
}

/// The scope's future is dropped before it has ended: by an outer scope that stops, or by foreign code.
pub(crate) fn drop_unfinished<F>(region: Rc<Region>, watch: &mut Watch, mut body: Pin<&mut Place<F>>) {
    region.unlink();
    let dropped = caught(|| body.as_mut().clear());
    region.abandon();
    if is_shared(&region) {
        // Those who wait for a token's cancellation would wait for ever.
        region.cancel_once(CancelReason::OwnerDropped);
    }
    end(&mut Some(region), watch);
    if let Err(payload) = dropped {
        if std::thread::panicking() {
            report(UnhandledKind::DestructorPanicked(Panic::new(payload)));
        } else {
            resume_unwind(payload);
        }
    }
}
