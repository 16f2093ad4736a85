//! The clean-up point: what a cancelled region waits for.
//!
//! ```text
//!   Guard::poll           the body ended: value,         Cleaning::poll
//!  ┌────────┐             cancelled, or panicked        ┌──────────┐   ready
//!  │ guards │ ────────────────────────────────────────► │  cleans  │ ─────────► done: Ended::resume
//!  └────────┘                                           └──────────┘
//! ```
//!
//! The body's part is a region that can be cancelled from around; the clean-up's is the same region, shielded.

use super::{
    here::polled_by,
    region::{Kind, Payload, Region, report},
    scope::{Site, first_panic},
};
use crate::{core::Core, join_error::Panic, raw::enter, unhandled::Cause};
use pin_project_lite::pin_project;
use std::{
    fmt,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// What the parts of one clean-up point share.
#[derive(Clone)]
pub(super) struct Point {
    region: Rc<Region>,
    site: Site,
}

/// How a body ended.
pub(super) enum Ended<T> {
    Value(T),
    Cancelled,
    Panicked(Held),
}

impl<T> Ended<T> {
    pub(super) fn split(self) -> (Option<T>, Option<Held>) {
        match self {
            Ended::Value(value) => (Some(value), None),
            Ended::Cancelled => (None, None),
            Ended::Panicked(panic) => (None, Some(panic)),
        }
    }
}

/// A panic that waits for clean-up before it goes on. It is reported if that never comes.
pub(super) struct Held(Option<Payload>);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(payload) = self.0.take() {
            report(Cause::CleanupPanicked(Panic::new(payload)));
        }
    }
}

impl Point {
    pub(super) fn new(site: Site) -> Point {
        Point { region: Region::new(Kind::Guarded), site }
    }

    /// A poll begins. `true` if what is around was cancelled.
    #[inline]
    fn arrive(&self, core: &Core, cx: &Context<'_>) -> bool {
        let around = self.region.arrive(core);
        if around {
            self.region.reach(core, cx.waker());
        }
        around
    }

    /// The point waits.
    fn wait(&self, core: &Core, cx: &Context<'_>) {
        self.region.register(core, cx.waker());
        if !self.region.is_reached() && self.region.is_outer_cancelled() {
            // The cancellation came in this very poll, before the point could be told.
            cx.waker().wake_by_ref();
        }
    }

    /// It was dropped before it was done.
    fn skip(&self) {
        self.region.abandon();
        if !enter::with_current(|core| core.is_some_and(|core| core.tasks.is_quiet())) {
            report(Cause::CleanupSkipped(self.site));
        }
    }

    /// A panic goes on. In a cancelled scope not at once, since it would take clean-up in other branches with it: it goes
    /// on when the scope ends.
    fn throw(&self, core: &Core, payload: Payload) {
        match core.tasks.region_here() {
            Some(around) if core.tasks.is_cancelled_here() => around.stash(payload),
            _ => resume_unwind(payload),
        }
    }
}

impl Drop for Point {
    #[inline]
    fn drop(&mut self) {
        Region::recycle(&mut self.region);
    }
}

pin_project! {
    /// The first part of a clean-up point: the body.
    pub(super) struct Guard<F> {
        point: Point,
        started: bool,
        #[pin]
        body: Option<F>,
    }
    impl<F> PinnedDrop for Guard<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if *this.started && this.body.is_some() {
                let dropped = catch_unwind(AssertUnwindSafe(|| this.body.set(None)));
                this.point.skip();
                if let Err(payload) = dropped {
                    go_on_or_report(payload);
                }
            }
        }
    }
}

impl<F> Guard<F> {
    pub(super) fn new(point: Point, body: F) -> Guard<F> {
        Guard { point, started: false, body: Some(body) }
    }
}

