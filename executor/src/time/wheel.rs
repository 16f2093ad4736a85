//! The timer wheel: where armed timers lie until they are due.
//!
//! Time is cut into ticks of 2²⁰ ns (1.05 ms). Eight levels of 64 buckets each hold the timers of later ticks: a timer
//! lies on the level of the highest group of six bits in which its tick differs from the tick that the wheel stands at
//! (Varghese and Lauck's hierarchical wheels, 1987). So starting and cancelling one is a few steps, however many there
//! are. When the wheel comes to a bucket of a higher level, its timers move down, at most seven times in a timer's life.
//!
//! A wheel alone fires at its ticks. This one is exact: timers of the present tick lie in a small heap, ordered by
//! nanosecond, those with equal deadlines in the order in which they were started.
//!
//! A timer that was just started lies in none of these but in a list, [`Wheel::fresh`], until the loop looks at the clock
//! next; the one that was started last lies at hand, outside of the wheel (see `timers.rs`), and may stay there. At that look
//! `sleep(d)` begins to count. So it never ends early however long its turn took, timers that are started together share one look
//! at the clock, and a timeout that is gone soon has cost neither a look nor a place.
//!
//! Buckets are arrays (see `buckets.rs`), and each timer knows its place in one: emptying a bucket reads memory in a row instead of from
//! timer to timer, which with many timers is what costs.

use crate::time::{
    buckets::{Buckets, TimerEntry},
    instant::Instant,
    pages::Pages,
};
use std::{cmp::Reverse, collections::BinaryHeap, task::Waker};

const TICK_BITS: u32 = 20;
const LEVEL_BITS: u32 = 6;
const BUCKETS: usize = 1 << LEVEL_BITS;
/// 8 × 6 + 20 bits are more than the 64 that an instant has.
const LEVELS: usize = 8;

/// What a timer waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    /// This number of nanoseconds after the next look at the clock.
    After(u64),
    At(Instant),
}

struct Timer {
    /// The deadline, or while the timer is fresh perhaps its duration.
    when: u64,
    waker: Option<Waker>,
    place: TimerPlace,
}

/// Where a timer is; in an array, with its index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum TimerPlace {
    /// Its `when` is a duration.
    FreshAfter(u32),
    /// Its `when` is an instant.
    FreshAt(u32),
    Bucket(u16, u32),
    /// In the heap.
    Due,
    /// In the heap, but nobody's: removed when the heap comes to it.
    DueCancelled,
    /// Its deadline turned out to be more than 584 years away.
    Never,
    Fired,
}

pub(crate) struct Wheel {
    timers: Pages<Timer>,
    /// Order and key.
    fresh: Vec<(u32, u32)>,
    buckets: Buckets,
    /// Which buckets of each level are not empty.
    occupied: [u64; LEVELS],
    due: BinaryHeap<Reverse<TimerEntry>>,
    /// How many entries of the heap are nobody's.
    cancelled: usize,
    next_order: u32,
    /// The tick that the wheel stands at. It never goes back.
    tick: u64,
}

impl Wheel {
    pub(crate) fn new() -> Wheel {
        Wheel {
            timers: Pages::new(),
            fresh: Vec::new(),
            buckets: Buckets::new(LEVELS * BUCKETS),
            occupied: [0; LEVELS],
            due: BinaryHeap::new(),
            cancelled: 0,
            next_order: 0,
            tick: 0,
        }
    }

    /// A key for a timer to come. It is the caller's until he calls [`Wheel::remove`] or, if it was never started, [`Wheel::give_back`].
    #[inline]
    pub(crate) fn reserve(&mut self) -> u32 {
        self.timers.reserve()
    }

    /// Gives up a key that no timer was started with.
    pub(crate) fn give_back(&mut self, key: u32) {
        self.timers.give_back(key);
    }

    /// Takes a timer with a key that was reserved: one that was just started, or one that counts already.
    #[inline]
    pub(crate) fn insert(&mut self, key: u32, when: When, counts: bool, waker: Option<Waker>) {
        let index = self.fresh.len() as u32;
        let (when, place) = match when {
            When::After(nanos) => (nanos, TimerPlace::FreshAfter(index)),
            When::At(instant) => (instant.0, TimerPlace::FreshAt(index)),
        };
        self.timers.fill(key, Timer { when, waker, place });
        let order = self.next_order;
        self.next_order = order.wrapping_add(1);
        if counts {
            self.place(TimerEntry { when, order, key });
        } else {
            self.fresh.push((order, key));
        }
    }

