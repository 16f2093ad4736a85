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
//! next. Then `sleep(d)` begins to count. So it never ends early however long its turn took, timers that are started
//! together share one look at the clock, and a timeout that is gone soon has cost neither a look nor a place.

use crate::time::Instant;
use slab::Slab;
use std::{cmp::Reverse, collections::BinaryHeap, task::Waker};

const TICK_BITS: u32 = 20;
const LEVEL_BITS: u32 = 6;
const BUCKETS: usize = 1 << LEVEL_BITS;
/// 8 × 6 + 20 bits are more than the 64 that an instant has.
const LEVELS: usize = 8;
const NIL: u32 = u32::MAX;

/// What a timer waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    /// So many nanoseconds after the next look at the clock.
    After(u64),
    At(Instant),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// In the list of this turn's timers; `when` is a duration.
    FreshAfter,
    /// The same; `when` is an instant.
    FreshAt,
    Bucket(u16),
    /// In the heap.
    Due,
    /// In the heap, but nobody's: removed when the heap comes to it.
    DueCancelled,
    Fired,
}

struct Timer {
    /// The deadline, or while the timer is fresh perhaps its duration.
    when: u64,
    waker: Option<Waker>,
    prev: u32,
    next: u32,
    place: Place,
}

/// A circular list, in the order of insertion; its first element's `prev` is the last.
type List = u32;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    when: u64,
    /// Timers with equal deadlines fire in the order in which they came here.
    order: u64,
    key: u32,
}

pub(crate) struct Wheel {
    timers: Slab<Timer>,
    fresh: List,
    /// How many timers are in `fresh`.
    started: u32,
    buckets: Box<[List; LEVELS * BUCKETS]>,
    /// Which buckets of each level are not empty.
    occupied: [u64; LEVELS],
    due: BinaryHeap<Reverse<Due>>,
    next_order: u64,
    /// The tick that the wheel stands at. It never goes back.
    tick: u64,
}

impl Wheel {
    pub(crate) fn new() -> Wheel {
        Wheel {
            timers: Slab::new(),
            fresh: NIL,
            started: 0,
            buckets: Box::new([NIL; LEVELS * BUCKETS]),
            occupied: [0; LEVELS],
            due: BinaryHeap::new(),
            next_order: 0,
            tick: 0,
        }
    }

    /// Starts a timer. The key is the caller's until it calls [`Wheel::remove`].
    #[inline]
    pub(crate) fn insert(&mut self, when: When, waker: Waker) -> u32 {
        let (when, place) = match when {
            When::After(nanos) => (nanos, Place::FreshAfter),
            When::At(instant) => (instant.0, Place::FreshAt),
        };
        let key = self.timers.insert(Timer { when, waker: Some(waker), prev: NIL, next: NIL, place });
        assert!(key < NIL as usize, "an executor can have at most 4 294 967 295 timers");
        push_back(&mut self.timers, &mut self.fresh, key as u32);
        self.started += 1;
        key as u32
    }

    /// How many timers wait for the next look at the clock.
    pub(crate) fn started(&self) -> u32 {
        self.started
    }

    /// Ends a timer, fired or not. Gives its waker back, to be dropped where the wheel is not borrowed. The flag tells
    /// whether it had not fired.
    #[inline]
    pub(crate) fn remove(&mut self, key: u32) -> (Option<Waker>, bool) {
        let timer = &mut self.timers[key as usize];
        match timer.place {
            Place::FreshAfter | Place::FreshAt => {
                self.started -= 1;
                unlink(&mut self.timers, &mut self.fresh, key);
            }
            Place::Bucket(bucket) => {
                let list = &mut self.buckets[bucket as usize];
                unlink(&mut self.timers, list, key);
                if *list == NIL {
                    self.occupied[bucket as usize / BUCKETS] &= !(1 << (bucket as usize % BUCKETS));
                }
            }
            Place::Due => {
                timer.place = Place::DueCancelled;
                return (timer.waker.take(), true);
            }
            Place::Fired => return (self.timers.remove(key as usize).waker, false),
            Place::DueCancelled => unreachable!("a timer's key was used after its removal"),
        }
        (self.timers.remove(key as usize).waker, true)
    }

    pub(crate) fn has_fired(&self, key: u32) -> bool {
        self.timers[key as usize].place == Place::Fired
    }

    /// The timer's deadline, once it is known.
    pub(crate) fn deadline(&self, key: u32) -> Option<Instant> {
        let timer = &self.timers[key as usize];
        (timer.place != Place::FreshAfter).then_some(Instant(timer.when))
    }

    pub(crate) fn waker(&mut self, key: u32) -> &mut Option<Waker> {
        &mut self.timers[key as usize].waker
    }

