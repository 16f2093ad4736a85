//! The wake set: which of the children inside a future were woken.

use crate::{
    outside::polled_outside,
    raw::lent::OnThread,
    raw::{number::MAX_SLOTS, slots::Slots},
    wake::{
        seats::Seats,
        set::Set,
        wake::{SEATS, SLOTS, copy_of, wake_owner, waker_of_child},
        waker_cell::newest_of,
    },
};
use std::{
    cell::{OnceCell, RefCell},
    fmt,
    mem::ManuallyDrop,
    rc::Rc,
    task::Waker,
};

/// Tells which of the children that live inside a future were woken, so that no other need be polled: what `gather`, `race` and
/// `scope` are built on, and what those can use who build combinators of their own.
///
/// Each child has a waker of its own, which is a number as a task's is: it costs neither an allocation nor a count, and may outlive
/// everything. Waking it queues the child here and wakes the waker of the set's latest poll.
///
/// A poll of the owner is: [`begin`](WakeSet::begin) a [`Batch`], then [`next`](Batch::next) until it yields nothing, polling that
/// child with that waker; then return. What is woken meanwhile waits for the next poll, so that a child that wakes itself for ever can hang
/// neither its siblings nor the task. A new child counts as woken. A set that finds itself polled in another executor moves there,
/// and all its children count as woken.
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
    /// The children, once there was one.
    set: OnceCell<Rc<Set>>,
    /// The seats of the executor where the set is: in which it was polled last, or had its first child.
    home: RefCell<Option<Rc<Seats>>>,
}

/// One poll of a set's owner: yields the children that were woken before it began.
///
/// If a batch is left before its end, the others are in the next one. Nobody is woken for them: begin that in the same poll, or call
/// [`WakeSet::wake_owner`].
pub struct Batch<'a> {
    set: &'a Set,
}

/// A child that was woken, as a [`Batch`] yields it.
#[derive(Debug)]
pub struct Woken {
    key: u32,
    waker: ManuallyDrop<Waker>,
}

impl Woken {
    /// The key that [`WakeSet::insert`] gave.
    #[inline]
    pub fn key(&self) -> usize {
        self.key as usize
    }

    /// The waker to poll this child with.
    #[inline]
    pub fn waker(&self) -> &Waker {
        &self.waker
    }
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
        let key = self.set().insert();
        self.settle(key);
        self.wake_owner();
        key as usize
    }

    /// Adds so many children to a set that never had any: their keys are `0..count`.
    ///
    /// # Panics
    ///
    /// If the set had children. When the executor has no room for more, as [`insert`](WakeSet::insert) does.
    #[track_caller]
    pub fn insert_all(&self, count: usize) {
        if count == 0 && self.set.get().is_none() {
            return;
        }
        let set = self.set();
        assert!(set.insert_all(count), "insert_all is for sets without children");
        self.settle(0);
        self.wake_owner();
    }

    /// Removes a child. Wakers of it do nothing from now on. Without effect if no child has the key.
    #[inline(always)]
    pub fn remove(&self, key: usize) {
        if let Some(set) = self.set.get() {
            if set.remove(key) {
                self.shrink(set);
            }
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
        if let Some(owner) = self.set.get().and_then(|set| set.wake_key(key)) {
            wake_owner(owner);
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
        if let Some(owner) = self.set.get().and_then(|set| set.take_owner()) {
            wake_owner(owner);
        }
    }

    /// Begins a poll of the owner, which has this waker.
    ///
    /// # Panics
    ///
    /// Outside an executor.
    #[inline]
    #[track_caller]
    pub fn begin(&self, newest: &Waker) -> Batch<'_> {
        let set = self.set();
        if !self.is_here() {
            self.move_here();
        }
        let old = match copy_of(newest) {
            Some(copy) => [set.begin(copy), None],
            None => begin_foreign(set, newest),
        };
        drop(old);
        Batch { set }
    }

    #[inline(always)]
    fn set(&self) -> &Rc<Set> {
        self.set.get_or_init(|| {
            SEATS.look(|seats| match seats {
                Some(seats) => {
                    self.home.replace(Some(seats.clone()));
                    seats.set()
                }
                None => Rc::default(),
            })
        })
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

impl Batch<'_> {
    /// The next child of this poll that was woken.
    #[inline(always)]
    #[expect(clippy::should_implement_trait, reason = "it is not for iterator chains")]
    pub fn next(&mut self) -> Option<Woken> {
        let (key, number) = self.set.next()?;
        Some(Woken { key, waker: waker_of_child(number) })
    }

    /// Has every child of this batch been yielded?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.set.is_batch_over()
    }

    /// How many orders there are for [`reorder`](Batch::reorder): two for each child that is left.
    pub fn orders(&self) -> usize {
        2 * self.set.left()
    }

    /// Changes the order of the children that are left. `order` is one of `0..orders()`: it says which of them is first, and whether they
    /// follow forwards or backwards, in a circle. If each is chosen as often, each child comes before each other one as often as after it.
    ///
    /// ```
    /// use evenkeel::combinator::WakeSet;
    /// use std::{future::poll_fn, task::Poll};
    ///
    /// evenkeel::run(poll_fn(|cx| {
    ///     let set = WakeSet::new();
    ///     set.insert_all(3);
    ///     let mut batch = set.begin(cx.waker());
    ///     assert_eq!(batch.orders(), 6);
    ///     batch.reorder(1);
    ///     let order = std::iter::from_fn(|| batch.next()).map(|woken| woken.key());
    ///     assert_eq!(order.collect::<Vec<_>>(), [1, 2, 0]);
    ///     Poll::Ready(())
    /// }));
    /// ```
    pub fn reorder(&mut self, order: usize) {
        let reorder = |left: &mut [u32]| {
            let Some(first) = order.checked_rem(left.len()) else { return };
            if order >= left.len() {
                // Backwards, and the first stays the first.
                left.reverse();
                left.rotate_left(left.len() - 1 - first);
            } else {
                left.rotate_left(first);
            }
        };
        self.set.reorder(reorder);
    }
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({})", self.set.left())
    }
}

impl Drop for WakeSet {
    #[inline]
    fn drop(&mut self) {
        if let (Some(set), Some(home)) = (self.set.take(), self.home.take()) {
            let owner = home.end(set);
            drop(owner);
        }
    }
}

impl fmt::Debug for WakeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WakeSet({})", self.set.get().map_or(0, |set| set.count()))
    }
}

/// How many seats the current executor may have.
pub(crate) fn most_seats() -> usize {
    MAX_SLOTS - SLOTS.look(|slots| slots.map_or(0, Slots::len))
}