    /// How many timers wait for the next look at the clock.
    #[inline]
    pub(crate) fn fresh(&self) -> usize {
        self.fresh.len()
    }

    /// Ends a timer, fired or not. Gives its waker back, to be dropped where the wheel is not borrowed. The flag tells
    /// whether it had not fired.
    #[inline]
    pub(crate) fn remove(&mut self, key: u32) -> (Option<Waker>, bool) {
        let timer = self.timers.get_mut(key);
        match timer.place {
            TimerPlace::FreshAfter(index) | TimerPlace::FreshAt(index) => self.remove_fresh(index),
            TimerPlace::Bucket(bucket, index) => self.remove_from_bucket(bucket, index),
            TimerPlace::Due => {
                timer.place = TimerPlace::DueCancelled;
                let waker = timer.waker.take();
                self.cancelled += 1;
                self.sweep();
                return (waker, true);
            }
            TimerPlace::Never => {}
            TimerPlace::Fired => return (self.free(key), false),
            TimerPlace::DueCancelled => unreachable!("a timer's key was used after its removal"),
        }
        (self.free(key), true)
    }

    #[inline]
    fn free(&mut self, key: u32) -> Option<Waker> {
        self.timers.remove(key).waker
    }

    #[inline]
    fn remove_fresh(&mut self, index: u32) {
        self.fresh.swap_remove(index as usize);
        // Another one has come to this place.
        if let Some((_, moved)) = self.fresh.get(index as usize) {
            match &mut self.timers.get_mut(*moved).place {
                TimerPlace::FreshAfter(place) | TimerPlace::FreshAt(place) => *place = index,
                other => unreachable!("a fresh timer is elsewhere: {other:?}"),
            }
        }
    }

    fn remove_from_bucket(&mut self, bucket: u16, index: u32) {
        let list = self.buckets.swap_remove(bucket as usize, index);
        if let Some(moved) = list.get(index as usize) {
            self.timers.get_mut(moved.key).place = TimerPlace::Bucket(bucket, index);
        } else if list.is_empty() {
            self.occupied[bucket as usize / BUCKETS] &= !(1 << (bucket as usize % BUCKETS));
        }
    }

    /// Removes cancelled entries from the heap when they are more than the others.
    #[inline]
    fn sweep(&mut self) {
        const FEW: usize = 64;
        if self.cancelled <= FEW.max(self.due.len() / 2) {
            return;
        }
        let mut due = std::mem::take(&mut self.due);
        due.retain(|&Reverse(TimerEntry { key, .. })| {
            let lives = self.timers.get(key).place != TimerPlace::DueCancelled;
            if !lives {
                self.free(key);
            }
            lives
        });
        self.due = due;
        self.cancelled = 0;
    }

    /// Removes a cancelled timer that is not in the heap any more.
    fn free_cancelled(&mut self, key: u32) {
        self.cancelled -= 1;
        self.free(key);
    }

    pub(crate) fn has_fired(&self, key: u32) -> bool {
        self.timers.get(key).place == TimerPlace::Fired
    }

    /// The deadline of a timer that has fired.
    #[inline]
    pub(crate) fn fired(&self, key: u32) -> Option<Instant> {
        let timer = self.timers.get(key);
        (timer.place == TimerPlace::Fired).then_some(Instant(timer.when))
    }

    /// The timer's deadline, once it is known.
    pub(crate) fn deadline(&self, key: u32) -> Option<Instant> {
        let timer = self.timers.get(key);
        (!matches!(timer.place, TimerPlace::FreshAfter(_))).then_some(Instant(timer.when))
    }

    pub(crate) fn waker(&mut self, key: u32) -> &mut Option<Waker> {
        &mut self.timers.get_mut(key).waker
    }

