//! One poll of a scope that has a region: what the scope does with its body when it is cancelled, and when it is not.
//!
//! # The poll at a deadline
//!
//! A cancelled scope has one poll left, and nothing begins in it that is a scope, a branch or a group. A scope whose *own* deadline has come
//! is cancelled like any other, but nobody has decided against what is in it: its time is over, and what needs no time is given. So its
//! one poll is *due* ([`Come::Due`], [`Here::inside_due`](crate::region::here::Here::inside_due)): what is first polled in it begins.
//!
//! * *At its time* the deadline decides what any cancellation does: the reason stays, the epoch moves on, the members are called. That is
//!   when the scope's poll sees it; whatever has come by then counts. *Later*, in the due poll, it is decided what begins: that needs a
//!   frame of a due poll for everything that is cancelled around, up to the next shield
//!   ([`Tasks::is_due_here`](crate::task::tasks::Tasks::is_due_here)). A request that comes in this poll, or a cancellation from around, has
//!   no such frame.
//! * *Only values are given.* What begins in a due poll finds itself in cancelled code. A scope there that does not end waits for the
//!   outermost that is cancelled, which stops in the same poll, and drops it; it yields neither `Elapsed` nor `Cancelled`, and the code
//!   behind it is not resumed.
//! * *No wake-up is lost*: nothing waits for one that could not be waited for in cancelled code before. The due poll is not one more, it is
//!   the last; whether there is another is decided as ever ([`decide`](crate::region::drive::decide)).
//! * *No clean-up is skipped*: a clean-up point that begins in a due poll arrives in a cancelled region, and is reached at once. It holds the
//!   scope until it is done; then its value, if there is one, is given as that of any point that was reached, and not kept back as that of
//!   one which came too late.
//! * *It has a budget*: code in it that finds a budget used up would look as if it waited. So each last poll has some, here and wherever
//!   cancelled code is polled (`with_some_budget`); a due poll has one of its own. The task's poll owes what they take: a loop of
//!   scopes without time gives way as any other.
//! * *It ends*: the frame goes with the poll, also when that unwinds. Another poll of the same scope, for clean-up, is not due, so a loop
//!   around clean-up that waits begins it once.

use crate::{
    outcome::{
        caught::caught,
        reason::{CancelReason, Cancelled},
        unhandled::{UnhandledKind, report_unhandled as report},
    },
    raw::place::Place,
    region::{
        cancelled::Come,
        drive::{Verdict, drive},
        epoch::{Epoch, epoch},
        held::{Held, first_of},
        limit::is_past,
        region::Region,
        timer::Timing,
    },
    task::tasks::Tasks,
};
use evenkeel_coop::{has_budget, is_in_debt, poll_budget, poll_within_budget, with_own_budget, with_some_budget};
use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// How far a scope's future is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    New,
    Running,
    /// The scope has stopped, but a scope around it is cancelled: nothing is returned.
    Stopped,
}

/// What is to be done with a scope after its body was polled, or was not.
enum Next<T> {
    /// Nothing: the body was not started, or has stopped, and something around it is cancelled.
    Nothing,
    Wait,
    Return(T),
    /// `overdue`: clean-up is at work, for too long.
    Stop {
        overdue: bool,
    },
}

/// A scope that is being polled: its region, and what its future has besides.
pub(crate) struct Visit<'a, F, T> {
    pub(super) tasks: &'a Tasks,
    pub(super) region: &'a Rc<Region>,
    pub(super) state: &'a mut State,
    pub(super) timing: &'a mut T,
    pub(super) body: Pin<&'a mut Place<F>>,
}

