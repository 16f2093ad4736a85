//! The batch: one poll of a wake set's owner, child by child.

use crate::wake::{set::Set, wake::waker_of_child};
use std::{cell::Cell, fmt, mem::ManuallyDrop, task::Waker};

/// Is there a child without a number?
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Lone {
    /// There never was.
    #[default]
    Never,
    /// It has the key 0, and there is no `set`.
    Here,
    /// It has left, or has a number.
    Gone,
}

/// One poll of a set's owner: yields the children that were woken before it began.
///
/// If a batch is left before its end, the others are in the next one. Nobody is woken for them: begin that in the same poll, or call
/// [`WakeSet::wake_owner`](crate::combinator::WakeSet::wake_owner).
pub struct Batch<'a> {
    /// Where its children have numbers; `None` if it has the lone child only.
    set: Option<&'a Set>,
    /// The lone child's waker, until it is yielded.
    lone: Option<ManuallyDrop<Waker>>,
    /// How it stands with that child.
    stand: &'a Cell<Lone>,
}

/// A child that was woken, as a [`Batch`] yields it.
#[derive(Debug)]
pub struct Woken {
    key: u32,
    waker: ManuallyDrop<Waker>,
}

impl Woken {
    /// The key that [`WakeSet::insert`](crate::combinator::WakeSet::insert) gave.
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

impl<'a> Batch<'a> {
    /// The children of a set that were woken.
    #[inline(always)]
    pub(crate) fn of_set(set: &'a Set, stand: &'a Cell<Lone>) -> Batch<'a> {
        Batch { set: Some(set), lone: None, stand }
    }

    /// A lone child, which is polled with that waker.
    #[inline(always)]
    pub(crate) fn of_lone(waker: Waker, stand: &'a Cell<Lone>) -> Batch<'a> {
        Batch { set: None, lone: Some(ManuallyDrop::new(waker)), stand }
    }

    /// The next child of this poll that was woken.
    #[inline(always)]
    #[expect(clippy::should_implement_trait, reason = "it is not for iterator chains")]
    pub fn next(&mut self) -> Option<Woken> {
        let Some(set) = self.set else {
            lone();
            return self.next_lone();
        };
        let (key, number) = set.next()?;
        Some(Woken { key, waker: waker_of_child(number) })
    }

    #[inline]
    fn next_lone(&mut self) -> Option<Woken> {
        let waker = self.lone.take()?;
        (self.stand.get() == Lone::Here).then_some(Woken { key: 0, waker })
    }

    /// Has every child of this batch been yielded?
    #[inline]
    pub fn is_empty(&self) -> bool {
        match self.set {
            Some(set) => set.is_batch_over(),
            None => self.lone.is_none() || self.stand.get() != Lone::Here,
        }
    }

    /// Is it one of a [lone](crate::combinator::WakeSet::insert_all) child, which may be yielded though nobody woke it?
    #[inline]
    pub fn is_lone(&self) -> bool {
        self.set.is_none()
    }

    /// How many children are left.
    fn left(&self) -> usize {
        self.set.map_or_else(|| usize::from(!self.is_empty()), Set::left)
    }

    /// How many orders there are for [`reorder`](Batch::reorder): two for each child that is left.
    pub fn orders(&self) -> usize {
        2 * self.left()
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
        if let Some(set) = self.set {
            set.reorder(reorder);
        }
    }
}

/// The way of a lone child is the rare one: a set of many takes the other again and again.
#[cold]
fn lone() {}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({})", self.left())
    }
}
