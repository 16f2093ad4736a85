//! The wake set: which of the children inside a future were woken.

use crate::{
    outside::polled_outside,
    raw::lent::OnThread,
    raw::{number::MAX_SLOTS, slots::Slots},
    wake::{
        seats::{Called, Seats},
        wake::{SEATS, SLOTS, wake_owner, waker},
        waker_cell::newest_of,
    },
};
use std::{cell::RefCell, fmt, marker::PhantomData, mem::ManuallyDrop, rc::Rc, task::Waker};

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
    home: RefCell<Option<Home>>,
    children: RefCell<Children>,
}

/// The executor in which the set was polled last.
struct Home {
    seats: Rc<Seats>,
    set: u32,
}

#[derive(Default)]
struct Children {
    /// By key: the child's seat, or [`STANDING`]. If no child has the key, [`NOBODY`] and the next such key, as a list.
    seats: Vec<u32>,
    /// The first key of that list, or a key that does not exist.
    free: u32,
    count: usize,
}

/// The child has no seat yet.
const STANDING: u32 = NOBODY - 1;
const NOBODY: u32 = 1 << 31;

impl Children {
    fn insert(&mut self) -> u32 {
        let key = self.free;
        self.count += 1;
        match self.seats.get_mut(key as usize) {
            Some(seat) => self.free = std::mem::replace(seat, STANDING) ^ NOBODY,
            None => {
                self.seats.push(STANDING);
                self.free = key + 1;
            }
        }
        key
    }

    /// The child's seat, if there is a child with the key and it has one.
    #[inline]
    fn seat(&self, key: usize) -> Option<u32> {
        self.seats.get(key).copied().filter(|seat| *seat < STANDING)
    }

    /// Returns the child's seat, if it has one.
    #[inline]
    fn remove(&mut self, key: usize) -> Option<u32> {
        let seat = self.seats.get(key).copied().filter(|seat| *seat < NOBODY)?;
        self.count -= 1;
        self.seats[key] = NOBODY | std::mem::replace(&mut self.free, key as u32);
        (seat != STANDING).then_some(seat)
    }
}

/// One poll of a set's owner: yields the children that were woken before it began.
///
/// If a batch is dropped before its end, the others are in the next one. Nobody is woken for them: begin that in the same poll, or call
/// [`WakeSet::wake_owner`].
pub struct Batch<'a> {
    set: PhantomData<&'a WakeSet>,
    seats: Rc<Seats>,
    id: u32,
    queue: Vec<u32>,
    next: usize,
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
    /// When the executor has no room for more: tasks and children share 2²⁶ places (2¹⁸ on 32-bit targets).
    #[track_caller]
    pub fn insert(&self) -> usize {
        let key = self.children.borrow_mut().insert();
        if let Some(home) = &*self.home.borrow() {
            let seat = &mut self.children.borrow_mut().seats[key as usize];
            home.claim([(key, seat)].into_iter(), 1);
        }
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
        {
            let children = &mut *self.children.borrow_mut();
            assert!(children.seats.is_empty(), "insert_all is for sets without children");
            children.seats.resize(count, STANDING);
            (children.free, children.count) = (count as u32, count);
            if let Some(home) = &*self.home.borrow() {
                home.claim((0..).zip(&mut children.seats), count);
            }
        }
        self.wake_owner();
    }

    /// Removes a child. Wakers of it do nothing from now on. Without effect if no child has the key.
    #[inline]
    pub fn remove(&self, key: usize) {
        let seat = self.children.borrow_mut().remove(key);
        if let (Some(home), Some(seat)) = (&*self.home.borrow(), seat) {
            home.seats.release(seat);
        }
    }

    /// Wakes a child, as its waker would. Without effect if no child has the key.
    pub fn wake(&self, key: usize) {
        let seat = self.children.borrow().seat(key);
        if let Some(seat) = seat {
            let called = self.home.borrow().as_ref().map(|home| home.seats.wake_seat(seat));
            if let Some(Called::Owner(owner)) = called {
                // Children of such a set have no wakers of their own.
                wake_owner(owner);
            }
        }
    }

    /// The child counts as woken in the next poll, but nobody is woken for it. Without effect if no child has the key.
    pub fn keep(&self, key: usize) {
        let seat = self.children.borrow().seat(key);
        if let (Some(home), Some(seat)) = (&*self.home.borrow(), seat) {
            home.seats.keep(seat);
        }
    }

    /// Wakes the owner, if it has not been woken since its latest poll.
    pub fn wake_owner(&self) {
        let owner = self.home.borrow().as_ref().and_then(|home| home.seats.take_owner(home.set));
        if let Some(owner) = owner {
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
        let is_here = SEATS.look(|seats| match (seats, &*self.home.borrow()) {
            (Some(seats), Some(home)) => Rc::ptr_eq(seats, &home.seats),
            _ => false,
        });
        if !is_here {
            self.move_here();
        }
        let (seats, id) = match &*self.home.borrow() {
            Some(home) => (home.seats.clone(), home.set),
            None => polled_outside("a combinator"),
        };
        // Clone and drop of wakers may be foreign code: nothing is borrowed meanwhile, and what is woken by it comes into this batch.
        let (kept, old) = newest_of(seats.take_owner(id), newest);
        let (older, queue) = seats.begin(id, kept);
        let batch = Batch { set: PhantomData, seats, id, queue, next: 0 };
        drop((old, older));
        batch
    }

    /// Registers with the current executor, and leaves the one before.
    #[cold]
    #[track_caller]
    fn move_here(&self) {
        self.leave();
        let seats = SEATS.look(|seats| seats.cloned());
        let Some(seats) = seats else { polled_outside("a combinator") };
        let home = Home { set: seats.open(), seats };
        let children = &mut *self.children.borrow_mut();
        home.claim((0..).zip(&mut children.seats).filter(|(_, seat)| **seat == STANDING), children.count);
        self.home.replace(Some(home));
    }

    fn leave(&self) {
        let Some(home) = self.home.take() else { return };
        for seat in self.children.borrow_mut().seats.iter_mut().filter(|seat| **seat < STANDING) {
            home.seats.release(*seat);
            *seat = STANDING;
        }
        let owner = home.seats.close(home.set);
        drop(owner);
    }
}

