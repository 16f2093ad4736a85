//! The clean-up point: what a cancelled region waits for.
//!
//! ```text
//!   Guard::poll           the body ended: value,         Cleaning::poll
//!  ┌────────┐             cancelled, or panicked        ┌──────────┐   ready
//!  │ guards │ ────────────────────────────────────────► │  cleans  │ ─────────► done: Resume
//!  └────────┘                                           └──────────┘
//! ```
//!
//! The body's part is a region that can be cancelled from around; the clean-up's is the same region, shielded.

use crate::{
    outcome::{
        caught::{Payload, caught},
        panic::Panic,
        unhandled::{UnhandledKind, report_unhandled as report},
    },
    raw::lent::OnThread,
    raw::place::Place,
    region::{
        drive::{Verdict, drive},
        held::{Held, first_of},
        region::{Kind, Region},
    },
    task::tasks::{TASKS, Tasks, polled_by},
};
use evenkeel_coop::with_some_budget;
use pin_project_lite::pin_project;
use std::{
    fmt,
    panic::{Location, resume_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// Where a clean-up point was written.
pub(crate) type Site = &'static Location<'static>;

/// What the parts of one clean-up point share.
#[derive(Clone)]
pub(crate) struct Point {
    pub(super) region: Rc<Region>,
    pub(super) site: Site,
}

/// How a body ended.
pub(crate) enum Ended<T> {
    Value(T),
    Cancelled,
    Panicked(Held),
}

impl<T> Ended<T> {
    pub(crate) fn split(self) -> (Option<T>, Option<Held>) {
        match self {
            Ended::Value(value) => (Some(value), None),
            Ended::Cancelled => (None, None),
            Ended::Panicked(panic) => (None, Some(panic)),
        }
    }
}

impl Point {
    pub(crate) fn new(site: Site) -> Point {
        Point { region: Region::new(Kind::Guarded), site }
    }

    /// A poll of the point begins. `true` if what is around was cancelled: then the point is at work there until it is done.
    #[inline]
    fn arrive(&self, tasks: &Tasks) -> bool {
        let cancelled = self.region.arrive(tasks);
        if cancelled {
            self.region.reach(tasks);
        }
        cancelled
    }

    /// The point waits. `cancelled`: what is around was cancelled when the poll began. If that came later, it is polled again by
    /// whoever is around.
    #[inline]
    pub(super) fn wait(&self, tasks: &Tasks, cx: &Context<'_>, cancelled: bool) {
        self.region.wait(tasks, cx.waker(), cancelled);
    }

    /// The point was dropped before it was done, and is reported, unless somebody asked for that.
    pub(super) fn skip(&self) {
        self.region.abandon();
        if !TASKS.look(|tasks| tasks.is_some_and(Tasks::is_quiet)) {
            report(UnhandledKind::CleanupSkipped(self.site));
        }
    }

    /// Has a panic go on. In a cancelled scope not at once, since it would take clean-up in other branches with it: it goes
    /// on when the scope ends.
    pub(super) fn throw(&self, tasks: &Tasks, panic: Held) {
        match tasks.region_here() {
            Some(around) if tasks.is_cancelled_here() => around.stash(panic),
            _ => panic.resume(),
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
    pub(crate) struct Guard<F> {
        point: Point,
        started: bool,
        #[pin]
        body: Place<F>,
    }
    impl<F> PinnedDrop for Guard<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if *this.started && this.body.as_mut().is_taken() {
                let dropped = caught(|| this.body.as_mut().clear());
                this.point.skip();
                if let Err(payload) = dropped {
                    go_on_or_report(payload);
                }
            }
        }
    }
}

impl<F> Guard<F> {
    pub(crate) fn new(point: Point, body: F) -> Guard<F> {
        Guard { point, started: false, body: Place::new(body) }
    }
}

impl<F: Future> Future for Guard<F> {
    type Output = Ended<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        polled_by("a clean-up point", |tasks| {
            let (tasks, point, region) = (tasks, &*this.point, &this.point.region);
            let cancelled = region.arrive(tasks);
            let is_still = cancelled && region.has_waited() && tasks.is_still_here();
            if cancelled {
                region.reach(tasks);
            }
            if !std::mem::replace(this.started, true) {
                region.set_late(cancelled && !tasks.is_due_here());
            }
            // If the cancellation comes in this very poll, the scope around polls once more.
            let ended = if is_still {
                Err(Verdict::Stop)
            } else {
                drive(&tasks.here.commons, region, cancelled, cx, |cx| {
                    let body = this.body.as_mut().get().expect("a body is polled until it has ended");
                    let poll = || tasks.here.inside(region, || body.poll(cx));
                    match caught(|| if cancelled { with_some_budget(poll) } else { poll() }) {
                        Ok(Poll::Pending) => Poll::Pending,
                        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
                        Err(payload) => Poll::Ready(Err(Held::new(payload))),
                    }
                })
            };
            if let Err(Verdict::Wait) = ended {
                point.wait(tasks, cx, cancelled);
                return Poll::Pending;
            }
            region.unlink();
            let dropped = drop_body(&mut this.body);
            region.release();
            // What was only borrowed there may go on in the clean-up.
            region.wake_waiters();
            let stashed = first_of(region.take_panic(), dropped);
            Poll::Ready(match ended {
                // What else has panicked is reported, as it is dropped here.
                Ok(Ok(value)) => Ended::Value(value),
                Ok(Err(panic)) => Ended::Panicked(panic),
                Err(_) => stashed.map_or(Ended::Cancelled, Ended::Panicked),
            })
        })
    }
}

fn drop_body<F>(body: &mut Pin<&mut Place<F>>) -> Option<Held> {
    caught(|| body.as_mut().clear()).err().map(Held::new)
}

pub(super) fn go_on_or_report(payload: Payload) {
    if std::thread::panicking() {
        report(UnhandledKind::DestructorPanicked(Panic::new(payload)));
    } else {
        resume_unwind(payload);
    }
}

pin_project! {
    /// The second part of a clean-up point: the clean-up. Yields its output, or its panic.
    pub(crate) struct Cleaning<F> {
        point: Point,
        #[pin]
        cleanup: Place<F>,
    }
    impl<F> PinnedDrop for Cleaning<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.cleanup.as_mut().is_taken() {
                let dropped = caught(|| this.cleanup.as_mut().clear());
                this.point.skip();
                if let Err(payload) = dropped {
                    go_on_or_report(payload);
                }
            }
        }
    }
}