impl<F: Future> Future for Guard<F> {
    type Output = Ended<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        polled_by("a clean-up point", |core| {
            let (point, region) = (&*this.point, &this.point.region);
            let cancelled = point.arrive(core, cx);
            if !std::mem::replace(this.started, true) {
                region.set_late(cancelled);
            }
            loop {
                let reached = core.tasks.here.reached();
                let body = this.body.as_mut().as_pin_mut().expect("a body is polled until it has ended");
                let polled = catch_unwind(AssertUnwindSafe(|| core.tasks.here.inside(region, || body.poll(cx))));
                match polled {
                    Ok(Poll::Ready(value)) => {
                        let dropped = drop_body(&mut this.body);
                        let stashed = first_panic(region.take_panic(), dropped);
                        if let Some(payload) = stashed {
                            report(Cause::CleanupPanicked(Panic::new(payload)));
                        }
                        return Poll::Ready(Ended::Value(value));
                    }
                    Err(payload) => {
                        let dropped = drop_body(&mut this.body);
                        let first = first_panic(Some(payload), first_panic(region.take_panic(), dropped));
                        return Poll::Ready(Ended::Panicked(Held(first)));
                    }
                    Ok(Poll::Pending) => {}
                }
                // If the cancellation came in this very poll, the scope around polls once more.
                if !cancelled || region.is_working() {
                    point.wait(core, cx);
                    return Poll::Pending;
                }
                if core.tasks.here.reached() == reached {
                    if region.is_worth_another_poll(&core.tasks) {
                        point.wait(core, cx);
                        return Poll::Pending;
                    }
                    break;
                }
            }
            let dropped = drop_body(&mut this.body);
            Poll::Ready(match first_panic(region.take_panic(), dropped) {
                Some(payload) => Ended::Panicked(Held(Some(payload))),
                None => Ended::Cancelled,
            })
        })
    }
}

fn drop_body<F>(body: &mut Pin<&mut Option<F>>) -> Option<Payload> {
    catch_unwind(AssertUnwindSafe(|| body.set(None))).err()
}

fn go_on_or_report(payload: Payload) {
    if std::thread::panicking() {
        report(Cause::DestructorPanicked(Panic::new(payload)));
    } else {
        resume_unwind(payload);
    }
}

pin_project! {
    /// The second part: the clean-up. Yields its output, or its panic.
    pub(super) struct Cleaning<F> {
        point: Point,
        #[pin]
        cleanup: Option<F>,
    }
    impl<F> PinnedDrop for Cleaning<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.cleanup.is_some() {
                let dropped = catch_unwind(AssertUnwindSafe(|| this.cleanup.set(None)));
                this.point.skip();
                if let Err(payload) = dropped {
                    go_on_or_report(payload);
                }
            }
        }
    }
}

impl<F> Cleaning<F> {
    pub(super) fn new(point: Point, cleanup: F) -> Cleaning<F> {
        point.region.set_kind(Kind::Shielded);
        Cleaning { point, cleanup: Some(cleanup) }
    }
}

impl<U, F: Future<Output = Option<U>>> Future for Cleaning<F> {
    type Output = Result<Option<U>, Held>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        polled_by("a clean-up point", |core| {
            let (point, region) = (&*this.point, &this.point.region);
            point.arrive(core, cx);
            let cleanup = this.cleanup.as_mut().as_pin_mut().expect("a clean-up is polled until it has ended");
            let polled = catch_unwind(AssertUnwindSafe(|| core.tasks.here.inside(region, || cleanup.poll(cx))));
            let outcome = match polled {
                Ok(Poll::Pending) if region.is_opened() => {
                    let dropped = drop_body(&mut this.cleanup);
                    point.skip();
                    return Poll::Ready(dropped.map_or(Ok(None), |payload| Err(Held(Some(payload)))));
                }
                Ok(Poll::Pending) => {
                    point.wait(core, cx);
                    return Poll::Pending;
                }
                Ok(Poll::Ready(output)) => Ok(output),
                Err(payload) => Err(payload),
            };
            let dropped = drop_body(&mut this.cleanup);
            region.end();
            Poll::Ready(match outcome {
                Ok(output) => match dropped {
                    Some(payload) => Err(Held(Some(payload))),
                    None => Ok(output),
                },
                Err(payload) => Err(Held(first_panic(Some(payload), dropped))),
            })
        })
    }
}

