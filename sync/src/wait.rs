//! The future of everyone who waits in line.

use crate::{
    calls::go_on,
    raw::{node::Seat, nodes::Left},
    wait_hook::{self, WaitHook},
    wait_queue::WaitQueue,
};
use evenkeel_coop::try_consume_budget;
use std::{
    fmt,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// The rules of a line: what a primitive says about those who wait for it.
///
/// See [`WaitQueue`] for an example. It is implemented by an empty type of the primitive's, one for each line that it has (a
/// queue has one for getters and one for putters).
pub trait Line {
    /// The primitive that the line belongs to.
    type Owner: ?Sized;
    /// What a waiter comes with.
    type Request;
    /// What a waiter is handed.
    type Grant;

    /// The line of that primitive.
    fn queue(owner: &Self::Owner) -> &WaitQueue<Self::Request, Self::Grant>;

    /// Looks at the request of somebody who comes: can it be met at once? It must not be if that would overtake others who wait.
    fn attempt(owner: &Self::Owner, request: Self::Request) -> Attempt<Self::Request, Self::Grant>;

    /// Serves the line when its first waiter has left without a grant: where requests differ, the one behind it may want less, and can be
    /// [`grant`](WaitQueue::grant)ed it. The caller wakes. By default nothing happens.
    fn serve(owner: &Self::Owner) {
        let _ = owner;
    }

    /// A waiter has left the line with its request, without a grant. Called before [`serve`](Self::serve), and nothing foreign comes in between:
    /// for primitives that count what is wanted in their line. By default nothing happens.
    fn left(owner: &Self::Owner, request: &Self::Request) {
        let _ = (owner, request);
    }

    /// Takes a grant back, with which in hand a waiter was dropped: gives it to the next one, or puts it back. It wakes whom it
    /// serves.
    fn give_back(owner: &Self::Owner, grant: Self::Grant);
}

/// What comes of a request at first sight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt<R, G> {
    /// The request is met at once.
    Granted(G),
    /// The request will never be met.
    Refused(R),
    /// The request has to wait in line.
    Wait(R),
}

/// What came of a wait that was given up.
pub(crate) enum GivenUp<R, G> {
    Waiting(R),
    Refused(R),
    Granted(G),
}

/// Waits in the line `L` of the primitive that `P` points to (a `&` or an `Rc`), which must be the same one as long as this lives: with
/// another one nothing is unsafe, but the wait panics, or the counts of both lines are wrong.
///
/// A wait gives the grant, or the request as an error if it was refused. It comes into line at its first poll, unless its
/// request can be met at once. That takes one operation of the budget of the task's poll; where none is left, what was granted is given
/// in the next poll.
///
/// Cancel-safe: dropped in line it leaves the line, dropped with a grant in hand it gives that back.
///
/// # Panics
///
/// When it is polled after it gave its output.
#[must_use = "nobody waits in line until this is awaited"]
pub struct Wait<P: Deref<Target = L::Owner>, L: Line> {
    owner: P,
    step: Step<L::Request, L::Grant>,
}

enum Step<R, G> {
    New(R),
    InLine(Seat<R, G>),
    Over,
}

impl<P: Deref<Target = L::Owner>, L: Line> Wait<P, L> {
    /// A wait with that request. Nothing happens before the first poll.
    #[inline]
    pub fn new(owner: P, request: L::Request) -> Self {
        Wait { owner, step: Step::New(request) }
    }

    /// A wait that stands in line already, where its owner was put.
    pub(crate) fn in_line(owner: P, seat: Seat<L::Request, L::Grant>) -> Self {
        Wait { owner, step: Step::InLine(seat) }
    }

    /// The primitive that is waited for.
    #[inline]
    pub fn owner(&self) -> &P {
        &self.owner
    }

    /// Is the waiter in line, or was it handed something that it has not seen yet?
    pub fn has_begun(&self) -> bool {
        matches!(self.step, Step::InLine(_))
    }

    /// Was the waiter handed something that it has not seen yet?
    pub(crate) fn has_grant(&self) -> bool {
        matches!(&self.step, Step::InLine(seat) if L::queue(&self.owner).has_grant(seat))
    }

