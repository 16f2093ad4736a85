//! The queue under every primitive in which more than one may wait: first in, first out, with direct hand-off.

use crate::{
    calls::{Payload, go_on},
    raw::{
        ask::Ask,
        node::Seat,
        nodes::{Left, Look, Nodes},
    },
};
use std::{
    cell::Cell,
    fmt,
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    task::Waker,
};

/// A line of waiters: the tool to write a primitive of your own with.
///
/// Every primitive of this crate is a few lines over it. A waiter comes with a *request* `R` (how many permits it wants, or
/// the item that it brings) and leaves with a *grant* `G` (what it was handed), or is *refused* and has its request
/// back. The queue keeps the order, the newest waker of each, and the hand-off; what may be granted when is up
/// to the primitive, which says so in an implementation of [`Line`](crate::Line). Waiters are [`Wait`](crate::Wait)
/// futures.
///
/// Handing out and calling out are two steps: [`grant`](Self::grant) and [`refuse_all`](Self::refuse_all) only change what
/// waiters have, [`wake`](Self::wake) then calls their wakers. So a primitive first brings its own state in order, and then
/// lets foreign code run, which finds everything in order.
///
/// # A primitive of your own
///
/// A turnstile: `pass` ends when somebody calls `turn`, and each turn lets one through.
///
/// ```
/// use evenkeel::sync::{Attempt, Line, Wait, WaitQueue};
///
/// struct Turnstile {
///     queue: WaitQueue,
/// }
///
/// /// The rules of the turnstile's line.
/// struct Turning;
///
/// impl Line for Turning {
///     type Owner = Turnstile;
///     type Request = ();
///     type Grant = ();
///
///     fn queue(turnstile: &Turnstile) -> &WaitQueue {
///         &turnstile.queue
///     }
///
///     /// Nobody passes without a turn.
///     fn attempt(_: &Turnstile, request: ()) -> Attempt<(), ()> {
///         Attempt::Wait(request)
///     }
///
///     /// Whoever had a turn and did not take it leaves it to the next.
///     fn give_back(turnstile: &Turnstile, _: ()) {
///         turnstile.turn();
///     }
/// }
///
/// impl Turnstile {
///     fn turn(&self) {
///         let _ = self.queue.grant(());
///         self.queue.wake();
///     }
///
///     async fn pass(&self) {
///         let _ = Wait::<&Turnstile, Turning>::new(self, ()).await;
///     }
/// }
///
/// # futures::executor::block_on(async {
/// let turnstile = Turnstile { queue: WaitQueue::new("Turnstile::pass") };
/// futures::join!(turnstile.pass(), turnstile.pass(), async {
///     assert_eq!(turnstile.queue.len(), 2);
///     turnstile.turn();
///     turnstile.turn();
/// });
/// assert_eq!(turnstile.queue.stats().granted, 2);
/// # });
/// ```
///
/// # Implementation notes
///
/// Each waiter has a node, which stays in its place and is used again and again: a wait does not allocate while there is a free one.
/// Nodes are chained in two rings: those who wait, and those whose wait has ended and whose waker is still to be called. Since futures
/// are dropped at any time, the holder of a node unlinks it in its destructor.
pub struct WaitQueue<R = (), G = ()> {
    what: &'static str,
    /// How many waiters there are.
    waiting: Cell<usize>,
    nodes: Nodes<R, G>,
    stats: Stats,
    /// A mark that a queue belongs to one thread, and so does whatever has one.
    local: PhantomData<*const ()>,
}

struct Stats {
    entered: Cell<u64>,
    refused: Cell<u64>,
    left: Cell<u64>,
    peak: Cell<usize>,
}

/// What a line has seen so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct WaitStats {
    /// How many waiters came into the line. Requests that were met at once never do.
    pub entered: u64,
    /// How many waiters were granted what they wanted.
    pub granted: u64,
    /// How many waiters were refused.
    pub refused: u64,
    /// How many waiters left while they were waiting, that is: were dropped.
    pub left: u64,
    /// How many waited at a time, at most.
    pub peak: usize,
}