    /// The time is `now`: appends the wakers of all timers that are due to `fired`, earliest deadline first.
    pub(crate) fn advance(&mut self, now: Instant, fired: &mut Vec<(Instant, Waker)>) {
        self.settle(now);
        let target = now.0 >> TICK_BITS;
        while let Some((level, bucket, start)) = self.first_bucket().filter(|&(_, _, start)| start <= target) {
            self.tick = start;
            let list = std::mem::replace(&mut self.buckets[level * BUCKETS + bucket], NIL);
            self.occupied[level] &= !(1 << bucket);
            self.place_all(list);
        }
        self.tick = self.tick.max(target);
        while self.due.peek().is_some_and(|Reverse(due)| due.when <= now.0) {
            let Some(Reverse(Due { when, key, .. })) = self.due.pop() else { break };
            let timer = &mut self.timers[key as usize];
            if timer.place == Place::DueCancelled {
                self.timers.remove(key as usize);
                continue;
            }
            timer.place = Place::Fired;
            fired.extend(timer.waker.take().map(|waker| (Instant(when), waker)));
        }
    }

    /// The time is `now`: the fresh timers begin to count.
    pub(crate) fn settle(&mut self, now: Instant) {
        self.started = 0;
        let list = std::mem::replace(&mut self.fresh, NIL);
        let mut key = list;
        while key != NIL {
            let timer = &mut self.timers[key as usize];
            if timer.place == Place::FreshAfter {
                timer.when = timer.when.saturating_add(now.0);
            }
            key = if timer.next == list { NIL } else { timer.next };
        }
        self.place_all(list);
    }

    /// Puts the timers of a list, which nothing leads to any more, where they belong.
    fn place_all(&mut self, list: List) {
        let mut key = list;
        while key != NIL {
            let next = self.timers[key as usize].next;
            self.place(key);
            key = if next == list { NIL } else { next };
        }
    }

    fn place(&mut self, key: u32) {
        let timer = &mut self.timers[key as usize];
        let tick = timer.when >> TICK_BITS;
        if tick <= self.tick {
            timer.place = Place::Due;
            let order = self.next_order;
            self.next_order += 1;
            self.due.push(Reverse(Due { when: timer.when, order, key }));
            return;
        }
        let level = ((u64::BITS - 1 - (tick ^ self.tick).leading_zeros()) / LEVEL_BITS) as usize;
        let bucket = (tick >> (LEVEL_BITS * level as u32)) as usize % BUCKETS;
        timer.place = Place::Bucket((level * BUCKETS + bucket) as u16);
        self.occupied[level] |= 1 << bucket;
        push_back(&mut self.timers, &mut self.buckets[level * BUCKETS + bucket], key);
    }

    /// The bucket whose timers come first, with its first tick. Lower levels come before higher ones, and in a level all
    /// buckets lie ahead of where the wheel stands, so the first set bit is the earliest.
    fn first_bucket(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|&buckets| buckets != 0)?;
        let bucket = self.occupied[level].trailing_zeros() as usize;
        let shift = LEVEL_BITS * level as u32;
        let base = self.tick & (u64::MAX << (shift + LEVEL_BITS));
        Some((level, bucket, base | ((bucket as u64) << shift)))
    }

    /// When [`Wheel::advance`] must be called next, if no timer is fresh. At most as late as the earliest deadline; exact
    /// unless more than eight timers share its bucket, in which case there will be a wake-up at the bucket's beginning.
    pub(crate) fn next(&self) -> Option<Instant> {
        const LOOK_AT: usize = 8;
        if let Some(Reverse(due)) = self.due.peek() {
            return Some(Instant(due.when));
        }
        let (level, bucket, start) = self.first_bucket()?;
        let first = self.buckets[level * BUCKETS + bucket];
        let (mut key, mut earliest) = (first, u64::MAX);
        for _ in 0..LOOK_AT {
            let timer = &self.timers[key as usize];
            earliest = earliest.min(timer.when);
            key = timer.next;
            if key == first {
                return Some(Instant(earliest));
            }
        }
        Some(Instant(start << TICK_BITS))
    }

    /// Frees memory that a crowd of timers has left behind, beyond room for `kept`.
    pub(crate) fn trim(&mut self, kept: usize) {
        if self.timers.is_empty() && self.timers.capacity() > kept {
            self.timers = Slab::new();
            self.due = BinaryHeap::new();
        }
    }
}

#[inline]
fn push_back(timers: &mut Slab<Timer>, list: &mut List, key: u32) {
    if *list == NIL {
        *list = key;
        let timer = &mut timers[key as usize];
        (timer.prev, timer.next) = (key, key);
        return;
    }
    let first = *list;
    let last = std::mem::replace(&mut timers[first as usize].prev, key);
    timers[last as usize].next = key;
    let timer = &mut timers[key as usize];
    (timer.prev, timer.next) = (last, first);
}

#[inline]
fn unlink(timers: &mut Slab<Timer>, list: &mut List, key: u32) {
    let (prev, next) = (timers[key as usize].prev, timers[key as usize].next);
    if next == key {
        *list = NIL;
        return;
    }
    timers[prev as usize].next = next;
    timers[next as usize].prev = prev;
    if *list == key {
        *list = next;
    }
}
