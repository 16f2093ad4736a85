//! The nest: a scope that is a clean-up point, too. Task groups are made of it.
//!
//! ```text
//!   poll_body        the body ended: value, cancelled,     poll_rest
//!  ┌────────┐        or panicked; or give_up              ┌──────────┐   ready
//!  │  body  │ ──────────────────────────────────────────► │   rest   │ ─────────► over
//!  └────────┘                                             └──────────┘
//! ```
//!
//! It does what a [clean-up point](crate::cancel::point) around a [scope](crate::cancel::scope) does, with one region for both: a guarded one
//! that is cancelled by its handles as a scope is, and from around as what a point guards. As long as the body is there,
//! the nest is a member of the region around, as any clean-up point is; what cleans up in the body is a member of the nest's. While it rests
//! the region is a shield.

use crate::{
    cancel::{
        point::{Point, Site, go_on_or_report},
        scope::CancelScope,
    },
    outcome::{
        caught::{Payload, caught},
        panic::Panic,
        reason::CancelReason,
        unhandled::{UnhandledKind, report_unhandled as report},
    },
    raw::place::Place,
    region::{
        drive::{Verdict, drive},
        epoch::epoch,
        held::{Held, first_of},
        region::{Kind, Region},
    },
    task::tasks::{Tasks, polled_by},
    wake::wake::drop_wakers,
};
use evenkeel_coop::with_some_budget;
use pin_project_lite::pin_project;
use std::{
    fmt,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// How the body of a nest has ended.
#[derive(Debug)]
pub enum NestEnd<T> {
    /// With a value.
    Value(T),
    /// It was cancelled, by the scope's handles or from around.
    Cancelled,
    /// It has panicked, or clean-up in it, or its destructor.
    Panicked(Payload),
}

/// How far a nest is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    New,
    Body,
    Rest,
    /// It was cancelled from around, and yields nothing.
    Mute,
    Over,
}

pin_project! {
    /// A body in a [`CancelScope`], and then what its end has to wait for: what task groups are made of. It does what
    /// [`settle`](crate::combinator::settle) does around [`CancelScope::run`], and costs less. But neither a deadline nor a grace period
    /// of the scope counts: [`set_deadline`](CancelScope::set_deadline) comes too late for it from the beginning, and its owner has
    /// [`give_up`](Nest::give_up).
    ///
    /// A poll of its owner is: [`arrive`](Nest::arrive), then [`poll_body`](Nest::poll_body) as long as the body has not ended, and then
    /// [`poll_rest`](Nest::poll_rest). Dropped before its end it is a clean-up that was skipped, and is reported, if it had begun.
    ///
    /// # Panics
    ///
    /// When polled outside an executor, or after its end. When something runs in the scope already, or did.
    ///
    /// ```
    /// use evenkeel::{CancelScope, combinator::{Nest, NestEnd}, run, yield_now};
    /// use std::{future::poll_fn, panic::Location, pin::pin, task::{Poll, ready}};
    ///
    /// let scope = CancelScope::new();
    /// let mut nest = pin!(Nest::new(&scope, Location::caller(), async { yield_now().await }));
    /// let mut end = None;
    /// let was_cancelled = run(poll_fn(|cx| {
    ///     nest.as_mut().arrive();
    ///     if end.is_none() {
    ///         scope.cancel("not needed");
    ///         end = Some(ready!(nest.as_mut().poll_body(cx)));
    ///     }
    ///     nest.as_mut().poll_rest(cx, |_| Poll::Ready(Some(matches!(end, Some(NestEnd::Cancelled)))))
    /// }));
    /// assert!(was_cancelled);
    /// ```
    #[must_use = "nothing runs until this is polled"]
    pub struct Nest<F> {
        point: Point,
        stage: Stage,
        // Was something around cancelled when the poll began?
        is_cancelled_around: bool,
        // Is the body to be stopped without a poll? It had not been woken when what is around was cancelled.
        is_still: bool,
        #[pin]
        body: Place<F>,
    }
    impl<F> PinnedDrop for Nest<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            match *this.stage {
                Stage::Mute | Stage::Over => {}
                stage => drop_early(this.point, stage != Stage::New, this.body),
            }
        }
    }
}

/// Drops a nest that has not ended.
#[cold]
fn drop_early<F>(point: &Point, has_begun: bool, mut body: Pin<&mut Place<F>>) {
    let region = &point.region;
    let had_body = body.as_mut().is_taken();
    unlink(region);
    let dropped = caught(|| body.as_mut().clear());
    if has_begun {
        point.skip();
    }
    if had_body {
        // Those who wait for a token's cancellation would wait for ever.
        region.cancel_once(CancelReason::OwnerDropped);
    }
    if let Err(payload) = dropped {
        go_on_or_report(payload);
    }
}

/// The body is about to go: lets go of the wakers of its last poll.
#[inline]
fn unlink(region: &Region) {
    region.unlink();
    drop_wakers([region.limit.take_waker(), None]);
}