impl<F: Future, T: Timing> Visit<'_, F, T> {
    /// Polls the scope.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<F::Output, Cancelled>> {
        if !has_budget() && is_in_debt() && self.is_at_its_deadline() && poll_budget(cx).is_pending() {
            return Poll::Pending;
        }
        if self.is_cancelled_before_it_begins() {
            // Ready at once, however often such a scope is run.
            return poll_within_budget(cx, |cx| self.poll_now(cx));
        }
        self.poll_now(cx)
    }

    #[inline(always)]
    fn poll_now(&mut self, cx: &mut Context<'_>) -> Poll<Result<F::Output, Cancelled>> {
        let next = self.poll_body(cx);
        self.conclude(next, cx)
    }

    /// Is this the first poll of a scope that was cancelled before, by a handle?
    #[inline]
    fn is_cancelled_before_it_begins(&self) -> bool {
        *self.state == State::New && {
            self.region.look();
            self.region.reason().is_some()
        }
    }

    /// Goes on after a poll of the body for which the scope had no region. `before`: the epoch in which that began.
    pub(super) fn go_on(&mut self, before: Epoch, cx: &mut Context<'_>) -> Poll<Result<F::Output, Cancelled>> {
        self.region.arrive(self.tasks);
        let next = if epoch() == before || self.region.is_outer_cancelled() {
            Next::Wait
        } else {
            self.poll_cancelled(false, cx)
        };
        self.conclude(next, cx)
    }

    /// Is this the last poll of a scope whose own time is over, or would it be, if something around it is not cancelled?
    #[cold]
    fn is_at_its_deadline(&self) -> bool {
        if self.tasks.is_cancelled_here() || self.region.is_cancelled() {
            return false;
        }
        match *self.state {
            State::New => is_past(self.region.limit.deadline.get()),
            State::Running => self.timing.has_fired(),
            State::Stopped => false,
        }
    }

    /// Polls the body as the scope's state wants it: for the first time, on, once more, or not at all.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Next<F::Output> {
        if *self.state == State::New && self.region.limit.was_entered() {
            panic!("a second future was run in one CancelScope: make a scope for each");
        }
        let around = self.region.arrive(self.tasks);
        let come = match *self.state {
            State::Running => self.region.come(self.timing),
            State::New if !around || self.tasks.is_due_here() => self.begin(),
            State::Stopped if !around => return Next::Stop { overdue: false },
            // Code in a cancelled scope starts nothing, and nothing is returned to it.
            _ => return Next::Nothing,
        };
        if come != Come::Nothing || around {
            return self.poll_cancelled(come == Come::Due, cx);
        }
        let before = epoch();
        match self.poll_once(cx) {
            Poll::Ready(value) => Next::Return(value),
            // If this scope or one around it has been cancelled in this poll, the epoch is a new one. The outermost that is
            // cancelled then polls once more.
            Poll::Pending if epoch() == before || self.region.is_outer_cancelled() => Next::Wait,
            // What was asked for in this poll, and found nothing woken, stops it where it is suspended now.
            Poll::Pending if self.region.settle() && !self.region.has_members() => Next::Stop { overdue: false },
            Poll::Pending => self.poll_cancelled(false, cx),
        }
    }

    /// Polls the body, if it is there.
    #[inline]
    fn poll_once(&mut self, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = self.body.as_mut().get() else { return Poll::Pending };
        let here = &self.tasks.here;
        self.region.poll_inside(&here.commons, cx, |cx| here.inside(self.region, || future.poll(cx)))
    }

    /// Polls the body once more, and again while it begins clean-up that has ended at once: the scope is cancelled, or one around it is.
    /// `is_due`: its own deadline has come, just now.
    #[cold]
    fn poll_cancelled(&mut self, mut is_due: bool, cx: &mut Context<'_>) -> Next<F::Output> {
        let (tasks, region) = (self.tasks, self.region);
        if region.reason().is_none() && !region.is_outer_cancelled() {
            return Next::Wait;
        }
        let polled = drive(&tasks.here.commons, region, true, cx, |cx| match self.body.as_mut().get() {
            Some(future) if std::mem::take(&mut is_due) => {
                tasks.here.inside_due(region, || with_own_budget(|| future.poll(cx)))
            }
            Some(future) => tasks.here.inside(region, || with_some_budget(|| future.poll(cx))),
            None => Poll::Pending,
        });
        match polled {
            Ok(value) => Next::Return(value),
            Err(Verdict::Stop) => Next::Stop { overdue: false },
            Err(_) if region.is_at_work() && self.timing.is_overdue(&region.limit, cx.waker()) => {
                Next::Stop { overdue: true }
            }
            Err(_) => Next::Wait,
        }
    }

    /// Waits, stops or returns, as it was decided.
    #[inline(always)]
    fn conclude(&mut self, next: Next<F::Output>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Cancelled>> {
        match next {
            // A completed result is never lost.
            Next::Return(value) => return Poll::Ready(Ok(value)),
            Next::Wait => {
                self.wait(cx);
                return Poll::Pending;
            }
            Next::Stop { overdue } => {
                if let Some(cancelled) = self.stop(overdue) {
                    return Poll::Ready(Err(cancelled));
                }
            }
            Next::Nothing => {}
        }
        self.region.wait_for_end_around(self.tasks, cx.waker());
        Poll::Pending
    }
}