    /// Begins without a poll, and so without a waker: takes what there is, or a place in line. Has the wait ended?
    pub(crate) fn begin(&mut self) -> bool {
        let queue = L::queue(&self.owner);
        self.step = match std::mem::replace(&mut self.step, Step::Over) {
            Step::New(request) => Step::InLine(match L::attempt(&self.owner, request) {
                Attempt::Granted(grant) => queue.keep(Ok(grant)),
                Attempt::Refused(request) => queue.keep(Err(request)),
                Attempt::Wait(request) => queue.enter(request, None),
            }),
            step => step,
        };
        !matches!(&self.step, Step::InLine(seat) if queue.waits(seat))
    }

    /// Ends the wait now, and says what came of it.
    pub(crate) fn give_up(mut self) -> GivenUp<L::Request, L::Grant> {
        match std::mem::replace(&mut self.step, Step::Over) {
            Step::New(request) => GivenUp::Waiting(request),
            Step::InLine(seat) => {
                let queue = L::queue(&self.owner);
                let (left, waker) = queue.leave(seat);
                if let Left::Waiting { request, .. } = &left {
                    L::left(&self.owner, request);
                }
                {
                    // Foreign code, all of which has run before there is an output: what a function has to return is forgotten if it panics.
                    let _waker = waker;
                    let _calls = queue.waking();
                    if let Left::Waiting { first: true, .. } = left {
                        L::serve(&self.owner);
                    }
                }
                match left {
                    Left::Waiting { request, .. } => GivenUp::Waiting(request),
                    Left::Refused(request) => GivenUp::Refused(request),
                    Left::Granted(grant) => GivenUp::Granted(grant),
                    Left::Nothing => over(),
                }
            }
            Step::Over => over(),
        }
    }

    /// Enters the line. Cloning a waker is foreign code, before which the waiter has his place: what comes free in it is handed to him,
    /// and he is not overlooked. `false` if his wait is over then.
    #[inline(never)]
    fn enter(&mut self, request: L::Request, waker: &Waker) -> bool {
        let queue = L::queue(&self.owner);
        self.step = Step::InLine(queue.enter(request, None));
        match &self.step {
            Step::InLine(seat) => queue.waits_with(seat, waker),
            _ => false,
        }
    }

    /// Goes on with a wait that stands in line.
    #[inline(always)]
    fn go_on(&mut self, cx: &Context<'_>) -> Poll<Result<L::Grant, L::Request>> {
        loop {
            // Foreign code, perhaps, which finds the waiter in line.
            let queue = L::queue(&self.owner);
            let Step::InLine(seat) = std::mem::replace(&mut self.step, Step::Over) else { over() };
            match queue.take(seat) {
                Ok(outcome) => return Poll::Ready(outcome),
                // It stands in line until it is known not to: wakers may panic.
                Err(seat) => self.step = Step::InLine(seat),
            }
            if !self.has_ended(cx.waker()) {
                return self.has_to_wait();
            }
        }
    }

    /// Sees to it that the waiter is woken, if his wait has not ended.
    #[inline(never)]
    fn has_ended(&self, waker: &Waker) -> bool {
        matches!(&self.step, Step::InLine(seat) if L::queue(&self.owner).has_ended(seat, waker))
    }

    /// The task's poll has no budget left: what the waiter got is its own, but it sees that in the next poll. So its turn came when it would
    /// have come otherwise, and nobody is overtaken.
    #[cold]
    #[inline(never)]
    fn give_way(&mut self, outcome: Result<L::Grant, L::Request>, cx: &Context<'_>) {
        self.step = Step::InLine(L::queue(&self.owner).keep(outcome));
        // Foreign, perhaps: if it panics, the step is what it should be.
        cx.waker().wake_by_ref();
    }

    #[inline(always)]
    fn has_to_wait(&self) -> Poll<Result<L::Grant, L::Request>> {
        if let Some(hook) = wait_hook::hook() {
            self.tell(hook);
        }
        Poll::Pending
    }

    #[cold]
    fn tell(&self, hook: WaitHook) {
        let queue = L::queue(&self.owner);
        if let Step::InLine(seat) = &self.step {
            wait_hook::tell(hook, queue.what(), queue, queue.ahead(seat));
        }
    }
}

