//! The branch: a scope without a handle, cancelled by whoever holds it.

use crate::{
    cancel::{
        scoped::{Parts, Scoped},
        visit::State,
    },
    outcome::{
        caught::caught,
        reason::{CancelReason, Cancelled},
    },
    raw::lent::OnThread,
    region::{
        epoch::{Epoch, NO_EPOCH, epoch},
        here::Framed,
        locals::LocalValue,
        region::{Kind, Region},
        timer::NoTimer,
    },
    task::{
        layer::{Base, Layer, drop_values},
        tasks::{TASKS, Tasks, polled_by},
    },
};
use pin_project_lite::pin_project;
use std::{
    fmt,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll},
};

pin_project! {
    /// A future in a cancel scope of its own, for those who build combinators: it can be cancelled alone, with its clean-up
    /// awaited, while its siblings go on.
    ///
    /// Whatever is asked is asked of a pinned `&mut`, as a plain reference to a future that is half-way would touch what that
    /// has borrowed from itself.
    ///
    /// A branch is a [`CancelScope`](crate::CancelScope) without handles and deadlines, whose future is not the caller's own code: what it
    /// sets of the task's [locals](crate::TaskLocal) is its own. [`Siblings::poll_body`] polls one whose future is. A branch costs a word
    /// and a flag as long as nothing in it needs more.
    ///
    /// # Errors
    ///
    /// A branch yields [`Cancelled`] if it was cancelled before its future had finished, unless a scope around it is cancelled too: then
    /// it yields nothing, and [is abandoned](Branch::is_abandoned): its owner drops it.
    ///
    /// # Panics
    ///
    /// When polled outside an executor.
    ///
    /// ```
    /// use evenkeel::{CancelReason, Cancelled, combinator::Branch, run};
    /// use std::{future::pending, pin::pin};
    ///
    /// run(async {
    ///     let mut branch = pin!(Branch::new(pending::<()>()));
    ///     branch.as_mut().cancel(CancelReason::RaceLost);
    ///     assert_eq!(branch.await, Err(Cancelled(CancelReason::RaceLost)));
    /// });
    /// ```
    #[must_use = "nothing runs until this is awaited"]
    pub struct Branch<F> {
        #[pin]
        scoped: Scoped<F, NoTimer>,
    }
}

impl<F> Branch<F> {
    /// A branch that begins to run when it is polled.
    #[inline]
    pub fn new(future: F) -> Branch<F> {
        Branch { scoped: Scoped::new(None, NoTimer, future) }
    }

    /// The branch's future, taken apart for whoever polls it or asks it something.
    #[inline]
    fn parts(self: Pin<&mut Self>) -> Parts<'_, F, NoTimer> {
        self.project().scoped.project()
    }

    /// The branch's future, unless it was dropped.
    #[inline]
    pub fn future(self: Pin<&mut Self>) -> Option<Pin<&mut F>> {
        self.parts().body.get()
    }

    /// Cancels the branch. It is to be polled once more then, to be stopped: nobody is woken for that. The first reason stays;
    /// `false` if it was cancelled before.
    pub fn cancel(self: Pin<&mut Self>, reason: impl Into<CancelReason>) -> bool {
        let region = self.parts().region.get_or_insert_with(|| Region::new(Kind::Scope));
        region.cancel(reason.into())
    }

    /// Has the branch not begun? It does not in a scope that is cancelled, but may later, in another: its owner must poll it again there.
    pub fn is_fresh(self: Pin<&mut Self>) -> bool {
        *self.parts().state == State::New
    }

    /// Is there anything in the branch that wants to clean up? If not, whoever does not need it any more may just as well drop it. Cancelling
    /// it polls it once more, so that a future that is ready by then goes on, though its output is for nobody.
    pub fn has_cleanup(self: Pin<&mut Self>) -> bool {
        self.parts().region.as_ref().is_some_and(|region| region.has_members())
    }

    /// Is clean-up at work in the branch, that a cancellation has begun?
    pub fn is_cleaning_up(self: Pin<&mut Self>) -> bool {
        self.parts().region.as_ref().is_some_and(|region| region.is_at_work())
    }

    /// Is the branch to be dropped where it stands? A scope around it is cancelled then, and no clean-up is at work in it, so that it will not
    /// end by itself. That scope would drop it when all clean-up in the other branches is done too; a combinator does better to drop
    /// it at once, after a poll that [began cancelled](Siblings::began_cancelled).
    pub fn is_abandoned(self: Pin<&mut Self>) -> bool {
        let region = self.parts().region;
        TASKS.look(|tasks| {
            let Some(tasks) = tasks else { return false };
            match region {
                // A scope around may have had no region yet when this one came to stand, so the way outwards may pass it by.
                Some(region) => (tasks.is_cancelled_here() || region.is_outer_cancelled()) && !region.is_at_work(),
                None => tasks.is_cancelled_here(),
            }
        })
    }
}

impl<F: Future> Future for Branch<F> {
    type Output = Result<F::Output, Cancelled>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        polled_by("a cancel scope", |tasks| self.poll_in_layer(tasks, cx))
    }
}

