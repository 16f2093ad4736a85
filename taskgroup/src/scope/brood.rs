//! Where the children of a scope live: the one place with a lifetime extension.
//!
//! # Why it is sound
//!
//! A child may borrow what lives at least for `'scope`, and is stored as if it borrowed nothing. So two things must hold: it is
//! never *polled*, and never *dropped*, after `'scope` has ended. What it borrows is alive until the scope's future ends or is
//! dropped: `'scope` is the lifetime of a reference to a local variable of that future, and all else outlives it.
//!
//! * The body has a [`Nursery`], which leads to the brood without its type: what lies behind `&'scope` would have to live as long as
//!   `'scope`, the error type too, and with a `Box<dyn Error>` there the compiler refuses most bodies. A nursery is made from a
//!   `&'scope Brood<E>` only, keeps both `'scope` and `E` in its own type, and is invariant in them. So it still points to a `Brood<E>`,
//!   which nobody has mutably, and lives no longer than that reference.
//! * A [`Brood`] is made in one place, as a local variable of the scope's future, declared before anything that children could
//!   borrow from that future, and never moved out. [`Closing`] is a variable declared after all that, so it is dropped before
//!   it, and every child with it. It is there before the first child can be: the body, which spawns, is called after that, and
//!   may panic before it has a future. It is the only one that takes children out, to poll them or to drop them.
//! * If the scope's future is forgotten, its variables are too, the brood with them: nobody polls or drops the children, ever, and
//!   what they borrow may go. What else leads to a child (a waker, a handle) knows its key only.
//! * A child that is taken out for a poll lies in the scope's future beside [`Closing`], and is back or gone when the poll ends, also by
//!   a panic. One that is taken out to be asked something lies below the scope's future on the stack, and so it is with one that is
//!   dropped.
//! * The body is good for every `'scope`, so it cannot put a [`Nursery`] where that outlives the scope. (This is the compiler's promise, and it
//!   has a hole: a function whose return type is well-formed for `'static` only, issue 84533 of the Rust project. Whoever writes one on purpose
//!   can take out what is lent to any async closure.)
//! * Once the brood is closed it takes no child any more: one that is spawned by the destructor of another is dropped at once, on
//!   the stack of its spawner.

use super::orders::ChildKey;
use crate::{caught::FirstPanic, error::ChildError};
use evenkeel_executor::{CancelReason, combinator::Branch};
use std::{
    cell::{Cell, RefCell},
    marker::PhantomData,
    pin::Pin,
    ptr::NonNull,
};

/// What a child comes to, as the scope sees it: its value went to its handle.
pub(super) type KidEnd<E> = Result<(), ChildError<E>>;

type Borrowing<'scope, E> = Pin<Box<dyn Future<Output = KidEnd<E>> + 'scope>>;

/// The same, as if it borrowed nothing.
type Stored<E> = Borrowing<'static, E>;

/// A child that was taken out of its brood, or is about to be put there.
pub(super) struct Kid<E> {
    pub(super) branch: Branch<Stored<E>>,
    /// Counts the scope's children.
    pub(super) number: u64,
}

/// The children, by key.
pub(super) struct Brood<E> {
    kids: RefCell<Vec<Option<Kid<E>>>>,
    spawned: Cell<u64>,
    closed: Cell<bool>,
}

impl<E> Brood<E> {
    pub(super) fn new() -> Brood<E> {
        Brood { kids: RefCell::default(), spawned: Cell::new(0), closed: Cell::new(false) }
    }

    /// A new child, with a key that nobody has, which `key` makes. If the brood is closed, the future is dropped at once; `None`.
    fn add(&self, future: Stored<E>, cancelled: Option<CancelReason>, key: impl FnOnce() -> usize) -> Option<ChildKey> {
        if self.closed.get() {
            return None;
        }
        let number = self.spawned.get();
        self.spawned.set(number + 1);
        let mut kid = Kid { branch: Branch::new(future), number };
        if let Some(reason) = cancelled {
            Pin::new(&mut kid.branch).cancel(reason);
        }
        let key = key();
        let mut kids = self.kids.borrow_mut();
        if key >= kids.len() {
            kids.resize_with(key + 1, || None);
        }
        debug_assert!(kids[key].is_none());
        kids[key] = Some(kid);
        Some(ChildKey { key, number })
    }
}

/// Nobody can make a type with this another by subtyping.
type Invariant<E> = fn(E) -> E;

/// Where the body puts its children: a reference to a brood, without the brood's type behind it.
pub(super) struct Nursery<'scope, E> {
    brood: NonNull<()>,
    of: PhantomData<(Cell<&'scope ()>, Invariant<E>)>,
}

impl<E> Clone for Nursery<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Nursery<'_, E> {}

impl<'scope, E> Nursery<'scope, E> {
    pub(super) fn new(brood: &'scope Brood<E>) -> Self {
        Nursery { brood: NonNull::from(brood).cast(), of: PhantomData }
    }

    /// A new child, as [`Brood::add`] takes it.
    pub(super) fn add(
        self,
        future: Borrowing<'scope, E>,
        cancelled: Option<CancelReason>,
        key: impl FnOnce() -> usize,
    ) -> Option<ChildKey>
    where
        E: 'scope,
    {
        // SAFETY: the pointer is a `&'scope Brood<E>`. The two types of the future differ in a lifetime only, and it is never polled or
        // dropped after that: see above.
        let (brood, future) = unsafe {
            let brood = self.brood.cast::<Brood<E>>().as_ref();
            (brood, std::mem::transmute::<Borrowing<'scope, E>, Stored<E>>(future))
        };
        brood.add(future, cancelled, key)
    }
}

/// Who polls and drops the children. When it is dropped they all are, one by one, and the brood is closed.
pub(super) struct Closing<'a, E>(&'a Brood<E>);

impl<'a, E> Closing<'a, E> {
    pub(super) fn new(brood: &'a Brood<E>) -> Closing<'a, E> {
        Closing(brood)
    }

    pub(super) fn take(&self, key: usize) -> Option<Kid<E>> {
        self.0.kids.borrow_mut().get_mut(key)?.take()
    }

    /// The number of the child with that key.
    pub(super) fn number(&self, key: usize) -> Option<u64> {
        Some(self.0.kids.borrow().get(key)?.as_ref()?.number)
    }

    /// Puts a child back that was taken from there.
    pub(super) fn put_back(&self, key: usize, kid: Kid<E>) {
        self.0.kids.borrow_mut()[key] = Some(kid);
    }

    /// The keys of all children, the newest first.
    pub(super) fn keys(&self) -> Vec<usize> {
        let kids = self.0.kids.borrow();
        let mut keys: Vec<(u64, usize)> =
            kids.iter().enumerate().filter_map(|(key, kid)| Some((kid.as_ref()?.number, key))).collect();
        keys.sort_unstable_by(|one, other| other.cmp(one));
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// Lets no new child come, from now on.
    pub(super) fn refuse(&self) {
        self.0.closed.set(true);
    }
}

impl<E> Drop for Closing<'_, E> {
    fn drop(&mut self) {
        self.refuse();
        let mut first = FirstPanic::default();
        for key in self.keys() {
            first.catch(|| drop(self.take(key)));
        }
        first.go_on();
    }
}
