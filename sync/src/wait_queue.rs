//! The queue under every primitive in which more than one may wait: first in, first out, with direct hand-off.

use crate::{
    calls::{Payload, go_on},
    nodes::{Key, Left, Look, Nodes},
};
use std::{
    cell::{Cell, RefCell},
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
/// Nodes lie in a table and are chained by index, in two chains: those who wait, and those whose wait has ended and whose
/// waker is still to be called. A wait does not allocate while the table has room. Since futures are dropped at any time, the
/// holder of a node unlinks it in its destructor.
pub struct WaitQueue<R = (), G = ()> {
    what: &'static str,
    /// How many waiters there are, beside the nodes so that it can be asked for without a borrow.
    waiting: Cell<usize>,
    nodes: RefCell<Nodes<R, G>>,
    /// How many wakers are to be called.
    uncalled: Cell<usize>,
    /// The first waker to be called, mostly the only one: it need not be chained.
    first_call: Cell<Option<Waker>>,
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
            nodes: RefCell::new(Nodes::new()),
            uncalled: Cell::new(0),
            first_call: Cell::new(None),
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
        self.nodes.borrow().front().copied()
    }

    /// Takes the first waiter out of line, hands it `grant`, and returns its request. If nobody waits, `grant` comes back as
    /// the error.
    ///
    /// Call [`wake`](Self::wake) when your own state is in order.
    #[inline]
    pub fn grant(&self, grant: G) -> Result<R, G> {
        if self.is_empty() {
            return Err(grant);
        }
        Ok(self.grant_by(|_| Some(grant)).expect("somebody waits"))
    }

    /// Grants as [`grant`](Self::grant) does, with what `grant` says to the first request; `None` if it says no, or nobody waits. It must not
    /// be foreign code.
    #[inline(always)]
    pub(crate) fn grant_by(&self, grant: impl FnOnce(&R) -> Option<G>) -> Option<R> {
        let uncalled = self.uncalled.get();
        let (request, waker) = self.nodes.borrow_mut().grant(grant, uncalled > 0)?;
        if uncalled == 0 {
            // None is replaced, which the compiler cannot know.
            std::mem::forget(self.first_call.replace(waker));
        }
        self.uncalled.set(uncalled + 1);
        self.waiting.set(self.waiting.get() - 1);
        Some(request)
    }

    /// Is `what` true of the first waiter's request? It must not be foreign code.
    #[inline]
    pub(crate) fn is_front(&self, what: impl FnOnce(&R) -> bool) -> bool {
        self.nodes.borrow().front().is_some_and(what)
    }

    /// Takes the first waiter out of line and hands it `grant`, as [`grant`](Self::grant) does, but leaves it to the caller to wake it.
    /// `None` if nobody waits.
    #[inline]
    pub(crate) fn grant_unwoken(&self, grant: G) -> Option<(R, Waker)> {
        let (request, waker) = self.nodes.borrow_mut().grant(|_| Some(grant), false)?;
        self.waiting.set(self.waiting.get() - 1);
        Some((request, waker.expect("who waits has a waker")))
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
        self.refuse(|_| true)
    }

    /// Refuses as [`refuse_all`](Self::refuse_all) does, but some only. `which` must not be foreign code.
    pub(crate) fn refuse(&self, which: impl FnMut(&R) -> bool) -> usize {
        if self.is_empty() {
            return 0;
        }
        let count = self.nodes.borrow_mut().refuse(which);
        self.waiting.set(self.waiting.get() - count);
        add(&self.stats.refused, count as u64);
        self.uncalled.set(self.uncalled.get() + count);
        count
    }

    /// Calls the wakers of those whose wait has ended, in order.
    ///
    /// If some of them panic, the others are called all the same, and the first panic goes on. If a panic is under way already
    /// (a guard is dropped by it, say), that one goes on and theirs are given up.
    #[inline(always)]
    pub fn wake(&self) {
        while let Some(waker) = self.next_call() {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                self.call_others(payload);
            }
        }
    }

    #[cold]
    fn call_others(&self, first: Payload) {
        while let Some(waker) = self.next_call() {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                // Its destructor could panic as well.
                std::mem::forget(payload);
            }
        }
        go_on(first);
    }

    #[inline(always)]
    fn next_call(&self) -> Option<Waker> {
        if self.uncalled.get() == 0 {
            return None;
        }
        self.uncalled.set(self.uncalled.get() - 1);
        match self.first_call.take() {
            Some(waker) => Some(waker),
            None => self.nodes.borrow_mut().next_call(),
        }
    }

    // ---- who has a place, and does not stand in line yet

    /// A place apart: its owner does not count as waiting, before [`stand`](Self::stand).
    pub(crate) fn enter_apart(&self, request: R) -> Key {
        self.nodes.borrow_mut().enter_apart(request)
    }

    /// Puts one who is apart into line.
    pub(crate) fn stand(&self, key: Key, waker: Waker) {
        self.nodes.borrow_mut().stand(key, waker);
        self.count_in();
    }

    /// Takes a place back; `None` if its owner is not apart any more.
    pub(crate) fn leave_apart(&self, key: Key) -> Option<R> {
        self.nodes.borrow_mut().leave_apart(key)
    }

    // ---- what `Wait` does

    #[inline(always)]
    pub(crate) fn enter(&self, request: R, waker: Waker) -> Key {
        let key = self.nodes.borrow_mut().enter(request, waker);
        self.count_in();
        key
    }

    /// One of those apart would have stood in line, and was handed what he wanted at once.
    pub(crate) fn count_passage(&self) {
        self.count_in();
        self.waiting.set(self.waiting.get() - 1);
    }

    #[inline(always)]
    fn count_in(&self) {
        let waiting = self.waiting.get() + 1;
        self.waiting.set(waiting);
        add(&self.stats.entered, 1);
        self.stats.peak.set(self.stats.peak.get().max(waiting));
    }

    /// Keeps what a waiter got at first sight, until it looks.
    #[cold]
    pub(crate) fn keep(&self, outcome: Result<G, R>) -> Key {
        self.nodes.borrow_mut().enter_ended(outcome)
    }

    /// Looks at how the wait ended, if it did; the node is free then. Otherwise sees to it that the node has this waker. Neither the
    /// clone nor the drop of a waker finds anything borrowed.
    #[inline(always)]
    pub(crate) fn look(&self, key: Key, waker: &Waker) -> Option<Result<G, R>> {
        let look = self.nodes.borrow_mut().look(key, waker);
        match look {
            Look::Ended(outcome) => Some(outcome),
            Look::Waits => None,
            look => self.look_again(look, key, waker),
        }
    }

    #[cold]
    fn look_again(&self, mut look: Look<R, G>, key: Key, waker: &Waker) -> Option<Result<G, R>> {
        loop {
            match look {
                Look::Ended(outcome) => return Some(outcome),
                Look::Waits => return None,
                Look::WaitsForAnother => self.set_waker(key, waker.clone()),
                // While the grant is still in the node: if this panics, the node's holder passes it on.
                Look::Uncalled(waker) => {
                    self.uncalled.set(self.uncalled.get() - 1);
                    drop(waker);
                }
            }
            look = self.nodes.borrow_mut().look(key, waker);
        }
    }

    fn set_waker(&self, key: Key, waker: Waker) {
        let old = self.nodes.borrow_mut().set_waker(key, waker);
        drop(old);
    }

    /// Takes a waiter out of line. The waker that comes back must outlive what the caller does with the rest.
    pub(crate) fn leave(&self, key: Key) -> (Left<R, G>, Option<Waker>) {
        let (left, waker) = self.nodes.borrow_mut().leave(key);
        if let Left::Waiting { .. } = left {
            self.waiting.set(self.waiting.get() - 1);
            add(&self.stats.left, 1);
        } else if waker.is_some() {
            self.uncalled.set(self.uncalled.get() - 1);
        }
        (left, waker)
    }

    pub(crate) fn ahead(&self, key: Key) -> usize {
        self.nodes.borrow().ahead(key)
    }
}

#[inline]
fn add(count: &Cell<u64>, more: u64) {
    count.set(count.get() + more);
}

/// A guard whose drop wakes a line: for primitives with several lines, so that a panic in one does not keep the others
/// asleep.
pub(crate) struct WakeLater<'a, R, G>(pub(crate) &'a WaitQueue<R, G>);

impl<R, G> Drop for WakeLater<'_, R, G> {
    #[inline]
    fn drop(&mut self) {
        self.0.wake();
    }
}

impl<R, G> fmt::Debug for WaitQueue<R, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capacity = self.nodes.try_borrow().map(|nodes| nodes.capacity()).ok();
        f.debug_struct("WaitQueue")
            .field("what", &self.what)
            .field("waiting", &self.len())
            .field("capacity", &capacity)
            .field("stats", &self.stats())
            .finish()
    }
}
