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
//! * [`Closing`] holds those that it has taken over from the brood, and a child is polled, asked and dropped where it lies there. Whoever does
//!   that has all of them mutably, and nothing that runs meanwhile leads to one.
//! * The body is good for every `'scope`, so it cannot put a [`Nursery`] where that outlives the scope. (This is the compiler's promise, and it
//!   has a hole: a function whose return type is well-formed for `'static` only, issue 84533 of the Rust project. Whoever writes one on purpose
//!   can take out what is lent to any async closure.)
//! * Once the brood is closed it takes no child any more: one that is spawned by the destructor of another is dropped at once, on
//!   the stack of its spawner.

use super::note::Note;
use crate::{caught::FirstPanic, error::ChildError};
use evenkeel_executor::{
    CancelReason,
    combinator::{Branch, Lodger},
};
use std::{
    cell::{Cell, RefCell},
    marker::PhantomData,
    pin::Pin,
    ptr::NonNull,
    task::{Context, Poll},
};

/// A child's future. When it has ended it yields the child's name, if it has one: an error is to carry that, and the future may be gone as
/// soon as its branch is done.
pub(super) struct Borrowing<'scope>(pub(super) Lodger<'scope, Note>);

impl Future for Borrowing<'_> {
    type Output = Option<Box<str>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Box<str>>> {
        Pin::new(&mut self.0).poll(cx).map(|()| self.0.note().take_name())
    }
}

/// A child, as if it borrowed nothing.
pub(super) type Kid = Branch<Borrowing<'static>>;

/// A child and its number. Its branch may stay when its future is gone.
struct Numbered {
    number: u64,
    kid: Kid,
}

/// A child that is not taken over, and has no branch yet.
struct Newborn {
    key: usize,
    number: u64,
    child: Borrowing<'static>,
}

/// The children that are not taken over, and what leads to those that are.
pub(super) struct Brood<E> {
    newborn: RefCell<Vec<Newborn>>,
    /// Those that are cancelled from birth, with their keys.
    cancelled: RefCell<Vec<(usize, Numbered)>>,
    spawned: Cell<u64>,
    closed: Cell<bool>,
    /// The error of the child that is being polled.
    error: Cell<Option<Box<ChildError<E>>>>,
}

impl<E> Brood<E> {
    pub(super) fn new() -> Brood<E> {
        Brood {
            newborn: RefCell::default(),
            cancelled: RefCell::default(),
            spawned: Cell::new(0),
            closed: Cell::new(false),
            error: Cell::new(None),
        }
    }

    /// A new child, with a key that nobody has, which `key` makes. `false` if the brood is closed: the child is dropped at once.
    #[inline]
    fn add(&self, child: Borrowing<'static>, cancelled: Option<&CancelReason>, key: impl FnOnce() -> usize) -> bool {
        if self.closed.get() {
            return false;
        }
        let (key, number) = (key(), child.0.note().number());
        match cancelled {
            None => self.newborn.borrow_mut().push(Newborn { key, number, child }),
            Some(reason) => self.add_cancelled(key, number, child, reason.clone()),
        }
        true
    }

    /// A new child that is cancelled from birth.
    #[cold]
    fn add_cancelled(&self, key: usize, number: u64, child: Borrowing<'static>, reason: CancelReason) {
        let mut kid = Branch::new(child);
        Pin::new(&mut kid).cancel(reason);
        self.cancelled.borrow_mut().push((key, Numbered { number, kid }));
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

impl<'scope, E: 'scope> Nursery<'scope, E> {
    /// How many children there were before the next one, which has that number.
    #[inline]
    pub(super) fn next_number(self) -> u64 {
        let (brood, _) = self.reach(None);
        let number = brood.spawned.get();
        brood.spawned.set(number + 1);
        number
    }

    /// A new child, as [`Brood::add`] takes it.
    #[inline]
    pub(super) fn add(
        self,
        child: Borrowing<'scope>,
        cancelled: Option<&CancelReason>,
        key: impl FnOnce() -> usize,
    ) -> bool {
        let (brood, child) = self.reach(Some(child));
        child.is_some_and(|child| brood.add(child, cancelled, key))
    }

    /// The child that is being polled fails.
    #[cold]
    pub(super) fn fail(self, error: ChildError<E>) {
        self.reach(None).0.error.set(Some(Box::new(error)));
    }

    /// The brood, and a child as if it borrowed nothing.
    #[inline]
    fn reach(self, child: Option<Borrowing<'scope>>) -> (&'scope Brood<E>, Option<Borrowing<'static>>) {
        // SAFETY: the pointer is a `&'scope Brood<E>`. The two types of the child differ in a lifetime only, and it is never polled or
        // dropped after that: see above.
        unsafe {
            let brood = self.brood.cast::<Brood<E>>().as_ref();
            (brood, std::mem::transmute::<Option<Borrowing<'scope>>, Option<Borrowing<'static>>>(child))
        }
    }
}

impl<'scope, E> Nursery<'scope, E> {
    pub(super) fn new(brood: &'scope Brood<E>) -> Self {
        Nursery { brood: NonNull::from(brood).cast(), of: PhantomData }
    }
}

/// Who polls and drops the children. When it is dropped they all are, one by one, and the brood is closed.
pub(super) struct Closing<'a, E> {
    brood: &'a Brood<E>,
    /// By key.
    kids: Vec<Option<Numbered>>,
}