impl<F: Future> Branch<F> {
    /// Polls the branch. What is set of the task's values is the branch's.
    fn poll_in_layer(
        mut self: Pin<&mut Self>,
        tasks: &Tasks,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Cancelled>> {
        let layer = Layer::enter(tasks);
        let before = tasks.here.made();
        let mut values = self.as_mut().parts().region.as_ref().map(|region| region.take_values()).unwrap_or_default();
        let had_values = !values.is_empty();
        if had_values {
            layer.put(&mut values);
        }
        let polled = self.as_mut().project().scoped.poll(cx);
        if had_values || tasks.here.made() != before {
            self.parts().end_layer(tasks, layer, values, polled.is_ready());
        } else {
            layer.leave();
        }
        polled
    }
}

impl<F> Parts<'_, F, NoTimer> {
    /// Ends a layer in which something was set, perhaps. It goes to `values`, which are none so far, and the branch keeps them for its next
    /// poll, if there is one; otherwise what is left of its future is dropped where they are seen.
    #[cold]
    fn end_layer(&mut self, tasks: &Tasks, layer: Layer<'_>, mut values: Vec<LocalValue>, has_ended: bool) {
        if !layer.covers() {
            return layer.leave();
        }
        let dropped = if has_ended { caught(|| self.body.as_mut().clear()) } else { Ok(()) };
        layer.take(&mut values);
        if has_ended {
            drop_values(values);
        } else {
            let new = || {
                let region = Region::new(Kind::Scope);
                region.arrive(tasks);
                region
            };
            self.region.get_or_insert_with(new).keep_values(values);
        }
        if let Err(payload) = dropped {
            resume_unwind(payload);
        }
    }
}

/// Polls branches of one combinator, one after the other: see [`poll_branches`].
pub struct Siblings<'a> {
    tasks: &'a Tasks,
    /// One frame for all, as long as none of them needs more: nothing in it belongs to one of them.
    framed: Option<Framed<'a>>,
    /// The epoch when these siblings looked last: as long as it stays, nothing was cancelled since. If a scope around is cancelled it is none
    /// that there is, so that one compare says whether a branch needs nothing.
    epoch: Epoch,
    /// How many regions were made when these siblings looked last.
    made: u64,
    /// Was a scope around cancelled when these siblings looked last?
    is_cancelled: bool,
    /// Was a scope around cancelled when they looked first?
    began_cancelled: bool,
}

/// Polls branches, for combinators with many children: gives `poll` something to poll branches with that costs less for each than
/// [`Branch::poll`], and does the same. A panic that comes out of a branch is to come out of `poll`, too: it is to be caught outside.
///
/// # Panics
///
/// Outside an executor.
///
/// ```
/// use evenkeel::{combinator::{Branch, poll_branches}, run};
/// use std::{future::{poll_fn, ready}, pin::pin};
///
/// run(async {
///     let (mut one, mut two) = (pin!(Branch::new(ready(1))), pin!(Branch::new(ready(2))));
///     poll_fn(|cx| {
///         poll_branches(|siblings| {
///             assert!(siblings.poll(one.as_mut(), cx).is_ready());
///             siblings.poll(two.as_mut(), cx).map(drop)
///         })
///     })
///     .await;
/// });
/// ```
#[inline]
#[track_caller]
pub fn poll_branches<R>(poll: impl FnOnce(&mut Siblings<'_>) -> R) -> R {
    polled_by("a combinator", |tasks| {
        let base = Base::new(tasks);
        let is_cancelled = tasks.is_cancelled_here();
        let mut siblings = Siblings {
            tasks,
            framed: Some(tasks.here.enter_bare(is_cancelled)),
            epoch: epoch_unless(is_cancelled),
            made: tasks.here.made(),
            is_cancelled,
            began_cancelled: is_cancelled,
        };
        let polled = poll(&mut siblings);
        drop(siblings);
        base.end();
        polled
    })
}

/// The epoch that it is now; none if something is cancelled already.
#[inline(always)]
fn epoch_unless(is_cancelled: bool) -> Epoch {
    if is_cancelled { NO_EPOCH } else { epoch() }
}

/// What is left to do in the poll of a branch: all of it, or what follows the poll of its future. It is for that branch only, in the same
/// poll.
pub struct Rest<T>(Option<Poll<T>>);

impl<T> fmt::Debug for Rest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rest")
    }
}

impl<'a> Siblings<'a> {
    /// Finds out again whether a scope around is cancelled, and makes a frame that all branches without a region share.
    #[cold]
    fn look(&mut self) {
        self.framed = None;
        self.is_cancelled = self.tasks.is_cancelled_here();
        (self.epoch, self.made) = (epoch_unless(self.is_cancelled), self.tasks.here.made());
        self.framed = Some(self.tasks.here.enter_bare(self.is_cancelled));
    }

    /// Was a scope around cancelled before this poll? Then each branch that was woken has had its last one, when the poll is over.
    pub fn began_cancelled(&self) -> bool {
        self.began_cancelled
    }