impl<F> Cleaning<F> {
    pub(crate) fn new(point: Point, cleanup: F) -> Cleaning<F> {
        point.region.set_kind(Kind::Shielded);
        Cleaning { point, cleanup: Place::new(cleanup) }
    }
}

impl<U, F: Future<Output = Option<U>>> Future for Cleaning<F> {
    type Output = Result<Option<U>, Held>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        polled_by("a clean-up point", |tasks| {
            let (tasks, point, region) = (tasks, &*this.point, &this.point.region);
            let cancelled = point.arrive(tasks);
            let cleanup = this.cleanup.as_mut().get().expect("a clean-up is polled until it has ended");
            let outcome = match poll_shielded(tasks, region, cx, cleanup) {
                Ok(Poll::Pending) if region.is_opened() => {
                    let dropped = drop_body(&mut this.cleanup);
                    point.skip();
                    return Poll::Ready(dropped.map_or(Ok(None), Err));
                }
                Ok(Poll::Pending) => {
                    point.wait(tasks, cx, cancelled);
                    return Poll::Pending;
                }
                Ok(Poll::Ready(output)) => Ok(output),
                Err(panic) => Err(panic),
            };
            let dropped = drop_body(&mut this.cleanup);
            region.end();
            Poll::Ready(match (outcome, dropped) {
                // Of two panics the second is reported, as it is dropped here.
                (Err(panic), _) | (Ok(_), Some(panic)) => Err(panic),
                (Ok(output), None) => Ok(output),
            })
        })
    }
}