impl<R, G> WaitQueue<R, G> {
    /// An empty line. `what` says what its waiters wait for, as `"Semaphore::acquire"` does; executors show it (see
    /// [`set_wait_hook`](crate::set_wait_hook)).
    pub const fn new(what: &'static str) -> Self {
        WaitQueue {
            what,
            waiting: Cell::new(0),
            nodes: Nodes::new(),
            stats: Stats { entered: Cell::new(0), refused: Cell::new(0), left: Cell::new(0), peak: Cell::new(0) },
            local: PhantomData,
        }
    }

    /// How many wait in this line. Who was granted something or refused no longer does, even if it has not run since.
    #[inline]
    pub fn len(&self) -> usize {
        self.waiting.get()
    }

    /// Does nobody wait in this line?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the waiters of this line wait for, as given to [`new`](Self::new).
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// What this line has seen so far.
    pub fn stats(&self) -> WaitStats {
        let (entered, refused, left) = (self.stats.entered.get(), self.stats.refused.get(), self.stats.left.get());
        // Not counted where it happens, which is the hot path.
        let granted = entered - refused - left - self.len() as u64;
        WaitStats { entered, granted, refused, left, peak: self.stats.peak.get() }
    }

    /// The first waiter's request.
    #[inline]
    pub fn front(&self) -> Option<R>
    where
        R: Copy,
    {
        self.nodes.front()
    }

    /// Takes the first waiter out of line, hands it `grant`, and returns its request. If nobody waits, `grant` comes back as
    /// the error.
    ///
    /// Call [`wake`](Self::wake) when your own state is in order.
    #[inline]
    pub fn grant(&self, grant: G) -> Result<R, G> {
        let request = self.nodes.grant_later(grant)?;
        self.waiting.set(self.waiting.get() - 1);
        Ok(request)
    }

    /// Grants as [`grant`](Self::grant) does, but to the one who came last.
    ///
    /// For primitives that say so: whoever came before may wait for ever.
    pub(crate) fn grant_last(&self, grant: G) -> Result<R, G> {
        let request = self.nodes.grant_last_later(grant)?;
        self.waiting.set(self.waiting.get() - 1);
        Ok(request)
    }

    /// Grants as [`grant`](Self::grant) does, but leaves it to the caller to wake the waiter: mostly there is only one to be woken, who
    /// need not be put among the calls then.
    #[inline(always)]
    pub(crate) fn grant_unwoken(&self, grant: G) -> Result<(R, Option<Waker>), G> {
        let granted = self.nodes.grant(grant)?;
        self.waiting.set(self.waiting.get() - 1);
        Ok(granted)
    }

    /// Hands what `what` says to one waiter after the other, until it has nothing for the request of the first in line. Then those are woken:
    /// the first of them mostly is the only one.
    #[inline(always)]
    pub(crate) fn serve(&self, mut what: impl FnMut(R) -> Option<G>)
    where
        R: Copy,
    {
        let mut first = None;
        if !self.nodes.has_calls() {
            let Some(waker) = self.nodes.grant_by(&mut what) else { return };
            self.waiting.set(self.waiting.get() - 1);
            first = waker;
        }
        while let Some(grant) = self.front().and_then(&mut what) {
            let _ = self.grant(grant);
        }
        if let Some(waker) = first {
            self.wake_before_others(waker);
        }
        self.wake();
    }

    /// Hands a copy of `grant` to everyone who waits now, and returns how many these were.
    ///
    /// Call [`wake`](Self::wake) when your own state is in order.
    pub fn grant_all(&self, grant: G) -> usize
    where
        G: Copy,
        R: Copy,
    {
        let count = self.len();
        for _ in 0..count {
            let _ = self.grant(grant);
        }
        count
    }

    /// Ends all waits without a grant: each waiter gets its request back. Returns how many these were.
    ///
    /// Call [`wake`](Self::wake) when your own state is in order.
    pub fn refuse_all(&self) -> usize {
        let count = self.len();
        (0..count).for_each(|_| self.refuse_first());
        count
    }

