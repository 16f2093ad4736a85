//! The wake set: which of the children inside a future were woken.
//!
//! # Why a lone child needs no number
//!
//! Numbers tell children apart. A set of one child, which was there from the beginning, has nobody to tell it from: each batch yields it, and
//! with a copy of the owner's waker. So there is no seat to take, and a wake-up takes no way round.
//!
//! * *No wake-up is lost.* Whoever wakes the child wakes the owner, and the owner's next poll polls the child.
//! * *The newest waker counts.* Each poll of the owner hands the child the waker of that poll.
//! * *They are the owner's.* The child's wakers wake the owner also when the child has left, as nothing tells them from the owner's own.
//! * *It stays so only with wakers of ours.* To wake one twice is to wake it once, also long afterwards. Of a foreign one that is not
//!   known: a set that is polled with one numbers its child.
//! * *Another child ends it.* The first one gets a number then, and counts as woken, as its wakers so far say nothing to the set. So the
//!   next batch polls it, with a waker that does, and the owner is woken for that.

use crate::{
    outside::polled_outside,
    raw::lent::OnThread,
    raw::{
        number::{MAX_SLOTS, Number},
        slots::Slots,
    },
    wake::{
        batch::{Batch, Lone},
        seats::Seats,
        set::Set,
        wake::{SEATS, SLOTS, copy_of, number_of, wake_number, wake_owner, waker_of_child},
        waker_cell::newest_of,
    },
};
use std::{
    cell::{Cell, OnceCell, RefCell},
    fmt,
    mem::ManuallyDrop,
    rc::Rc,
    task::Waker,
};

/// Tells which of the children that live inside a future were woken, so that no other need be polled: what `gather`, `race` and
/// `scope` are built on, and what those can use who build combinators of their own.
///
/// Each of several children has a waker of its own, which is a number as a task's is: it costs neither an allocation nor a count, and may outlive
/// everything. Waking it queues the child here and wakes the waker of the set's latest poll.
///
/// A poll of the owner is: [`begin`](WakeSet::begin) a [`Batch`], then [`next`](Batch::next) until it yields nothing, polling that
/// child with that waker; then return. What is woken meanwhile waits for the next poll, so that a child that wakes itself for ever can hang
/// neither its siblings nor the task. A new child counts as woken. A set that finds itself polled in another executor moves there,
/// and all its children count as woken.
///
/// A [lone](WakeSet::insert_all) child has no waker of its own: it is polled with that of the poll, and wakes whoever began that. So what
/// was yielded before another owner began a poll is not for that one.
///
/// ```
/// use evenkeel::{combinator::WakeSet, run, yield_now};
/// use std::{future::poll_fn, pin::pin, task::{Context, Poll}};
///
/// run(async {
///     let set = WakeSet::new();
///     let mut children = [pin!(yield_now()), pin!(yield_now())];
///     let mut left = children.len();
///     for key in 0..left {
///         assert_eq!(set.insert(), key);
///     }
///     poll_fn(|cx| {
///         let mut batch = set.begin(cx.waker());
///         while let Some(woken) = batch.next() {
///             if children[woken.key()].as_mut().poll(&mut Context::from_waker(woken.waker())).is_ready() {
///                 set.remove(woken.key());
///                 left -= 1;
///             }
///         }
///         if left == 0 { Poll::Ready(()) } else { Poll::Pending }
///     })
///     .await;
/// });
/// ```
#[derive(Default)]
pub struct WakeSet {
    /// The children that have numbers, once there was one.
    set: OnceCell<Rc<Set>>,
    lone: Cell<Lone>,
    /// Whom that child's latest batch was begun by, until they are woken by this set; or no number.
    owner: Cell<Number>,
    /// The seats of the executor where the set is: in which it was polled last, or had its first child.
    home: RefCell<Option<Rc<Seats>>>,
}

impl WakeSet {
    /// A set without children.
    pub fn new() -> WakeSet {
        WakeSet::default()
    }

    /// Adds a child, which counts as woken, and returns its key. Keys of children that were removed come round again, the latest
    /// first; without any, the next number.
    ///
    /// # Panics
    ///
    /// When the executor has no room for more: tasks and children share 2²⁶ places (2¹⁸ on 32-bit targets), of which a set takes eight at a
    /// time.
    #[track_caller]
    pub fn insert(&self) -> usize {
        if self.lone.get() == Lone::Here {
            self.number_lone(most_seats);
        }
        let key = self.set().insert();
        self.settle(key);
        self.wake_owner();
        key as usize
    }