/// Polls what a point's region shields.
fn poll_shielded<F: Future>(
    tasks: &Tasks,
    region: &Rc<Region>,
    cx: &mut Context<'_>,
    future: Pin<&mut F>,
) -> Result<Poll<F::Output>, Held> {
    let poll = |cx: &mut Context<'_>| tasks.here.inside(region, || future.poll(cx));
    caught(|| region.poll_by(&tasks.here.commons, cx, poll)).map_err(Held::new)
}

/// Ends a clean-up point. With a value its code goes on; with a panic that goes on; otherwise its code is not resumed:
/// the scope that is cancelled drops it.
pub(crate) fn resume<T>(point: Point, outcome: Result<Option<T>, Held>, panic: Option<Held>) -> Resume<T> {
    let (value, panic) = match (outcome, panic) {
        // The body's panic came first. The other is reported, as it is dropped here.
        (_, Some(panic)) => (None, Some(panic)),
        (Ok(value), None) => (value.filter(|_| !point.region.is_late()), None),
        (Err(panic), None) => (None, Some(panic)),
    };
    Resume { point, value, panic, has_ended: false }
}

/// The last part of a clean-up point.
pub(crate) struct Resume<T> {
    point: Point,
    value: Option<T>,
    panic: Option<Held>,
    /// A value or a panic went on.
    has_ended: bool,
}

impl<T> Unpin for Resume<T> {}

impl<T> Future for Resume<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<T> {
        assert!(!self.has_ended, "a clean-up point was polled after it had ended");
        if let Some(panic) = self.panic.take() {
            self.has_ended = true;
            polled_by("a clean-up point", |tasks| self.point.throw(tasks, panic));
            // The scope that is cancelled keeps it.
            self.has_ended = false;
        }
        let Some(value) = self.value.take() else { return Poll::Pending };
        self.has_ended = true;
        Poll::Ready(value)
    }
}

pin_project! {
    /// The future of [`shield`](crate::shield).
    #[must_use = "nothing runs until this is awaited"]
    pub struct Shield<F> {
        state: State,
        site: Site,
        #[pin]
        future: Place<F>,
    }
    impl<F> PinnedDrop for Shield<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let State::Shields(point) = &*this.state {
                let dropped = caught(|| this.future.as_mut().clear());
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
    /// The shield was first polled in a scope that was cancelled already: it shields nothing.
    Open,
    Shields(Point),
    /// The shielded future panicked in a cancelled scope, which goes on with that; or it was given up.
    Failed,
    Done,
}

impl<F> Shield<F> {
    pub(crate) fn new(future: F, site: Site) -> Shield<F> {
        Shield { state: State::New, site, future: Place::new(future) }
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
        polled_by("a shield", |tasks| {
            if let State::New = this.state {
                *this.state = if tasks.is_cancelled_here() {
                    State::Open
                } else {
                    let point = Point::new(this.site);
                    point.region.set_kind(Kind::Shielded);
                    State::Shields(point)
                };
            }
            let panic = match &*this.state {
                State::Shields(point) => {
                    let cancelled = point.arrive(tasks);
                    let future = this.future.as_mut().get().expect("a shield's future lives until it has ended");
                    match poll_shielded(tasks, &point.region, cx, future) {
                        Ok(Poll::Ready(value)) => {
                            if let State::Shields(point) = std::mem::replace(this.state, State::Done) {
                                point.region.end();
                            }
                            return Poll::Ready(value);
                        }
                        Ok(Poll::Pending) if !point.region.is_opened() => {
                            point.wait(tasks, cx, cancelled);
                            return Poll::Pending;
                        }
                        Ok(Poll::Pending) => None,
                        Err(panic) => Some(panic),
                    }
                }
                State::Open => {
                    let future = this.future.as_mut().get().expect("polled after it had ended");
                    return future.poll(cx);
                }
                State::Failed => return Poll::Pending,
                State::New | State::Done => panic!("a shield was polled after it had ended"),
            };
            let State::Shields(point) = std::mem::replace(this.state, State::Failed) else { return Poll::Pending };
            let dropped = drop_body(&mut this.future);
            if panic.is_some() {
                point.region.end();
            } else {
                point.skip();
            }
            if let Some(panic) = first_of(panic, dropped) {
                point.throw(tasks, panic);
            }
            Poll::Pending
        })
    }
}