    /// Refuses as [`refuse_all`](Self::refuse_all) does, but some only.
    pub(crate) fn refuse(&self, which: impl Fn(R) -> bool) -> usize
    where
        R: Copy,
    {
        let before = self.len();
        // Each comes to the front once, so that those who stay are in order again.
        for _ in 0..before {
            if self.front().is_some_and(&which) { self.refuse_first() } else { self.nodes.rotate() }
        }
        before - self.len()
    }

    fn refuse_first(&self) {
        if self.nodes.refuse_later() {
            self.waiting.set(self.waiting.get() - 1);
            add(&self.stats.refused, 1);
        }
    }

    /// Calls the wakers of those whose wait has ended, in order.
    ///
    /// If some of them panic, the others are called all the same, and the first panic goes on. If a panic is under way already
    /// (a guard is dropped by it, say), that one goes on and theirs are given up.
    #[inline(always)]
    pub fn wake(&self) {
        while let Some(waker) = self.nodes.next_call() {
            self.wake_before_others(waker);
        }
    }

    /// Calls a waker, and if it panics the others before the panic goes on.
    #[inline(always)]
    fn wake_before_others(&self, waker: Waker) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            self.call_others(payload);
        }
    }

    /// Serves the line; whoever is granted something is woken when the guard is dropped.
    #[inline(always)]
    pub(crate) fn waking(&self) -> Waking<'_, R, G> {
        Waking { queue: self, first: None }
    }

    #[cold]
    fn call_others(&self, first: Payload) {
        while let Some(waker) = self.nodes.next_call() {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                // Its destructor could panic as well.
                std::mem::forget(payload);
            }
        }
        go_on(first);
    }

    // ---- what `Wait` does

    #[inline(always)]
    pub(crate) fn enter(&self, request: R, waker: Option<Waker>) -> Seat<R, G> {
        self.count_in();
        self.nodes.enter(request, waker)
    }

    /// Gives the waker to one who has just entered, and has none yet. `false` if his wait has ended meanwhile: to clone a waker is foreign
    /// code.
    #[inline(always)]
    pub(crate) fn waits_with(&self, seat: &Seat<R, G>, waker: &Waker) -> bool {
        self.nodes.set_first_waker(seat, waker.clone()).is_none()
    }

    /// Counts one who would have stood in line, but was handed what he wanted at once.
    pub(crate) fn count_passage(&self) {
        self.count_in();
        self.waiting.set(self.waiting.get() - 1);
    }

    #[inline(always)]
    fn count_in(&self) {
        let waiting = self.waiting.get() + 1;
        self.waiting.set(waiting);
        add(&self.stats.entered, 1);
        if waiting > self.stats.peak.get() {
            self.stats.peak.set(waiting);
        }
    }

    /// Keeps what a waiter got at first sight, until it looks.
    #[cold]
    pub(crate) fn keep(&self, outcome: Result<G, R>) -> Seat<R, G> {
        self.nodes.enter_ended(outcome)
    }

    /// Does that waiter still stand in line?
    pub(crate) fn waits(&self, seat: &Seat<R, G>) -> bool {
        self.nodes.waits(seat)
    }

    /// Was that waiter handed something that it has not taken?
    pub(crate) fn has_grant(&self, seat: &Seat<R, G>) -> bool {
        self.nodes.has_grant(seat)
    }

    /// Has the wait ended? Otherwise this sees to it that the node has this waker. Neither the clone nor the drop of a waker finds
    /// anything half done.
    #[inline(always)]
    pub(crate) fn has_ended(&self, seat: &Seat<R, G>, waker: &Waker) -> bool {
        match self.nodes.look(seat, waker) {
            Look::Ended => true,
            Look::Waits => false,
            look => self.look_again(look, seat, waker),
        }
    }

    #[cold]
    fn look_again(&self, look: Look, seat: &Seat<R, G>, waker: &Waker) -> bool {
        if let Look::WaitsForAnother = look {
            // Foreign code, in which the wait may end. Otherwise the node has this waker now, also if that is never equal to its clone.
            drop(self.nodes.set_waker(seat, waker.clone()));
        }
        if self.nodes.waits(seat) {
            return false;
        }
        // While the grant is still in the node: if this panics, the node's holder passes it on.
        drop(self.nodes.take_call(seat));
        true
    }

    /// Takes what a wait has ended with, if its waker is no call any more. Otherwise [`has_ended`](Self::has_ended) tells how it is.
    #[inline(always)]
    pub(crate) fn take(&self, seat: Seat<R, G>) -> Result<Result<G, R>, Seat<R, G>> {
        self.nodes.take(seat)
    }

    /// Takes a waiter out of line. The waker that comes back must outlive what the caller does with the rest.
    pub(crate) fn leave(&self, seat: Seat<R, G>) -> (Left<R, G>, Option<Waker>) {
        let (left, waker) = self.nodes.leave(seat);
        if let Left::Waiting { .. } = left {
            // There is one, unless the owner's pointer led to another primitive before.
            self.waiting.set(self.waiting.get().saturating_sub(1));
            add(&self.stats.left, 1);
        }
        (left, waker)
    }

    pub(crate) fn ahead(&self, seat: &Seat<R, G>) -> usize {
        self.nodes.ahead(seat)
    }
}