    /// Adds so many children to a set that never had any: their keys are `0..count`.
    ///
    /// If it is one, each batch yields it, woken or not, until the set has another: it is polled with a waker of its owner's then. For a child
    /// that others will join soon [`insert`](WakeSet::insert) does better.
    ///
    /// # Panics
    ///
    /// If the set had children. When the executor has no room for more, as [`insert`](WakeSet::insert) does.
    #[inline]
    #[track_caller]
    pub fn insert_all(&self, count: usize) {
        if count < 2 && self.set.get().is_none() && self.lone.get() == Lone::Never {
            self.lone.set(if count == 1 { Lone::Here } else { Lone::Never });
            return;
        }
        self.insert_several(count);
    }

    #[inline(never)]
    #[track_caller]
    fn insert_several(&self, count: usize) {
        let had_none = self.lone.get() == Lone::Never && self.set().insert_all(count);
        assert!(had_none, "insert_all is for sets without children");
        self.settle(0);
        self.wake_owner();
    }

    /// The lone child is to have a number. It counts as woken. Without room for it, it stays what it is: it was there before, and its owner
    /// polls it still.
    #[cold]
    #[track_caller]
    fn number_lone(&self, most: impl Fn() -> usize) {
        let (home, set) = self.new_set();
        set.insert_all(1);
        if home.as_ref().is_some_and(|seats| !seats.settle(&set, &most)) {
            no_room(most());
        }
        self.home.replace(home);
        let _ = self.set.set(set);
        self.lone.set(Lone::Gone);
    }

    /// Removes a child. Wakers of it do nothing from now on; those of a [lone](WakeSet::insert_all) child are its owner's, and still wake
    /// that. Without effect if no child has the key.
    #[inline(always)]
    pub fn remove(&self, key: usize) {
        match self.set.get() {
            Some(set) if set.remove(key) => self.shrink(set),
            None if key == 0 && self.lone.get() == Lone::Here => self.lone.set(Lone::Gone),
            _ => {}
        }
    }

    /// The last child of many has left: gives back what they took.
    #[cold]
    fn shrink(&self, set: &Set) {
        match &*self.home.borrow() {
            Some(home) => home.shrink(set),
            None => set.shrink(),
        }
    }

    /// Wakes a child, as its waker would. Without effect if no child has the key.
    pub fn wake(&self, key: usize) {
        // Children of such a set have no wakers of their own.
        match self.set.get() {
            Some(set) => set.wake_key(key).into_iter().for_each(wake_owner),
            None if key == 0 && self.lone.get() == Lone::Here => self.wake_owner(),
            None => {}
        }
    }

    /// The child counts as woken in the next poll, but nobody is woken for it. Without effect if no child has the key.
    pub fn keep(&self, key: usize) {
        if let Some(set) = self.set.get() {
            set.keep(key);
        }
    }

    /// Wakes the owner, if it has not been woken since its latest poll.
    pub fn wake_owner(&self) {
        match self.set.get() {
            Some(set) => set.take_owner().into_iter().for_each(wake_owner),
            None => match self.owner.replace(Number::NONE) {
                Number::NONE => {}
                owner => wake_number(owner),
            },
        }
    }

