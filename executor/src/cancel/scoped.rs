//! A future in a scope: with handles, under a deadline, or as a branch.

use crate::{
    cancel::visit::{State, Visit},
    outcome::{
        caught::caught,
        panic::Panic,
        reason::{CancelReason, Cancelled},
        unhandled::{UnhandledKind, report_unhandled as report},
    },
    raw::{lent::OnThread, place::Place},
    region::{
        epoch::{Epoch, epoch},
        limit::is_past,
        locals::LocalValue,
        region::{Kind, Region},
        timer::{ScopeTimer, Timing},
    },
    task::{
        layer::{Layer, drop_values},
        tasks::{TASKS, Tasks, polled_by},
    },
    time::{instant::Instant, wheel::When},
};
use pin_project_lite::pin_project;
use std::{
    panic::resume_unwind,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

pin_project! {
    /// A future in a scope, with the timer `T` or none. The scope has a region once something needs one: a handle, a cancellation, or what
    /// waits in it and is to be reached by one.
    #[project = Parts]
    pub(crate) struct Scoped<F, T: Timing> {
        // `None` as long as nothing has needed one, and once the future has ended.
        pub(super) region: Option<Rc<Region>>,
        pub(super) state: State,
        timing: T,
        #[pin]
        pub(super) body: Place<F>,
    }
    impl<F, T: Timing> PinnedDrop for Scoped<F, T> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this;
            if this.as_mut().project().region.is_some() {
                this.project().drop_unfinished();
            }
        }
    }
}

impl<F, T: Timing> Scoped<F, T> {
    /// A future that begins to run when it is polled.
    #[inline]
    pub(super) fn new(region: Option<Rc<Region>>, timing: T, future: F) -> Scoped<F, T> {
        Scoped { region, state: State::New, timing, body: Place::new(future) }
    }
}

impl<F> Scoped<F, ScopeTimer> {
    /// The scope's deadline, if it has one and that is known.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let first = self.timing.first_deadline();
        self.timing.known_deadline(self.region.as_ref().map_or(first, |region| region.limit.deadline.get()))
    }
}

impl<F: Future, T: Timing> Future for Scoped<F, T> {
    type Output = Result<F::Output, Cancelled>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        polled_by("a cancel scope", |tasks| {
            let this = self.as_mut().project();
            let is_bare = this.region.is_none() && !tasks.is_cancelled_here() && !this.timing.has_fired();
            if is_bare && (*this.state == State::Running || !is_past(this.timing.first_deadline())) {
                self.poll_bare(tasks, cx)
            } else {
                self.poll_in_region(tasks, cx)
            }
        })
    }
}

impl<F: Future, T: Timing> Scoped<F, T> {
    /// Polls the body in a scope that has no region: the price of a timeout that does not fire.
    #[inline(always)]
    fn poll_bare(mut self: Pin<&mut Self>, tasks: &Tasks, cx: &mut Context<'_>) -> Poll<<Self as Future>::Output> {
        let this = self.as_mut().project();
        *this.state = State::Running;
        let future = this.body.get().expect("a scope was polled after it had ended");
        let before = epoch();
        let (polled, made) = tasks.here.inside_bare(|| future.poll(cx));
        match (made, polled) {
            (None, Poll::Ready(value)) => {
                this.timing.stop();
                Poll::Ready(Ok(value))
            }
            (None, Poll::Pending) if epoch() == before => {
                this.timing.keep_deadline(this.timing.first_deadline(), cx.waker());
                Poll::Pending
            }
            (made, polled) => self.go_on(tasks, polled, made, before, cx),
        }
    }

    /// Polls a scope that has a region, or needs one.
    #[inline(never)]
    fn poll_in_region(self: Pin<&mut Self>, tasks: &Tasks, cx: &mut Context<'_>) -> Poll<<Self as Future>::Output> {
        let mut this = self.project();
        let polled = this.visit(tasks, None).poll(cx);
        if polled.is_ready() {
            this.end();
        }
        polled
    }