impl<T, G> WaitQueue<Ask<T>, G> {
    /// How many places the first waiter wants; `None` if it has an item, or nobody waits.
    pub(crate) fn first_wants(&self) -> Option<usize> {
        self.nodes.first_wants()
    }

    /// Grants the first of those who have an item what it waits for, and takes the item. The others stand as they stood: those before it are
    /// looked at one by one. The caller wakes.
    pub(crate) fn take_first_item(&self, grant: G) -> Option<T> {
        let item = self.nodes.grant_first_item_later(grant)?;
        self.waiting.set(self.waiting.get() - 1);
        Some(item)
    }
}

#[inline]
fn add(count: &Cell<u64>, more: u64) {
    count.set(count.get() + more);
}

/// A guard with which a line is served, and whose drop wakes whom it served, and who else is to be woken: also if a panic comes in between.
pub(crate) struct Waking<'a, R, G> {
    queue: &'a WaitQueue<R, G>,
    /// The first one's waker. Mostly it is the only one, and need not be put among the calls.
    first: Option<Waker>,
}

impl<R, G> Waking<'_, R, G> {
    /// Grants as [`WaitQueue::grant`] does.
    #[inline(always)]
    pub(crate) fn grant(&mut self, grant: G) -> Result<R, G> {
        if self.first.is_some() || self.queue.nodes.has_calls() {
            return self.queue.grant(grant);
        }
        let (request, waker) = self.queue.grant_unwoken(grant)?;
        // None is replaced, which the compiler cannot know.
        std::mem::forget(std::mem::replace(&mut self.first, waker));
        Ok(request)
    }
}

impl<T, G> Waking<'_, Ask<T>, G> {
    /// Grants the first waiter's wish, if it has an item; takes the item.
    #[inline(always)]
    pub(crate) fn grant_item(&mut self, grant: G) -> Option<T> {
        if self.first.is_some() || self.queue.nodes.has_calls() {
            return self.grant_item_later(grant);
        }
        let (item, waker) = self.queue.nodes.grant_item(grant)?;
        self.queue.waiting.set(self.queue.waiting.get() - 1);
        // None is replaced, which the compiler cannot know.
        std::mem::forget(std::mem::replace(&mut self.first, waker));
        Some(item)
    }

    #[inline(never)]
    fn grant_item_later(&self, grant: G) -> Option<T> {
        if self.queue.first_wants().is_some() {
            return None;
        }
        self.queue.grant(grant).ok().map(Ask::item)
    }
}

impl<R, G> Drop for Waking<'_, R, G> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(waker) = self.first.take() {
            self.queue.wake_before_others(waker);
        }
        self.queue.wake();
    }
}

impl<R, G> fmt::Debug for WaitQueue<R, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitQueue")
            .field("what", &self.what)
            .field("waiting", &self.len())
            .field("spare", &self.nodes.spares())
            .field("stats", &self.stats())
            .finish()
    }
}