impl Nest<()> {
    /// Makes a scope as good as new in which a nest has ended, or nothing ran, so that another one can run in it. Who has a handle or a token of
    /// it keeps what it was.
    ///
    /// ```
    /// use evenkeel::{CancelScope, combinator::Nest};
    ///
    /// let mut scope = CancelScope::new();
    /// let token = scope.token();
    /// scope.cancel("not needed");
    /// Nest::renew(&mut scope);
    /// assert!(token.is_cancelled() && !scope.is_cancelled());
    /// ```
    #[inline]
    pub fn renew(scope: &mut CancelScope) {
        Region::renew(&mut scope.0);
    }
}

impl<F> Nest<F> {
    /// A body that begins when it is polled, in a scope that has not run anything, and a place in the source for reports.
    ///
    /// # Panics
    ///
    /// If the scope has.
    #[inline]
    #[track_caller]
    pub fn new(scope: &CancelScope, site: Site, body: F) -> Nest<F> {
        if scope.0.limit.was_entered() {
            panic!("a second future was run in one CancelScope: make a scope for each");
        }
        scope.0.limit.enter_for_good();
        scope.0.set_kind(Kind::Guarded);
        let point = Point { region: scope.0.clone(), site };
        Nest { point, stage: Stage::New, is_cancelled_around: false, is_still: false, body: Place::new(body) }
    }

    /// Begins a poll. Returns why the nest is to end early, if something around it is cancelled.
    #[inline]
    pub fn arrive(self: Pin<&mut Self>) -> Option<CancelReason> {
        let this = self.project();
        let region = &this.point.region;
        match *this.stage {
            Stage::Mute => return None,
            Stage::Over => panic!("a nest was polled after it had ended"),
            _ => {}
        }
        polled_by("a task group", |tasks| {
            *this.is_cancelled_around = region.arrive(tasks);
            if !*this.is_cancelled_around {
                return None;
            }
            *this.is_still = region.has_waited() && tasks.is_still_here();
            region.reach(tasks);
            // It may be over there already, or lie in another executor.
            region.requested_around().or(Some(CancelReason::SiblingFailed { task: None }))
        })
    }

    /// Drops the body, as clean-up in it has taken too long, which is reported. `None`: no clean-up is at work there.
    pub fn give_up<T>(self: Pin<&mut Self>) -> Option<NestEnd<T>> {
        let mut this = self.project();
        let region = &this.point.region;
        if *this.stage != Stage::Body || !region.is_at_work() {
            return None;
        }
        unlink(region);
        let dropped = polled_by("a task group", |tasks| caught(|| tasks.quietly(|| this.body.as_mut().clear())));
        report(UnhandledKind::GraceExceeded);
        // The first reason stays.
        region.cancel_once(CancelReason::OwnerDropped);
        *this.stage = Stage::Rest;
        Some(end_without_value(begin_rest(region, dropped)))
    }

    /// Polls what is to be waited for when the body has ended, with `rest`: nothing around stops that. `Some` is what the nest yields; `None`
    /// means that the code which awaits it is not resumed, so it is for scopes that are cancelled. A panic of `rest` goes on when the nest
    /// has ended.
    #[inline]
    pub fn poll_rest<U>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        rest: impl FnOnce(&mut Context<'_>) -> Poll<Option<U>>,
    ) -> Poll<U> {
        let this = self.project();
        let (point, region) = (&*this.point, &this.point.region);
        if *this.stage == Stage::Mute {
            return Poll::Pending;
        }
        debug_assert_eq!(*this.stage, Stage::Rest);
        polled_by("a task group", |tasks| {
            // In the body's last poll, perhaps.
            let cancelled = region.is_outer_cancelled();
            if cancelled {
                region.reach(tasks);
            }
            let value = match caught(|| region.poll_by(&tasks.here.commons, cx, rest)) {
                Ok(Poll::Pending) => {
                    point.wait(tasks, cx, cancelled);
                    return Poll::Pending;
                }
                Ok(Poll::Ready(value)) => value,
                Err(payload) => {
                    region.end();
                    *this.stage = Stage::Mute;
                    // If it does not go on, the scope that is cancelled keeps it.
                    point.throw(tasks, Held::new(payload));
                    return Poll::Pending;
                }
            };
            region.end();
            let value = value.filter(|_| !region.is_late());
            *this.stage = if value.is_some() { Stage::Over } else { Stage::Mute };
            value.map_or(Poll::Pending, Poll::Ready)
        })
    }
}