impl Home {
    #[track_caller]
    fn claim<'a>(&self, children: impl Iterator<Item = (u32, &'a mut u32)>, count: usize) {
        // An executor that is not current has room for as many children as for tasks.
        let is_here = SEATS.look(|seats| seats.is_some_and(|seats| Rc::ptr_eq(seats, &self.seats)));
        let most = if is_here { most_seats() } else { MAX_SLOTS / 2 };
        if !self.seats.claim(self.set, children, count, most) {
            panic!(
                "this executor has {most} children that live in place, which is all that it can have: bound the fan-out"
            );
        }
    }
}

impl Batch<'_> {
    /// The next child of this poll that was woken.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "it is not for iterator chains")]
    pub fn next(&mut self) -> Option<Woken> {
        loop {
            let seat = *self.queue.get(self.next)?;
            self.next += 1;
            if let Some((key, number)) = self.seats.step(seat) {
                return Some(Woken { key, waker: waker(number) });
            }
        }
    }
}

impl Batch<'_> {
    /// Has every child of this batch been yielded?
    pub fn is_empty(&self) -> bool {
        self.next == self.queue.len()
    }

    /// How many orders there are for [`reorder`](Batch::reorder): two for each child that is left.
    pub fn orders(&self) -> usize {
        2 * (self.queue.len() - self.next)
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
        let left = &mut self.queue[self.next..];
        if left.is_empty() {
            return;
        }
        let first = order % left.len();
        if order >= left.len() {
            // Backwards, and the first stays the first.
            left.reverse();
            left.rotate_left(left.len() - 1 - first);
        } else {
            left.rotate_left(first);
        }
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if self.next < self.queue.len() {
            self.queue.drain(..self.next);
            self.seats.give_back(self.id, &mut self.queue);
        }
        self.seats.end(self.id, std::mem::take(&mut self.queue));
    }
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({})", self.queue.len() - self.next)
    }
}

impl Drop for WakeSet {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for WakeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WakeSet({})", self.children.borrow().count)
    }
}

/// How many seats the current executor may have.
pub(crate) fn most_seats() -> usize {
    MAX_SLOTS - SLOTS.look(|slots| slots.map_or(0, Slots::len))
}