    /// Begins a poll of the owner, which has this waker.
    ///
    /// # Panics
    ///
    /// Outside an executor. When the executor has no room for children that are to have numbers now: the set has moved there, or it has a
    /// [lone](WakeSet::insert_all) child and a foreign waker. They are not lost, and the next poll tries it again.
    #[inline]
    #[track_caller]
    pub fn begin(&self, newest: &Waker) -> Batch<'_> {
        if self.lone.get() == Lone::Here {
            if let Some(batch) = self.begin_lone(newest) {
                return batch;
            }
        }
        let set = self.set();
        if !self.is_here() {
            self.move_here();
        }
        let old = match copy_of(newest) {
            Some(copy) => [set.begin(copy), None],
            None => begin_foreign(set, newest),
        };
        drop(old);
        Batch::of_set(set, &self.lone)
    }

    /// Begins a poll of the owner of a lone child. `None`: it has a number from now on.
    #[inline]
    #[track_caller]
    fn begin_lone(&self, newest: &Waker) -> Option<Batch<'_>> {
        let (Some(owner), Some(copy)) = (number_of(newest), copy_of(newest)) else {
            self.number_lone(most_seats);
            return None;
        };
        if SEATS.look(|seats| seats.is_none()) {
            polled_outside("a combinator");
        }
        self.owner.set(owner);
        Some(Batch::of_lone(copy, &self.lone))
    }

    #[inline(always)]
    fn set(&self) -> &Rc<Set> {
        self.set.get_or_init(|| {
            let (home, set) = self.new_set();
            self.home.replace(home);
            set
        })
    }

    /// A set for children with numbers, and where it is. Who was to be woken for the lone child is to be woken for them.
    #[inline(always)]
    fn new_set(&self) -> (Option<Rc<Seats>>, Rc<Set>) {
        let home = SEATS.look(|seats| seats.cloned());
        let set = home.as_ref().map_or_else(Rc::default, |seats| seats.set());
        if self.owner.get() != Number::NONE {
            // A waker with a number owns nothing, so none is to be dropped.
            set.set_owner(ManuallyDrop::into_inner(waker_of_child(self.owner.get())));
        }
        (home, set)
    }

    /// Is the set in the current executor?
    #[inline(always)]
    fn is_here(&self) -> bool {
        SEATS.look(|here| match (here, &*self.home.borrow()) {
            (Some(here), Some(home)) => Rc::ptr_eq(here, home),
            _ => false,
        })
    }

    /// Registers with the current executor, and leaves the one before.
    #[cold]
    #[track_caller]
    fn move_here(&self) {
        if let Some(home) = self.home.take() {
            let owner = home.leave(self.set());
            drop(owner);
        }
        let Some(seats) = SEATS.look(|seats| seats.cloned()) else { polled_outside("a combinator") };
        if !seats.settle(self.set(), most_seats) {
            // It is nowhere then, and its children are to be had elsewhere.
            no_room(most_seats());
        }
        self.home.replace(Some(seats));
    }

    /// The set is another owner's from now on, with its seats.
    #[inline(never)]
    fn end(&self, set: Rc<Set>) {
        if let Some(home) = self.home.take() {
            let owner = home.end(set);
            drop(owner);
        }
    }

    /// Gives numbers to the children from that key on, which have none perhaps, if the set is in an executor. They were never there if it
    /// has no room.
    #[inline(always)]
    #[track_caller]
    fn settle(&self, from: u32) {
        // An executor that is not current has room for as many children as for tasks.
        let most = || if self.is_here() { most_seats() } else { MAX_SLOTS / 2 };
        if let Some(seats) = &*self.home.borrow() {
            if !seats.settle(self.set(), most) {
                self.set().take_back(from);
                no_room(most());
            }
        }
    }
}

#[cold]
#[track_caller]
fn no_room(most: usize) -> ! {
    panic!("this executor has {most} children that live in place, which is all that it can have: bound the fan-out")
}

/// Clone and drop of the owner's waker may be foreign code: nothing is borrowed meanwhile, and what is woken by it comes into this batch.
#[cold]
fn begin_foreign(set: &Set, newest: &Waker) -> [Option<Waker>; 2] {
    let (kept, old) = newest_of(set.take_owner(), newest);
    [set.begin(kept), old]
}

impl Drop for WakeSet {
    #[inline]
    fn drop(&mut self) {
        if let Some(set) = self.set.take() {
            self.end(set);
        }
    }
}

impl fmt::Debug for WakeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lone = usize::from(self.lone.get() == Lone::Here);
        write!(f, "WakeSet({})", self.set.get().map_or(lone, |set| set.count()))
    }
}

/// How many seats the current executor may have.
pub(crate) fn most_seats() -> usize {
    MAX_SLOTS - SLOTS.look(|slots| slots.map_or(0, Slots::len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Executor, outcome::caught::caught};
    use std::{future::poll_fn, task::Poll};

    #[test]
    fn collect_02_a_lone_child_for_which_there_is_no_number_stays_and_gets_one_when_there_is_room() {
        let set = WakeSet::new();
        set.insert_all(1);
        Executor::new().run(poll_fn(|cx| {
            let polled = || {
                let mut batch = set.begin(cx.waker());
                std::iter::from_fn(|| batch.next()).map(|woken| woken.key()).collect::<Vec<_>>()
            };
            assert_eq!(polled(), [0]);
            for _ in 0..2 {
                assert!(caught(|| set.number_lone(|| 0)).is_err(), "there was no room");
                assert_eq!(format!("{set:?}"), "WakeSet(1)");
                assert_eq!(polled(), [0], "the child that was there is lost");
            }
            assert_eq!(set.insert(), 1);
            assert_eq!(polled(), [0, 1]);
            assert_eq!(polled(), [0; 0]);
            Poll::Ready(())
        }));
    }
}