    /// The time is `now`: appends the wakers of all timers that are due to `fired`, earliest deadline first. Returns how
    /// many there were; one may have lost its waker, if a foreign waker's clone panicked.
    pub(crate) fn advance(&mut self, now: Instant, fired: &mut Vec<(Instant, Waker)>) -> usize {
        let mut count = 0;
        self.settle(now);
        let target = now.0 >> TICK_BITS;
        while let Some((level, bucket, start)) = self.first_bucket().filter(|&(_, _, start)| start <= target) {
            self.tick = start;
            self.occupied[level] &= !(1 << bucket);
            let mut list = self.buckets.take(level * BUCKETS + bucket);
            for entry in list.drain(..) {
                self.place(entry);
            }
            // The wheel has moved on, so none of them came back here.
            self.buckets.leave(level * BUCKETS + bucket, list);
        }
        self.tick = self.tick.max(target);
        while self.due.peek().is_some_and(|Reverse(due)| due.when <= now.0) {
            let Some(Reverse(TimerEntry { when, key, .. })) = self.due.pop() else { break };
            let timer = self.timers.get_mut(key);
            if timer.place == TimerPlace::DueCancelled {
                self.free_cancelled(key);
                continue;
            }
            timer.place = TimerPlace::Fired;
            fired.extend(timer.waker.take().map(|waker| (Instant(when), waker)));
            count += 1;
        }
        count
    }

    /// The time is `now`: the fresh timers begin to count.
    pub(crate) fn settle(&mut self, now: Instant) {
        let mut fresh = std::mem::take(&mut self.fresh);
        for (order, key) in fresh.drain(..) {
            let timer = self.timers.get_mut(key);
            if let TimerPlace::FreshAfter(_) = timer.place {
                timer.when = timer.when.saturating_add(now.0);
            }
            let when = timer.when;
            if when == u64::MAX {
                timer.place = TimerPlace::Never;
            } else {
                self.place(TimerEntry { when, order, key });
            }
        }
        self.fresh = fresh;
    }

    /// Puts a timer where it belongs.
    fn place(&mut self, entry: TimerEntry) {
        let timers = self.timers.len();
        let timer = self.timers.get_mut(entry.key);
        let tick = entry.when >> TICK_BITS;
        if tick <= self.tick {
            timer.place = TimerPlace::Due;
            self.due.push(Reverse(entry));
            return;
        }
        let level = ((u64::BITS - 1 - (tick ^ self.tick).leading_zeros()) / LEVEL_BITS) as usize;
        let bucket = (tick >> (LEVEL_BITS * level as u32)) as usize % BUCKETS;
        self.occupied[level] |= 1 << bucket;
        let bucket = level * BUCKETS + bucket;
        timer.place = TimerPlace::Bucket(bucket as u16, self.buckets.push(bucket, entry, timers));
    }

    /// The bucket whose timers come first, with its first tick. Lower levels come before higher ones, and in a level all
    /// buckets lie ahead of where the wheel stands, so the first set bit is the earliest.
    fn first_bucket(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|&buckets| buckets != 0)?;
        let bucket = self.occupied[level].trailing_zeros() as usize;
        let shift = LEVEL_BITS * level as u32;
        let base = self.tick & u64::MAX.checked_shl(shift + LEVEL_BITS).unwrap_or(0);
        Some((level, bucket, base | ((bucket as u64) << shift)))
    }

    /// When [`Wheel::advance`] must be called next, if no timer is fresh. At most as late as the earliest deadline; exact
    /// unless more than eight timers share its bucket, in which case there will be a wake-up at the bucket's beginning.
    pub(crate) fn next(&mut self) -> Option<Instant> {
        const LOOK_AT: usize = 8;
        while let Some(&Reverse(TimerEntry { when, key, .. })) = self.due.peek() {
            if self.timers.get(key).place != TimerPlace::DueCancelled {
                return Some(Instant(when));
            }
            self.due.pop();
            self.free_cancelled(key);
        }
        let (level, bucket, start) = self.first_bucket()?;
        let list = self.buckets.get(level * BUCKETS + bucket);
        if list.len() > LOOK_AT {
            return Some(Instant(start << TICK_BITS));
        }
        list.iter().map(|entry| Instant(entry.when)).min()
    }

    /// How many timers there is memory for.
    pub(crate) fn capacity(&self) -> usize {
        self.timers.capacity().max(self.fresh.capacity())
    }

    /// Frees memory that a crowd of timers has left behind, beyond room for `kept`: a timer that is left keeps its page. No key is reserved.
    pub(crate) fn trim(&mut self, kept: usize) {
        if self.capacity() <= kept {
            return;
        }
        if self.timers.is_empty() {
            *self = Wheel { next_order: self.next_order, tick: self.tick, ..Wheel::new() };
            return;
        }
        self.buckets.shrink();
        self.due.shrink_to(kept);
        self.fresh.shrink_to(kept);
        if self.timers.len() < self.timers.capacity() / 2 {
            self.timers.trim();
        }
    }
}