impl<P: Deref<Target = L::Owner> + Clone, L: Line> Wait<P, L> {
    /// Makes a wait whose output is made by `finish` from the primitive and how the wait ended.
    ///
    /// The result is what `async { finish(owner, wait.await) }` is, and costs less: a future within an async block is one more
    /// state to look at in each poll.
    #[inline]
    pub fn then<O, F>(self, finish: F) -> Then<P, L, F>
    where
        F: FnMut(P, Result<L::Grant, L::Request>) -> O,
    {
        Then { wait: self, finish }
    }
}

/// A [`Wait`] with another output; made by [`Wait::then`].
#[must_use = "nobody waits in line until this is awaited"]
pub struct Then<P: Deref<Target = L::Owner>, L: Line, F> {
    wait: Wait<P, L>,
    finish: F,
}

impl<P, L, F, O> Future for Then<P, L, F>
where
    P: Deref<Target = L::Owner> + Clone,
    L: Line,
    F: FnMut(P, Result<L::Grant, L::Request>) -> O,
{
    type Output = O;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O> {
        match Pin::new(&mut self.wait).poll(cx) {
            Poll::Ready(outcome) => {
                let owner = self.wait.owner.clone();
                Poll::Ready((self.finish)(owner, outcome))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Nothing in a wait is ever pinned.
impl<P: Deref<Target = L::Owner>, L: Line, F> Unpin for Then<P, L, F> {}

impl<P: Deref<Target = L::Owner>, L: Line, F> fmt::Debug for Then<P, L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wait.fmt(f)
    }
}

impl<P: Deref<Target = L::Owner>, L: Line> Future for Wait<P, L> {
    type Output = Result<L::Grant, L::Request>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.has_begun() {
            let Step::New(request) = std::mem::replace(&mut self.step, Step::Over) else { over() };
            let outcome = match L::attempt(&self.owner, request) {
                Attempt::Granted(grant) => Some(Ok(grant)),
                Attempt::Refused(request) => Some(Err(request)),
                Attempt::Wait(request) => {
                    if self.enter(request, cx.waker()) {
                        return self.has_to_wait();
                    }
                    None
                }
            };
            if let Some(outcome) = outcome {
                if try_consume_budget() {
                    return Poll::Ready(outcome);
                }
                self.give_way(outcome, cx);
                return Poll::Pending;
            }
        }
        self.go_on(cx)
    }
}

/// Gives a grant to the next one, or puts it back. What that calls (wakers, comparisons of items) may panic: but this is done in
/// destructors, and on top of a panic that is under way theirs would end the process.
fn give_back<L: Line>(owner: &L::Owner, grant: L::Grant) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| L::give_back(owner, grant))) {
        go_on(payload);
    }
}

#[cold]
fn over() -> ! {
    panic!("a wait was polled after it gave its output")
}

impl<P: Deref<Target = L::Owner>, L: Line> Drop for Wait<P, L> {
    #[inline]
    fn drop(&mut self) {
        if let Step::InLine(_) = self.step {
            self.leave();
        }
    }
}

impl<P: Deref<Target = L::Owner>, L: Line> Wait<P, L> {
    #[cold]
    fn leave(&mut self) {
        let Step::InLine(seat) = std::mem::replace(&mut self.step, Step::Over) else { return };
        let queue = L::queue(&self.owner);
        // The waker is dropped last, since that may panic.
        let (left, _waker) = queue.leave(seat);
        if let Left::Waiting { request, .. } = &left {
            L::left(&self.owner, request);
        }
        match left {
            Left::Waiting { first: true, request } => {
                let _request = request;
                let _calls = queue.waking();
                L::serve(&self.owner);
            }
            Left::Waiting { request, .. } | Left::Refused(request) => drop(request),
            Left::Nothing => {}
            Left::Granted(grant) => give_back::<L>(&self.owner, grant),
        }
    }
}

/// Nothing in a wait is ever pinned.
impl<P: Deref<Target = L::Owner>, L: Line> Unpin for Wait<P, L> {}

impl<P: Deref<Target = L::Owner>, L: Line> fmt::Debug for Wait<P, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::New(_) => "not polled",
            Step::InLine(_) => "in line",
            Step::Over => "over",
        };
        write!(f, "Wait({}: {step})", L::queue(&self.owner).what())
    }
}