impl<'a, E> Closing<'a, E> {
    pub(super) fn new(brood: &'a Brood<E>) -> Closing<'a, E> {
        Closing { brood, kids: Vec::new() }
    }

    /// The child with that key.
    #[inline]
    pub(super) fn get(&mut self, key: usize) -> Option<&mut Kid> {
        if self.kids.get(key).is_none_or(Option::is_none) {
            self.take_over();
        }
        Some(&mut self.kids.get_mut(key)?.as_mut()?.kid)
    }

    /// Takes over the new children.
    #[cold]
    fn take_over(&mut self) {
        if !self.brood.cancelled.borrow().is_empty() {
            self.take_over_cancelled();
        }
        let mut newborn = self.brood.newborn.borrow_mut();
        if newborn.is_empty() {
            return;
        }
        // The first key is the body's, as a rule.
        self.kids.reserve(newborn.len() + 1);
        for Newborn { key, number, child } in newborn.drain(..) {
            let kid = Numbered { number, kid: Branch::new(child) };
            if key == self.kids.len() { self.kids.push(Some(kid)) } else { put(&mut self.kids, key, kid) }
        }
    }

    /// Takes over those that are cancelled from birth.
    #[cold]
    fn take_over_cancelled(&mut self) {
        for (key, kid) in self.brood.cancelled.borrow_mut().drain(..) {
            put(&mut self.kids, key, kid);
        }
    }

    /// Drops the child with that key, and returns its error, if it has failed. `name`: what its future has yielded.
    #[inline]
    pub(super) fn remove(&mut self, key: usize, name: Option<Box<str>>) -> Option<Box<ChildError<E>>> {
        let error = self.brood.error.take().map(|error| self.name_error(key, name, error));
        if self.get(key).is_some() {
            self.kids[key] = None;
        }
        error
    }

    /// The child has failed: gives the error its name.
    #[cold]
    fn name_error(&mut self, key: usize, name: Option<Box<str>>, mut error: Box<ChildError<E>>) -> Box<ChildError<E>> {
        // It has yielded none if a destructor of it has panicked.
        let kept = || Pin::new(self.get(key)?).future()?.0.note().take_name();
        error.name = name.or_else(kept);
        error
    }

    /// The keys and the numbers of those that are taken over.
    fn numbers(&self) -> impl Iterator<Item = (usize, u64)> {
        self.kids.iter().enumerate().filter_map(|(key, kid)| Some((key, kid.as_ref()?.number)))
    }

    /// The key of the child with that number.
    pub(super) fn find(&mut self, number: u64) -> Option<usize> {
        self.take_over();
        self.numbers().find(|(_, one)| *one == number).map(|(key, _)| key)
    }

    /// The keys of all children, the newest first.
    pub(super) fn keys(&mut self) -> Vec<usize> {
        self.take_over();
        let mut keys: Vec<(u64, usize)> = self.numbers().map(|(key, number)| (number, key)).collect();
        keys.sort_unstable_by(|one, other| other.cmp(one));
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// Lets no new child come, from now on.
    pub(super) fn refuse(&self) {
        self.brood.closed.set(true);
    }
}

/// Puts a child where nobody is.
#[cold]
fn put(kids: &mut Vec<Option<Numbered>>, key: usize, kid: Numbered) {
    while key > kids.len() {
        kids.push(None);
    }
    if key == kids.len() {
        kids.push(Some(kid));
    } else {
        debug_assert!(kids[key].is_none());
        kids[key] = Some(kid);
    }
}

impl<E> Drop for Closing<'_, E> {
    fn drop(&mut self) {
        self.refuse();
        let mut first = FirstPanic::default();
        for key in self.keys() {
            first.catch(|| drop(self.remove(key, None)));
        }
        first.go_on();
    }
}
