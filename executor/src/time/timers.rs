//! An executor's timers, as its loop and its sleeps share them.

use crate::{
    time::{
        instant::Instant,
        wheel::{Wheel, When},
    },
    wake::waker_cell::newest_of,
};
use std::{
    cell::{Cell, RefCell, RefMut},
    task::Waker,
};

/// The wheel is borrowed only inside these methods, none of which runs user code meanwhile: wakers are cloned before and
/// dropped or called after.
///
/// # The timer at hand
///
/// The timer that was started last is often the first to go: a timeout whose future is done at its next poll, or a sleep that lost a race. So
/// it lies at hand, and comes to the wheel only when another one is started, when it is due, or when what is idle is given back. It is fresh as those in the wheel are, until
/// the loop looks at the clock, and then it has a deadline as they have: the loop asks both here and there. It comes to the wheel before any
/// younger timer, so the order among equal deadlines is the one in which they were started.
///
/// Its place in the wheel is reserved when it is started, so its key never changes, and tells where it is: the key that is reserved is that
/// of the timer at hand, or nobody's.
pub(crate) struct Timers {
    /// What the timer at hand waits for; `None` if there is none.
    when: Cell<Option<When>>,
    /// Has it begun to count? Then `when` is its deadline.
    counts: Cell<bool>,
    /// Its waker, but while a newer one is cloned.
    waker: Cell<Option<Waker>>,
    /// The key that is reserved, or [`NO_KEY`].
    key: Cell<u32>,
    /// How many have not fired.
    armed: Cell<usize>,
    wheel: RefCell<Wheel>,
    fired: Cell<Vec<(Instant, Waker)>>,
}

/// No timer's key.
const NO_KEY: u32 = u32::MAX;

impl Timers {
    pub(crate) fn new() -> Timers {
        Timers {
            when: Cell::new(None),
            counts: Cell::new(false),
            waker: Cell::new(None),
            key: Cell::new(NO_KEY),
            armed: Cell::new(0),
            wheel: RefCell::new(Wheel::new()),
            fired: Cell::new(Vec::new()),
        }
    }

    /// From now on there is always something to look after: what else the loop looks at when it does.
    pub(crate) fn watch(&self) {
        self.armed.set(self.armed.get() + 1);
    }

    /// Is there any timer that the loop must look after?
    #[inline(always)]
    pub(crate) fn is_armed(&self) -> bool {
        self.armed.get() != 0
    }

    /// Has a timer been started that has not fired?
    #[cold]
    pub(crate) fn is_any_started(&self) -> bool {
        self.has_fresh() || self.next().is_some()
    }

    /// Starts a timer. `now` looks at the clock, if so many were started since the last look that it is time for another; it is foreign code.
    #[inline(always)]
    pub(crate) fn start(&self, when: When, waker: Waker, now: impl Fn() -> Instant) -> u32 {
        if self.when.get().is_some() || self.key.get() == NO_KEY {
            self.make_room(&now);
        }
        self.armed.set(self.armed.get() + 1);
        self.when.set(Some(when));
        self.counts.set(false);
        let none = self.waker.replace(Some(waker));
        debug_assert!(none.is_none(), "there was a timer at hand");
        self.key.get()
    }

    /// Reserves a place for a timer to be at hand. The one that is goes into the wheel.
    #[inline(never)]
    fn make_room(&self, now: &dyn Fn() -> Instant) {
        /// A look at the clock takes 25 ns, so that it adds less than one to each timer.
        const SHARE_A_LOOK: usize = 32;
        if self.put_away().fresh() >= SHARE_A_LOOK {
            // The clock may start timers, too.
            let now = now();
            self.settle(now);
        }
        let mut wheel = self.put_away();
        if self.key.get() == NO_KEY {
            self.key.set(wheel.reserve());
        }
    }