/// The end of a clean-up point. With a value its code goes on; with a panic that goes on; otherwise its code is not resumed:
/// the scope that is cancelled drops it.
pub(super) async fn resume<T>(point: Point, outcome: Result<Option<T>, Held>, panic: Option<Held>) -> T {
    let (mut value, mut panic) = match (outcome, panic) {
        // The body's panic came first. The other is reported, as it is dropped here.
        (_, Some(panic)) => (None, Some(panic)),
        (Ok(value), None) => (value.filter(|_| !point.region.is_late()), None),
        (Err(panic), None) => (None, Some(panic)),
    };
    poll_fn(move |_| {
        if let Some(payload) = panic.take().and_then(|mut held| held.0.take()) {
            polled_by("a clean-up point", |core| point.throw(core, payload));
        }
        value.take().map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

pin_project! {
    /// The future of [`shield`](crate::shield).
    #[must_use = "nothing runs until this is awaited"]
    pub struct Shield<F> {
        state: State,
        site: Site,
        #[pin]
        future: Option<F>,
    }
    impl<F> PinnedDrop for Shield<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let State::Shields(point) = &*this.state {
                let dropped = catch_unwind(AssertUnwindSafe(|| this.future.set(None)));
                point.skip();
                if let Err(payload) = dropped {
                    go_on_or_report(payload);
                }
            }
        }
    }
}

enum State {
    New,
    /// It was first polled in a scope that was cancelled already: it shields nothing.
    Open,
    Shields(Point),
    /// It panicked in a cancelled scope, which goes on with that; or it was given up.
    Failed,
    Done,
}

impl<F> Shield<F> {
    pub(super) fn new(future: F, site: Site) -> Shield<F> {
        Shield { state: State::New, site, future: Some(future) }
    }
}

impl<F> fmt::Debug for Shield<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shield({})", self.site)
    }
}

impl<F: Future> Future for Shield<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        polled_by("a shield", |core| {
            if let State::New = this.state {
                *this.state = if core.tasks.is_cancelled_here() {
                    State::Open
                } else {
                    let point = Point::new(this.site);
                    point.region.set_kind(Kind::Shielded);
                    State::Shields(point)
                };
            }
            let point = match &*this.state {
                State::Shields(point) => point.clone(),
                State::Open => {
                    let future = this.future.as_mut().as_pin_mut().expect("polled after it had ended");
                    return future.poll(cx);
                }
                State::Failed => return Poll::Pending,
                State::New | State::Done => panic!("a shield was polled after it had ended"),
            };
            point.arrive(core, cx);
            let future = this.future.as_mut().as_pin_mut().expect("a shield's future lives until it has ended");
            let polled = catch_unwind(AssertUnwindSafe(|| core.tasks.here.inside(&point.region, || future.poll(cx))));
            match polled {
                Ok(Poll::Pending) if point.region.is_opened() => {
                    *this.state = State::Failed;
                    let dropped = drop_body(&mut this.future);
                    point.skip();
                    if let Some(payload) = dropped {
                        point.throw(core, payload);
                    }
                    Poll::Pending
                }
                Ok(Poll::Pending) => {
                    point.wait(core, cx);
                    Poll::Pending
                }
                Ok(Poll::Ready(value)) => {
                    *this.state = State::Done;
                    point.region.end();
                    Poll::Ready(value)
                }
                Err(payload) => {
                    *this.state = State::Failed;
                    let dropped = drop_body(&mut this.future);
                    point.region.end();
                    if let Some(payload) = first_panic(Some(payload), dropped) {
                        point.throw(core, payload);
                    }
                    Poll::Pending
                }
            }
        })
    }
}