impl<F, T: Timing> Visit<'_, F, T> {
    /// The scope's first poll: fixes its deadline, and finds out whether it was cancelled before.
    fn begin(&mut self) -> Come {
        let region = self.region;
        region.limit.enter(region.is_shared());
        region.look();
        *self.state = State::Running;
        if region.reason().is_some() {
            // Cancelled before it began: the future is not started.
            self.body.as_mut().clear();
            Come::Cancelled
        } else if is_past(region.limit.deadline.get()) {
            // At its own deadline it is polled once.
            region.come_due()
        } else {
            Come::Nothing
        }
    }

    /// The scope waits: whoever may end that knows the newest waker.
    #[inline]
    fn wait(&mut self, cx: &Context<'_>) {
        let region = self.region;
        let is_cancelled = region.is_cancelled();
        region.wait(self.tasks, cx.waker(), true);
        if region.is_shared() {
            region.limit.keep_waker(cx.waker());
            if let Some(remote) = region.limit.remote.get() {
                if !remote.keep_scope(cx.waker()) && !is_cancelled {
                    cx.waker().wake_by_ref();
                }
            }
        }
        let mut counts = false;
        if region.reason().is_some() {
            self.timing.forget_deadline();
        } else if !(is_cancelled && self.timing.is_lent()) {
            self.timing.keep_deadline(region.limit.deadline.get(), cx.waker());
            counts = true;
        }
        if is_cancelled && !counts && region.is_outer_cancelled() {
            // The scope is to stop, or its deadline is to count again, if it outlives what is cancelled around it.
            region.wait_for_end_around(self.tasks, cx.waker());
        }
        if !is_cancelled && region.is_cancelled() {
            // A waker's clone, which may be foreign code, has cancelled the scope.
            cx.waker().wake_by_ref();
        }
    }

    /// Drops the body: it has not finished, and no clean-up in it is at work any more, or for too long. `None`: a scope around this one is
    /// cancelled too.
    fn stop(&mut self, overdue: bool) -> Option<Cancelled> {
        *self.state = State::Stopped;
        let (tasks, region) = (self.tasks, self.region);
        region.unlink();
        let mut clear = || self.body.as_mut().clear();
        let dropped = caught(|| if overdue { tasks.quietly(clear) } else { clear() });
        if overdue {
            report(UnhandledKind::GraceExceeded);
            // It was not cancelled itself, perhaps, and now its future is gone. The first reason stays.
            region.cancel_once(CancelReason::OwnerDropped);
        }
        let first = region.take_panic();
        let around = region.is_outer_cancelled();
        region.end();
        self.timing.stop();
        if let Some(panic) = first_of(first, dropped.err().map(Held::new)) {
            match tasks.region_here() {
                // It would take other clean-up with it.
                Some(outer) if around => outer.stash(panic),
                _ => panic.resume(),
            }
        }
        (!around).then(|| Cancelled(region.reason().cloned().unwrap_or(CancelReason::OwnerDropped)))
    }
}
