//! The adaptive limiter: as many at a time as go well, by a limit that follows the latency.

use crate::{
    calls::go_on,
    timer::Timer,
    wait::{Attempt, Line, Wait},
    wait_queue::{WaitQueue, WaitStats},
};
use std::{
    cell::Cell,
    fmt,
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};

/// Bounds how much goes on at a time, by a limit that it finds itself: it grows while work is done within a target time, and
/// shrinks when work takes longer.
///
/// The limit follows *additive increase, multiplicative decrease* (AIMD), as TCP finds its window: it needs no knowledge of what stands
/// behind it, follows when that changes, and several limiters in front of one service come to share it fairly (Chiu and Jain,
/// *Analysis of the increase and decrease algorithms for congestion avoidance*, 1989).
///
/// | constant | value | source |
/// |---|---|---|
/// | limit at first | 10 | `initialLimit` of Netflix's concurrency-limits, `AIMDLimit` |
/// | decrease | × 0.9 | `backoffRatio` there (TCP halves, which is rough for limits of a few) |
/// | at most one decrease | per generation: work that began before the last one does not count again | TCP: one per window (RFC 5681) |
/// | increase | + 1/limit for each success, so + 1 per generation | TCP: + 1 per round trip (Jacobson, *Congestion avoidance and control*, 1988) |
/// | no increase | while less than half of the limit is in use | `inflight * 2 >= limit` there: a limit that nobody touches says nothing |
/// | smallest limit | 1 | so that it can find out that things are better |
///
/// A [`LimiterSlot`] measures from the time when work may begin to its drop, without the wait in line. The time comes from a
/// [`Timer`]; `evenkeel::sync::AdaptiveLimiter` is this type with the loop's.
///
/// ```
/// use evenkeel::{sleep, sync::AdaptiveLimiter, testing};
/// use std::time::Duration;
///
/// testing::run(async {
///     let limiter = AdaptiveLimiter::new(Duration::from_millis(100));
///     assert_eq!(limiter.limit(), 10);
///
///     let slot = limiter.try_acquire().unwrap();
///     sleep(Duration::from_millis(150)).await; // the work takes too long
///     drop(slot);
///     assert_eq!(limiter.limit(), 9);
/// });
/// ```
pub struct AdaptiveLimiter<C> {
    timer: C,
    target: Duration,
    least: f64,
    most: f64,
    limit: Cell<f64>,
    in_flight: Cell<usize>,
    /// When the limit was last decreased.
    decreased: Cell<Option<Duration>>,
    queue: WaitQueue,
}

const FIRST_LIMIT: f64 = 10.0;
const DECREASE: f64 = 0.9;
const LEAST_USE: f64 = 0.5;

/// Permission to do one piece of work, from an [`AdaptiveLimiter`]. When it is dropped the work is over, and its time counts.
#[must_use = "a slot that is dropped at once says that the work took no time, and `let _ = …` drops it: bind it to a name, as in `let _slot = …`"]
pub struct LimiterSlot<'a, C: Timer> {
    limiter: &'a AdaptiveLimiter<C>,
    began: Duration,
    outcome: Outcome,
}

enum Outcome {
    ByTime,
    Overloaded,
    Ignored,
}

impl<C: Timer> AdaptiveLimiter<C> {
    /// A limiter of work that is to take `target` at most, on a timer of the default kind.
    ///
    /// A good target is what the work takes at the 95th percentile or so when there is no overload, and half as much again.
    pub fn new(target: Duration) -> Self
    where
        C: Default,
    {
        Self::with_timer(target, C::default())
    }

    /// A limiter of work that is to take `target` at most, on that timer.
    pub fn with_timer(target: Duration, timer: C) -> Self {
        AdaptiveLimiter {
            timer,
            target,
            least: 1.0,
            most: usize::MAX as f64,
            limit: Cell::new(FIRST_LIMIT),
            in_flight: Cell::new(0),
            decreased: Cell::new(None),
            queue: WaitQueue::new("AdaptiveLimiter::acquire"),
        }
    }

    /// Makes the limit begin with `first` and stay within these bounds.
    ///
    /// # Panics
    ///
    /// If the lower bound is zero, or the bounds do not hold `first`.
    #[track_caller]
    pub fn limits(mut self, least: usize, first: usize, most: usize) -> Self {
        assert!(least > 0, "a limit of zero would never learn that things are better");
        assert!(least <= first && first <= most, "the first limit lies between the least and the most");
        (self.least, self.most) = (least as f64, most as f64);
        self.limit.set(first as f64);
        self
    }