    /// Is a scope around cancelled now? Then branches do not begin.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }

    /// Polls a branch.
    #[inline(always)]
    pub fn poll<F: Future>(
        &mut self,
        branch: Pin<&mut Branch<F>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Cancelled>> {
        self.poll_as::<F, true>(branch, cx)
    }

    /// Polls a branch whose code is the caller's own, as the body of a scope is: what it sets of the task's
    /// [locals](crate::TaskLocal) is the caller's.
    #[inline]
    pub fn poll_body<F: Future>(
        &mut self,
        branch: Pin<&mut Branch<F>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Cancelled>> {
        self.poll_as::<F, false>(branch, cx)
    }

    /// Polls a branch, which has a layer of its own or not.
    #[inline(always)]
    fn poll_as<F: Future, const OWN: bool>(
        &mut self,
        mut branch: Pin<&mut Branch<F>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Cancelled>> {
        match self.poll_plain_as::<F, OWN>(branch.as_mut(), cx) {
            Ok(polled) => polled.map(Ok),
            Err(rest) => self.go_on_as::<F, OWN>(branch, rest, cx),
        }
    }

    /// Polls a branch that needs nothing, as nearly all do: the first half of [`Siblings::poll`], for those who count instructions. If it
    /// needs more, [`Siblings::go_on`] is the other half.
    #[inline(always)]
    pub fn poll_plain<F: Future>(
        &mut self,
        branch: Pin<&mut Branch<F>>,
        cx: &mut Context<'_>,
    ) -> Result<Poll<F::Output>, Rest<F::Output>> {
        self.poll_plain_as::<F, true>(branch, cx)
    }

    /// Goes on with the poll of a branch.
    #[cold]
    pub fn go_on<F: Future>(
        &mut self,
        branch: Pin<&mut Branch<F>>,
        rest: Rest<F::Output>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Cancelled>> {
        self.go_on_as::<F, true>(branch, rest, cx)
    }

    #[inline(always)]
    fn poll_plain_as<F: Future, const OWN: bool>(
        &mut self,
        branch: Pin<&mut Branch<F>>,
        cx: &mut Context<'_>,
    ) -> Result<Poll<F::Output>, Rest<F::Output>> {
        let mut this = branch.parts();
        if this.region.is_some() || self.epoch != epoch() {
            return Err(Rest(None));
        }
        *this.state = State::Running;
        let future = this.body.as_mut().get().expect("a branch was polled after it had ended");
        if OWN {
            self.tasks.here.layers.enter();
        }
        let polled = future.poll(cx);
        if self.epoch != epoch() || self.made != self.tasks.here.made() {
            return Err(Rest(Some(polled)));
        }
        if OWN {
            self.tasks.here.layers.leave();
        }
        Ok(polled)
    }

    #[cold]
    fn go_on_as<F: Future, const OWN: bool>(
        &mut self,
        branch: Pin<&mut Branch<F>>,
        rest: Rest<F::Output>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Cancelled>> {
        match rest.0 {
            None => self.poll_alone::<F, OWN>(branch, cx),
            Some(polled) => self.finish(branch, polled, OWN.then(|| Layer::innermost(self.tasks)), cx),
        }
    }

    /// Polls a branch that has a region, or may need one.
    #[cold]
    fn poll_alone<F: Future, const OWN: bool>(
        &mut self,
        branch: Pin<&mut Branch<F>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Cancelled>> {
        self.framed = None;
        let polled = if OWN { branch.poll_in_layer(self.tasks, cx) } else { branch.project().scoped.poll(cx) };
        self.look();
        polled
    }

    /// Goes on after a poll in which a region was made, perhaps for this branch, or something was cancelled, or set.
    #[cold]
    fn finish<F: Future>(
        &mut self,
        branch: Pin<&mut Branch<F>>,
        polled: Poll<F::Output>,
        layer: Option<Layer<'_>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Cancelled>> {
        let tasks = self.tasks;
        let mut this = branch.parts();
        // Otherwise what was made was made for a frame that is gone.
        let is_concerned = self.epoch != epoch() || tasks.here.is_made();
        let polled = if is_concerned {
            let made = tasks.here.take_made();
            self.framed = None;
            let polled = this.after_bare(tasks, (polled, made), self.epoch, cx);
            if polled.is_ready() {
                this.end();
            }
            polled
        } else {
            self.made = tasks.here.made();
            polled.map(Ok)
        };
        let covers = layer.as_ref().is_some_and(Layer::covers);
        if covers {
            // Destructors of values run now, which are not to find the frame of the siblings.
            self.framed = None;
        }
        if let Some(layer) = layer {
            this.end_layer(tasks, layer, Vec::new(), polled.is_ready());
        }
        if is_concerned || covers {
            self.look();
        }
        polled
    }
}

impl fmt::Debug for Siblings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Siblings")
    }
}

impl<F> fmt::Debug for Branch<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Branch").field("state", &self.scoped.state).finish_non_exhaustive()
    }
}