impl<F: Future> Nest<F> {
    /// Polls the body, which has not ended.
    #[inline]
    pub fn poll_body(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<NestEnd<F::Output>> {
        let mut this = self.project();
        polled_by("a task group", |tasks| {
            let region = &this.point.region;
            region.look();
            let is_cancelled = *this.is_cancelled_around || region.reason().is_some();
            let is_new = std::mem::replace(this.stage, Stage::Body) == Stage::New;
            let ended = if is_new && is_cancelled && begin(tasks, region, *this.is_cancelled_around) {
                Err(Verdict::Stop)
            } else if !is_cancelled {
                poll_once(tasks, region, &mut this.body, cx)
            } else if *this.is_still {
                Err(Verdict::Stop)
            } else {
                poll_cancelled(tasks, region, &mut this.body, cx)
            };
            if let Err(Verdict::Wait) = ended {
                wait(tasks, this.point, cx, *this.is_cancelled_around);
                return Poll::Pending;
            }
            *this.stage = Stage::Rest;
            unlink(region);
            let mut dropped = caught(|| this.body.as_mut().clear());
            if let (Ok(Err(_)), Err(second)) = (&ended, &mut dropped) {
                report(UnhandledKind::DestructorPanicked(Panic::new(std::mem::replace(second, Box::new(())))));
                dropped = Ok(());
            }
            let panic = begin_rest(region, dropped);
            Poll::Ready(match ended {
                // What else has panicked is reported, as it is dropped here.
                Ok(Ok(value)) => NestEnd::Value(value),
                Ok(Err(payload)) => NestEnd::Panicked(payload),
                Err(_) => end_without_value(panic),
            })
        })
    }
}

/// The nest's first poll, when something is cancelled. `true`: the scope was cancelled before, or what is around, so that the body is not started.
#[cold]
fn begin(tasks: &Tasks, region: &Region, is_cancelled_around: bool) -> bool {
    let is_late = is_cancelled_around && !tasks.is_due_here();
    region.set_late(is_late);
    is_late || region.reason().is_some()
}

/// How a poll of the body has gone: with a value or a panic, or what is to be done without.
type Polled<T> = Result<Result<T, Payload>, Verdict>;

/// Polls a body that is not cancelled.
#[inline]
fn poll_once<F: Future>(
    tasks: &Tasks,
    region: &Rc<Region>,
    body: &mut Pin<&mut Place<F>>,
    cx: &mut Context<'_>,
) -> Polled<F::Output> {
    let before = epoch();
    let future = body.as_mut().get().expect("a body is polled until it has ended");
    let here = &tasks.here;
    let polled = caught(|| region.poll_inside(&here.commons, cx, |cx| here.inside(region, || future.poll(cx))));
    match polled {
        Ok(Poll::Ready(value)) => Ok(Ok(value)),
        Err(payload) => Ok(Err(payload)),
        // If what is around was cancelled in this poll, the scope that is around polls once more.
        Ok(Poll::Pending) if epoch() == before || region.is_outer_cancelled() => Err(Verdict::Wait),
        // What was asked for in this poll, and found nothing woken, stops it where it is suspended now.
        Ok(Poll::Pending) if region.settle() && !region.has_members() => Err(Verdict::Stop),
        Ok(Poll::Pending) if region.reason().is_none() => Err(Verdict::Wait),
        Ok(Poll::Pending) => poll_cancelled(tasks, region, body, cx),
    }
}

/// Polls a body that is cancelled, by the scope's handles or from around.
#[cold]
fn poll_cancelled<F: Future>(
    tasks: &Tasks,
    region: &Rc<Region>,
    body: &mut Pin<&mut Place<F>>,
    cx: &mut Context<'_>,
) -> Polled<F::Output> {
    drive(&tasks.here.commons, region, true, cx, |cx| {
        let future = body.as_mut().get().expect("a body is polled until it has ended");
        match caught(|| tasks.here.inside(region, || with_some_budget(|| future.poll(cx)))) {
            Ok(polled) => polled.map(Ok),
            Err(payload) => Poll::Ready(Err(payload)),
        }
    })
}

/// The body waits: whoever may end that knows the newest waker.
#[inline]
fn wait(tasks: &Tasks, point: &Point, cx: &Context<'_>, is_cancelled_around: bool) {
    let region = &point.region;
    let was_cancelled = region.is_cancelled();
    point.wait(tasks, cx, is_cancelled_around);
    region.limit.keep_waker(cx.waker());
    let remote = region.limit.remote.get();
    let is_late = remote.is_some_and(|remote| !remote.keep_scope(cx.waker()));
    // The waker's clone, which may be foreign code, has cancelled the scope; or another thread has.
    if !was_cancelled && (is_late || region.is_cancelled()) {
        cx.waker().wake_by_ref();
    }
}

/// The body is gone: the region shields what follows. Returns the panic that was kept, or else that of the body's destructor.
#[inline]
fn begin_rest(region: &Region, dropped: Result<(), Payload>) -> Option<Held> {
    region.set_kind(Kind::Shielded);
    if region.inner.get().is_none() && dropped.is_ok() { None } else { begin_late_rest(region, dropped) }
}

/// [`begin_rest`] where something has registered in the nest, or has panicked.
#[cold]
fn begin_late_rest(region: &Region, dropped: Result<(), Payload>) -> Option<Held> {
    region.release();
    // What was only borrowed there may go on.
    region.wake_waiters();
    first_of(region.take_panic(), dropped.err().map(Held::new))
}

fn end_without_value<T>(panic: Option<Held>) -> NestEnd<T> {
    panic.map_or(NestEnd::Cancelled, |panic| NestEnd::Panicked(panic.into_payload()))
}

impl<F> fmt::Debug for Nest<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nest").field("stage", &self.stage).finish_non_exhaustive()
    }
}