    /// Waits until less than the limit goes on, and it is this one's turn.
    ///
    /// Cancel-safe: dropped in line it leaves the line; a slot that it had been given goes to the next one.
    pub async fn acquire(&self) -> LimiterSlot<'_, C> {
        // It is never refused.
        let _ = Wait::<&Self, Entering<C>>::new(self, ()).await;
        self.slot()
    }

    /// A [`LimiterSlot`], if less than the limit goes on and nobody waits: to turn work away instead of letting it queue.
    pub fn try_acquire(&self) -> Option<LimiterSlot<'_, C>> {
        match Entering::attempt(self, ()) {
            Attempt::Granted(()) => Some(self.slot()),
            _ => None,
        }
    }

    /// The present limit: how much work may go on at a time.
    pub fn limit(&self) -> usize {
        self.limit.get() as usize
    }

    /// How much work goes on now.
    pub fn in_flight(&self) -> usize {
        self.in_flight.get()
    }

    /// How many wait for a slot.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What the line for slots has seen so far.
    pub fn stats(&self) -> WaitStats {
        self.queue.stats()
    }

    fn slot(&self) -> LimiterSlot<'_, C> {
        // The slot first: a timer is foreign code, and may panic.
        let mut slot = LimiterSlot { limiter: self, began: Duration::ZERO, outcome: Outcome::Ignored };
        slot.began = self.timer.now();
        slot.outcome = Outcome::ByTime;
        slot
    }

    fn has_room(&self) -> bool {
        self.in_flight.get() < self.limit()
    }

    fn succeeded(&self) {
        let limit = self.limit.get();
        if self.in_flight.get() as f64 >= limit * LEAST_USE {
            self.limit.set((limit + 1.0 / limit).min(self.most));
        }
    }

    fn failed(&self, began: Duration) {
        if self.decreased.get().is_none_or(|decreased| began >= decreased) {
            self.decreased.set(Some(self.timer.now()));
            self.limit.set((self.limit.get() * DECREASE).max(self.least));
        }
    }

    /// A slot comes back.
    fn release(&self) {
        self.in_flight.set(self.in_flight.get() - 1);
        while !self.queue.is_empty() && self.has_room() {
            self.in_flight.set(self.in_flight.get() + 1);
            let _ = self.queue.grant(());
        }
        self.queue.wake();
    }
}

impl<C: Timer> LimiterSlot<'_, C> {
    /// Ends the work as turned away further down (an HTTP 429 or 503, say): it counts as too long, however short it was.
    pub fn overloaded(mut self) {
        self.outcome = Outcome::Overloaded;
    }

    /// Ends the work without counting its time, as when it failed for a reason of its own.
    pub fn ignore(mut self) {
        self.outcome = Outcome::Ignored;
    }

    /// The limiter learns how the work went.
    fn tell(&self) {
        let limiter = self.limiter;
        let late = || limiter.timer.now().saturating_sub(self.began) > limiter.target;
        match self.outcome {
            Outcome::ByTime if late() => limiter.failed(self.began),
            // Work that ended with a panic was not done quickly.
            Outcome::ByTime if !thread::panicking() => limiter.succeeded(),
            Outcome::ByTime | Outcome::Ignored => {}
            Outcome::Overloaded => limiter.failed(self.began),
        }
    }
}

impl<C: Timer> Drop for LimiterSlot<'_, C> {
    fn drop(&mut self) {
        // The timer is foreign code, and may panic: the slot comes back all the same, when all else was done.
        struct Release<'a, C: Timer>(&'a AdaptiveLimiter<C>);
        impl<C: Timer> Drop for Release<'_, C> {
            fn drop(&mut self) {
                self.0.release();
            }
        }
        let _release = Release(self.limiter);
        // But not on top of a panic that is under way: two at a time would end the process.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.tell())) {
            go_on(payload);
        }
    }
}

struct Entering<C>(PhantomData<C>);

impl<C: Timer> Line for Entering<C> {
    type Owner = AdaptiveLimiter<C>;
    type Request = ();
    type Grant = ();

    fn queue(limiter: &AdaptiveLimiter<C>) -> &WaitQueue {
        &limiter.queue
    }

    fn attempt(limiter: &AdaptiveLimiter<C>, request: ()) -> Attempt<(), ()> {
        if !limiter.queue.is_empty() || !limiter.has_room() {
            return Attempt::Wait(request);
        }
        limiter.in_flight.set(limiter.in_flight.get() + 1);
        Attempt::Granted(())
    }

    fn give_back(limiter: &AdaptiveLimiter<C>, _: ()) {
        limiter.release();
    }
}

impl<C: Timer> fmt::Debug for AdaptiveLimiter<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptiveLimiter")
            .field("target", &self.target)
            .field("limit", &self.limit())
            .field("in_flight", &self.in_flight())
            .field("waiting", &self.waiting())
            .finish()
    }
}

impl<C: Timer> fmt::Debug for LimiterSlot<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimiterSlot").field("began", &self.began).finish_non_exhaustive()
    }
}