    /// [`after_bare`](Parts::after_bare) for a scope that is polled alone.
    #[cold]
    #[inline(never)]
    fn go_on(
        self: Pin<&mut Self>,
        tasks: &Tasks,
        polled: Poll<F::Output>,
        made: Option<Rc<Region>>,
        before: Epoch,
        cx: &mut Context<'_>,
    ) -> Poll<<Self as Future>::Output> {
        let mut this = self.project();
        let polled = this.after_bare(tasks, (polled, made), before, cx);
        if polled.is_ready() {
            this.end();
        }
        polled
    }
}

impl<F: Future, T: Timing> Parts<'_, F, T> {
    /// Goes on after a poll of the body without a region, in which one was `made` perhaps, or something was cancelled since `before`.
    #[inline(always)]
    pub(super) fn after_bare(
        &mut self,
        tasks: &Tasks,
        (polled, made): (Poll<F::Output>, Option<Rc<Region>>),
        before: Epoch,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Cancelled>> {
        if let Poll::Ready(value) = polled {
            *self.region = made;
            return Poll::Ready(Ok(value));
        }
        self.visit(tasks, made).go_on(before, cx)
    }
}

impl<F, T: Timing> Parts<'_, F, T> {
    /// A visit of the scope, which gets a region if it has none: the one that was `made` for it, or another.
    #[inline]
    fn visit<'a>(&'a mut self, tasks: &'a Tasks, made: Option<Rc<Region>>) -> Visit<'a, F, T> {
        let region = match &mut *self.region {
            Some(region) => region,
            none => none.insert(first_region(made, self.timing.first_deadline())),
        };
        Visit { tasks, region, state: self.state, timing: self.timing, body: self.body.as_mut() }
    }

    /// The future has ended: lets go of its region and of its timer.
    #[inline]
    pub(super) fn end(&mut self) {
        if let Some(region) = self.region.take() {
            end_region(region);
        }
        self.timing.stop();
    }

    /// Drops a body that has not ended: an outer scope stops, or foreign code does not want it any more.
    #[cold]
    fn drop_unfinished(mut self) {
        if let Some(region) = self.region.take() {
            self.drop_in(region);
        }
    }

    /// Drops a body that has not ended, with its region.
    fn drop_in(&mut self, region: Rc<Region>) {
        if *self.state == State::New && region.limit.was_entered() {
            // Another future runs in the scope, or did.
            return;
        }
        region.unlink();
        let values = region.take_values();
        let dropped = caught(|| match values.is_empty() {
            true => self.body.as_mut().clear(),
            false => in_layer(values, || self.body.as_mut().clear()),
        });
        region.abandon();
        if region.is_shared() {
            // Those who wait for a token's cancellation would wait for ever.
            region.cancel_once(CancelReason::OwnerDropped);
        }
        end_region(region);
        self.timing.stop();
        if let Err(payload) = dropped {
            if std::thread::panicking() {
                report(UnhandledKind::DestructorPanicked(Panic::new(payload)));
            } else {
                resume_unwind(payload);
            }
        }
    }
}

/// Calls `drop` where those values of a branch are seen, which are dropped then, too.
#[cold]
fn in_layer(mut values: Vec<LocalValue>, drop: impl FnOnce()) {
    TASKS.look(|tasks| {
        let Some(tasks) = tasks else { return drop() };
        let layer = Layer::enter(tasks);
        layer.put(&mut values);
        drop();
        layer.take(&mut values);
    });
    drop_values(values);
}

/// The region of a scope that has had none: the one that was `made` for it, or another.
#[cold]
fn first_region(made: Option<Rc<Region>>, deadline: When) -> Rc<Region> {
    let region = made.unwrap_or_else(|| Region::new(Kind::Scope));
    region.limit.deadline.set(deadline);
    region
}

/// The region's future has ended. Its handles may live on; without any, it is used for another scope.
fn end_region(mut region: Rc<Region>) {
    region.end();
    if region.is_shared() {
        region.limit.end();
        let waker = region.limit.take_waker();
        drop(waker);
    }
    Region::recycle(&mut region);
}