    /// The timer at hand, if there is one, goes into the wheel, which is to be used next.
    #[inline]
    fn put_away(&self) -> RefMut<'_, Wheel> {
        let mut wheel = self.wheel.borrow_mut();
        if let Some(when) = self.when.take() {
            wheel.insert(self.key.replace(NO_KEY), when, self.counts.get(), self.waker.take());
        }
        wheel
    }

    /// The time is `now`: the timer at hand begins to count. If it is due, or never, it goes into the wheel, which is to be used next.
    #[inline]
    fn count_from(&self, now: Instant) -> RefMut<'_, Wheel> {
        let deadline = match self.when.get() {
            None => return self.wheel.borrow_mut(),
            Some(When::At(deadline)) => deadline,
            Some(When::After(nanos)) => Instant(now.0.saturating_add(nanos)),
        };
        if deadline <= now || deadline == Instant::NEVER {
            return self.put_away();
        }
        self.when.set(Some(When::At(deadline)));
        self.counts.set(true);
        self.wheel.borrow_mut()
    }

    /// The time is `now`: timers that were started before begin to count.
    #[cold]
    pub(crate) fn settle(&self, now: Instant) {
        self.count_from(now).settle(now);
    }

    /// Is that the timer at hand?
    #[inline(always)]
    fn is_at_hand(&self, key: u32) -> bool {
        self.key.get() == key
    }

    /// Ends a timer, fired or not.
    #[inline]
    pub(crate) fn remove(&self, key: u32) {
        if !self.is_at_hand(key) {
            return self.remove_from_wheel(key);
        }
        self.when.set(None);
        self.armed.set(self.armed.get() - 1);
        let waker = self.waker.take();
        drop(waker);
    }

    #[inline(never)]
    fn remove_from_wheel(&self, key: u32) {
        let (waker, was_armed) = self.wheel.borrow_mut().remove(key);
        if was_armed {
            self.armed.set(self.armed.get() - 1);
        }
        drop(waker);
    }

    /// The timer's deadline, once it is known.
    pub(crate) fn deadline(&self, key: u32) -> Option<Instant> {
        match self.when.get() {
            Some(When::At(deadline)) if self.is_at_hand(key) => Some(deadline),
            Some(When::After(_)) if self.is_at_hand(key) => None,
            _ => self.wheel.borrow().deadline(key),
        }
    }

    /// Are there timers that wait for the next look at the clock?
    pub(crate) fn has_fresh(&self) -> bool {
        (self.when.get().is_some() && !self.counts.get()) || self.wheel.borrow().fresh() > 0
    }

    #[inline]
    pub(crate) fn has_fired(&self, key: u32) -> bool {
        !self.is_at_hand(key) && self.has_fired_in_wheel(key)
    }

    #[inline(never)]
    fn has_fired_in_wheel(&self, key: u32) -> bool {
        self.wheel.borrow().has_fired(key)
    }

    /// The deadline of a timer that has fired.
    #[inline]
    pub(crate) fn fired(&self, key: u32) -> Option<Instant> {
        if self.is_at_hand(key) { None } else { self.fired_in_wheel(key) }
    }

    #[inline(never)]
    fn fired_in_wheel(&self, key: u32) -> Option<Instant> {
        self.wheel.borrow().fired(key)
    }

    /// A timer that has not fired is due at that time from now on: it is fresh again, and the youngest. Returns its key, which may be another.
    pub(crate) fn reset(&self, key: u32, deadline: Instant) -> u32 {
        if self.is_at_hand(key) {
            self.when.set(Some(When::At(deadline)));
            self.counts.set(false);
            return key;
        }
        let mut wheel = self.put_away();
        let (waker, was_armed) = wheel.remove(key);
        debug_assert!(was_armed, "a timer was reset that had fired");
        let key = wheel.reserve();
        wheel.insert(key, When::At(deadline), false, waker);
        key
    }

    /// A timer that has not fired is to wake this waker from now on, and no older one.
    pub(crate) fn set_waker(&self, key: u32, newest: &Waker) {
        let stored = self.replace_waker(key, None);
        // The clone may be foreign code, which may start a timer: this one may be at hand no more.
        let (kept, stale) = newest_of(stored, newest);
        let old = self.replace_waker(key, Some(kept));
        drop((old, stale));
    }

    /// Whom the timer wakes from now on. Returns whom it was to wake.
    #[inline]
    pub(crate) fn replace_waker(&self, key: u32, waker: Option<Waker>) -> Option<Waker> {
        match self.is_at_hand(key) {
            true => self.waker.replace(waker),
            false => std::mem::replace(self.wheel.borrow_mut().waker(key), waker),
        }
    }

    /// The time is `now`: calls `wake` for each timer that is due. `wake` does not unwind.
    ///
    /// `order`, if given, is asked which of `n` timers with one deadline comes next.
    pub(crate) fn fire(
        &self,
        now: Instant,
        order: Option<&mut dyn FnMut(usize) -> usize>,
        mut wake: impl FnMut(Waker),
    ) {
        let mut fired = self.fired.take();
        let count = self.count_from(now).advance(now, &mut fired);
        self.armed.set(self.armed.get() - count);
        if let Some(order) = order {
            for ties in fired.chunk_by_mut(|a, b| a.0 == b.0) {
                for begin in 0..ties.len() - 1 {
                    let chosen = order(ties.len() - begin);
                    ties[begin..=begin + chosen].rotate_right(1);
                }
            }
        }
        for (_, waker) in fired.drain(..) {
            wake(waker);
        }
        self.fired.set(fired);
    }

    /// When [`Timers::fire`] is to be called next, if no timer was started since its last call.
    pub(crate) fn next(&self) -> Option<Instant> {
        let at_hand = match self.when.get() {
            Some(When::At(deadline)) if self.counts.get() => Some(deadline),
            _ => None,
        };
        let next = self.wheel.borrow_mut().next();
        at_hand.into_iter().chain(next).min()
    }

    /// How many timers there is memory for.
    pub(crate) fn capacity(&self) -> usize {
        self.wheel.borrow().capacity()
    }

    /// Frees memory that a crowd of timers has left behind, beyond room for `kept`.
    pub(crate) fn trim(&self, kept: usize) {
        let mut wheel = self.put_away();
        if self.key.get() != NO_KEY {
            wheel.give_back(self.key.replace(NO_KEY));
        }
        wheel.trim(kept);
        drop(wheel);
        let mut fired = self.fired.take();
        fired.shrink_to(kept);
        self.fired.set(fired);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_testkit::{
        Wakes,
        bomb::{Op, bomb, defuse},
    };
    use std::rc::Rc;

    /// Starts a timer, by a clock that stands.
    fn start(timers: &Timers, when: When, waker: Waker) -> u32 {
        timers.start(when, waker, || Instant(0))
    }

    /// Do both wake the same? A vtable may lie in several places, so that `will_wake` need not say so.
    fn is_same(one: &Waker, other: &Waker) -> bool {
        one.data() == other.data()
    }

    /// Fires what is due then. Returns the wakers.
    fn fired(timers: &Timers, now: u64) -> Vec<Waker> {
        let mut fired = Vec::new();
        timers.fire(Instant(now), None, |waker| fired.push(waker));
        fired
    }

    #[test]
    fn time_02_the_timer_at_hand_is_the_last_of_those_with_its_deadline() {
        let timers = Timers::new();
        let wakers: Vec<Waker> = (0..5).map(|_| Wakes::new().1).collect();
        for waker in &wakers {
            start(&timers, When::At(Instant(7)), waker.clone());
        }
        let fired = fired(&timers, 7);
        assert_eq!(fired.len(), 5);
        assert!(fired.iter().zip(&wakers).all(|(fired, waker)| is_same(fired, waker)));
        assert!(!timers.is_armed());
    }

    #[test]
    fn time_08_a_timer_keeps_its_key_when_it_leaves_the_hand() {
        let timers = Timers::new();
        let [(_, first), (_, second)] = [Wakes::new(), Wakes::new()];
        let one = start(&timers, When::After(5), first.clone());
        assert!(!timers.has_fired(one) && timers.deadline(one).is_none());
        let two = start(&timers, When::After(5), second);
        assert!(one != two && !timers.has_fired(one) && !timers.has_fired(two));
        timers.remove(two);
        timers.settle(Instant(10));
        assert_eq!(timers.deadline(one), Some(Instant(15)));
        assert!(fired(&timers, 14).is_empty());
        assert!(is_same(&fired(&timers, 15)[0], &first) && timers.has_fired(one));
        timers.remove(one);
        assert!(!timers.is_armed() && timers.next().is_none());
    }

    #[test]
    fn time_08_the_timer_at_hand_begins_to_count_at_the_next_look_at_the_clock() {
        let timers = Timers::new();
        let key = start(&timers, When::After(5), Wakes::new().1);
        assert!(timers.is_armed() && timers.has_fresh() && timers.next().is_none());
        assert!(fired(&timers, 100).is_empty());
        assert_eq!((timers.deadline(key), timers.has_fresh()), (Some(Instant(105)), false));
        assert_eq!(timers.next(), Some(Instant(105)));
        start(&timers, When::At(Instant(104)), Wakes::new().1);
        assert_eq!(timers.next(), Some(Instant(105)), "it has not become fresh again");
        assert_eq!([104, 105].map(|now| fired(&timers, now).len()), [1, 1]);
    }

    #[test]
    fn time_08_the_timer_at_hand_that_is_never_due_is_not_waited_for() {
        let timers = Timers::new();
        start(&timers, When::After(u64::MAX - 1), Wakes::new().1);
        timers.settle(Instant(5));
        assert!(timers.next().is_none() && !timers.has_fresh() && timers.is_armed());
    }

    #[test]
    fn time_05_a_timer_that_ends_at_hand_leaves_nothing_behind() {
        let timers = Timers::new();
        for n in 0..1_000 {
            let (wakes, waker) = Wakes::new();
            let key = timers.start(When::After(n), waker, || unreachable!("nothing waits for a look at the clock"));
            assert!(timers.is_armed());
            timers.remove(key);
            assert!(!timers.is_armed() && !timers.has_fresh());
            assert_eq!(std::sync::Arc::strong_count(&wakes), 1, "the waker is gone");
        }
        assert!(fired(&timers, 5_000).is_empty() && timers.next().is_none());
        timers.trim(0);
        assert_eq!(timers.capacity(), 0);
        (0..2).for_each(|_| _ = start(&timers, When::After(1), Wakes::new().1));
        timers.settle(Instant(0));
        assert_eq!(fired(&timers, 1).len(), 2);
    }

    #[test]
    fn time_08_many_that_start_together_share_a_look_at_the_clock() {
        let (timers, looks) = (Timers::new(), Cell::new(0));
        let look = || {
            looks.set(looks.get() + 1);
            Instant(looks.get())
        };
        let keys: Vec<u32> = (0..64).map(|_| timers.start(When::After(5), Wakes::new().1, look)).collect();
        assert_eq!((looks.get(), timers.has_fresh()), (1, true));
        assert!(keys[..32].iter().all(|&key| timers.deadline(key) == Some(Instant(6))));
        assert!(keys[32..].iter().all(|&key| timers.deadline(key).is_none()));
    }

    #[test]
    fn a_clock_that_starts_a_timer_when_it_is_asked_takes_nobodys_place() {
        let timers = Timers::new();
        (0..32).for_each(|_| _ = start(&timers, When::After(5), Wakes::new().1));
        let inner = Cell::new(0);
        let key = timers.start(When::After(7), Wakes::new().1, || {
            inner.set(start(&timers, When::After(6), Wakes::new().1));
            Instant(0)
        });
        timers.settle(Instant(1));
        assert_eq!((timers.deadline(inner.get()), timers.deadline(key)), (Some(Instant(6)), Some(Instant(8))));
        assert_eq!([5, 6, 8].map(|now| fired(&timers, now).len()), [32, 1, 1]);
    }

    #[test]
    fn met_b6_memory_goes_back_with_a_timer_at_hand() {
        let timers = Timers::new();
        let mut keys: Vec<u32> = (0..1_000).map(|_| start(&timers, When::After(1 << 40), Wakes::new().1)).collect();
        timers.settle(Instant(0));
        keys.drain(..).for_each(|key| timers.remove(key));
        let (wakes, waker) = Wakes::new();
        start(&timers, When::After(9), waker);
        timers.trim(0);
        assert!(timers.capacity() > 0 && timers.capacity() < 100, "all but one page went back");
        timers.trim(0);
        timers.settle(Instant(0));
        fired(&timers, 9).into_iter().for_each(Waker::wake);
        assert_eq!(wakes.count(), 1);
    }

    #[test]
    fn a_waker_whose_clone_starts_a_timer_is_that_of_the_older_one() {
        let timers = Rc::new(Timers::new());
        let key = start(&timers, When::At(Instant(3)), Wakes::new().1);
        let (again, other) = (timers.clone(), Wakes::new().1);
        let waker = bomb(move |op| {
            if op == Op::Clone {
                start(&again, When::At(Instant(4)), other.clone());
            }
        });
        timers.set_waker(key, &waker);
        assert!(is_same(&fired(&timers, 3)[0], &waker) && timers.has_fired(key));
        assert_eq!(fired(&timers, 4).len(), 1);
        defuse();
    }
}
