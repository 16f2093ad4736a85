//! A value that a lock guards, and the part of it that a guard is at.

use alloc::rc::Rc;
use core::{
    cell::{Cell, UnsafeCell},
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::{Deref, DerefMut},
    ptr::{self, NonNull},
};

/// A value that one may have alone, or many may share.
pub(crate) struct Guarded<T: ?Sized> {
    /// How many parts there are that share it; [`ALONE`], if there is one that has it alone.
    out: Cell<usize>,
    /// A mark that it belongs to one thread.
    local: PhantomData<*const ()>,
    value: UnsafeCell<T>,
}

const ALONE: usize = usize::MAX;

/// Who has a guarded value in it.
pub(crate) trait Guards {
    /// What is guarded.
    type Value: ?Sized;

    /// The guarded value.
    fn guarded(&self) -> &Guarded<Self::Value>;
}

/// How a guard has the value, and what becomes of its owner `O` when the guard goes.
pub(crate) trait Mode<O: ?Sized> {
    /// Does the guard have the value alone?
    const ALONE: bool;

    /// Ends the guard's turn. Its part is given back already, so whoever is next may have the value now.
    fn end(owner: &O);
}

/// Pointers to what stays in its place.
///
/// # Safety
///
/// What the pointer leads to is always the same, does not move, and is borrowed by nobody but shared, for as long as the pointer lives: wherever the
/// pointer itself moves.
pub(crate) unsafe trait Stays: Deref {}

// SAFETY: its lifetime says so.
unsafe impl<O: ?Sized> Stays for &O {}
// SAFETY: an `Rc` keeps what it leads to, in a place of its own. `Rc::get_mut` and `Rc::try_unwrap` want to be the only one, and nobody is
// given the one that a part has, while it has it.
unsafe impl<O: ?Sized> Stays for Rc<O> {}

/// For how long a part may be kept: what is picked of a part lives for `'k`, and so does all that is picked of that.
///
/// A part's type forgets what it was mapped from. So a lifetime that only that had must not end before the pointer does.
///
/// # Safety
///
/// No pointer of this type is there when `'k` has ended.
pub(crate) unsafe trait Keeps<'k>: Stays {}

// SAFETY: it is its own lifetime.
unsafe impl<'k, O: ?Sized> Keeps<'k> for &'k O {}
// SAFETY: nothing outlives that. No shorter one would do, since an `Rc` is bound to none.
unsafe impl<O: ?Sized> Keeps<'static> for Rc<O> {}

/// A guarded value, or a part of it, and the pointer that keeps it where it is. When it is dropped, the value is given back, and then the turn of its
/// guard is [ended](Mode::end).
///
/// Whoever picks a part keeps no reference:
///
/// ```compile_fail,E0521
/// use evenkeel::sync::{Mutex, MutexGuard};
///
/// let mutex = Mutex::new(1);
/// let mut kept = None;
/// let part = MutexGuard::map(mutex.try_lock().unwrap(), |number| {
///     kept = Some(&*number);
///     number
/// });
/// ```
///
/// Nothing that lives shorter is put where a longer life is asked for:
///
/// ```compile_fail,E0597
/// use evenkeel::sync::{MappedMutexGuard, Mutex, MutexGuard};
///
/// fn put<'s>(mut part: MappedMutexGuard<'_, &'s str>, text: &'s str) {
///     *part = text;
/// }
///
/// let mutex = Mutex::new(("longer", 1));
/// {
///     let text = String::from("shorter");
///     put(MutexGuard::map(mutex.try_lock().unwrap(), |pair| &mut pair.0), &text);
/// }
/// assert_eq!(mutex.into_inner().0, "longer");
/// ```
///
/// A part of a part lives no longer than what it was picked from, which its type does not name any more:
///
/// ```compile_fail,E0597
/// use evenkeel::sync::{MappedReadGuard, ReadGuard, RwLock};
///
/// let lock = RwLock::new(());
/// let last: MappedReadGuard<'_, str>;
/// {
///     let text = String::from("gone");
///     let short: &str = &text;
///     let middle = ReadGuard::map(lock.try_read().unwrap(), |_| &short);
///     last = MappedReadGuard::map(middle, |text: &&str| *text);
/// }
/// println!("{}", &*last);
/// ```
///
/// Nor does one that may be written:
///
/// ```compile_fail,E0597
/// use evenkeel::sync::{MappedMutexGuard, Mutex, MutexGuard};
///
/// let lock = Mutex::new(());
/// let last: MappedMutexGuard<'_, str>;
/// {
///     let mut text = String::from("gone");
///     let short = Box::leak(Box::new(text.as_mut_str()));
///     let middle = MutexGuard::map(lock.try_lock().unwrap(), move |_| short);
///     last = MappedMutexGuard::map(middle, |text| &mut **text);
/// }
/// println!("{}", &*last);
/// ```
///
/// Nor does one whose guard keeps the lock alive, and is bound to no lifetime at all:
///
/// ```compile_fail,E0597
/// use evenkeel::sync::{OwnedMappedReadGuard, OwnedReadGuard, RwLock};
/// use std::rc::Rc;
///
/// let lock = Rc::new(RwLock::new(()));
/// let last: OwnedMappedReadGuard<(), str>;
/// {
///     let text = String::from("gone");
///     let short: &&str = Box::leak(Box::new(&*text));
///     let middle = OwnedReadGuard::map(lock.try_read_owned().unwrap(), |_| short);
///     last = OwnedMappedReadGuard::map(middle, |text: &&str| *text);
/// }
/// println!("{}", &*last);
/// ```
///
/// No guard outlives what keeps its value:
///
/// ```compile_fail,E0505
/// use evenkeel::sync::{ReadGuard, RwLock};
///
/// let lock = RwLock::new((1, 2));
/// let part = ReadGuard::map(lock.try_read().unwrap(), |pair| &pair.0);
/// drop(lock);
/// assert_eq!(*part, 1);
/// ```
pub(crate) struct Part<P: Stays, U: ?Sized, M: Mode<P::Target>> {
    /// The part. For one that shares it, this may be known from a shared reference.
    at: NonNull<U>,
    /// The count of the value that it is a part of.
    out: NonNull<Cell<usize>>,
    keeper: P,
    /// Whoever has a `U` alone can put another one there: so none is taken for one of another lifetime.
    lies_there: PhantomData<(*mut U, M)>,
}

impl<T> Guarded<T> {
    pub(crate) const fn new(value: T) -> Guarded<T> {
        Guarded { out: Cell::new(0), local: PhantomData, value: UnsafeCell::new(value) }
    }

    pub(crate) fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Guarded<T> {
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<P: Stays, U: ?Sized, M: Mode<P::Target>> Part<P, U, M> {
    /// All of the value that the pointer leads to, for a caller whose turn it is.
    #[inline(always)]
    pub(crate) fn new(keeper: P) -> Self
    where
        P::Target: Guards<Value = U>,
    {
        let guarded = keeper.guarded();
        let others = guarded.out.get();
        // Who shares it must not be counted as one who has it alone.
        if if M::ALONE { others != 0 } else { others >= ALONE - 1 } {
            taken();
        }
        guarded.out.set(if M::ALONE { ALONE } else { others + 1 });
        let at = NonNull::new(guarded.value.get()).expect("a value has an address");
        let out = NonNull::from(&guarded.out);
        Part { at, out, keeper, lies_there: PhantomData }
    }

    /// What keeps the value.
    #[inline(always)]
    pub(crate) fn keeper(&self) -> &P {
        &self.keeper
    }

    /// Gives the value back, and leaves it to the caller to end the guard's turn.
    pub(crate) fn give_back(self) -> P {
        self.uncount();
        self.open().1
    }

    /// A part of this part. If `which` panics, all is given back.
    pub(crate) fn map<'k, V: ?Sized + 'k>(self, which: impl FnOnce(&mut U) -> &mut V) -> Part<P, V, M>
    where
        P: Keeps<'k>,
        U: 'k,
    {
        match self.try_map(|all| Some(which(all))) {
            Ok(part) => part,
            Err(_) => unreachable!("there is one"),
        }
    }

    /// A part of this part if there is one, otherwise this one.
    pub(crate) fn try_map<'k, V: ?Sized + 'k>(
        mut self,
        which: impl FnOnce(&mut U) -> Option<&mut V>,
    ) -> Result<Part<P, V, M>, Self>
    where
        P: Keeps<'k>,
        U: 'k,
    {
        const { assert!(M::ALONE, "who shares it does not write") };
        // SAFETY: as for `deref_mut`, but that the reference has the lifetime of what is kept. `which` does not know it, so it cannot let it out
        // but as what it returns; that is no reference any more when this part is used again, or dropped.
        let all: &'k mut U = unsafe { self.at.as_mut() };
        match which(all).map(|part: &'k mut V| NonNull::from(part)) {
            Some(at) => Ok(self.at(at)),
            None => Err(self),
        }
    }

    /// A part of this part, which shares it.
    pub(crate) fn map_shared<'k, V: ?Sized + 'k>(self, which: impl FnOnce(&U) -> &V) -> Part<P, V, M>
    where
        P: Keeps<'k>,
        U: 'k,
    {
        match self.try_map_shared(|all| Some(which(all))) {
            Ok(part) => part,
            Err(_) => unreachable!("there is one"),
        }
    }

    /// A part of this part if there is one, which shares it; otherwise this one.
    pub(crate) fn try_map_shared<'k, V: ?Sized + 'k>(
        self,
        which: impl FnOnce(&U) -> Option<&V>,
    ) -> Result<Part<P, V, M>, Self>
    where
        P: Keeps<'k>,
        U: 'k,
    {
        const { assert!(!M::ALONE, "what a shared reference leads to is not to be written") };
        // SAFETY: as for `deref`; and see `try_map` for the lifetime.
        let all: &'k U = unsafe { self.at.as_ref() };
        match which(all).map(|part: &'k V| NonNull::from(part)) {
            Some(at) => Ok(self.at(at)),
            None => Err(self),
        }
    }

    /// The same part, whose guard has another mode of sharing. The caller lets the owner know.
    ///
    /// What was had alone is not shared so, but [given back](Self::give_back) and taken anew: of a `Cell`, say, it may have been the inside, which
    /// must not be shared beside the `Cell`.
    pub(crate) fn with_mode<N: Mode<P::Target>>(self) -> Part<P, U, N> {
        const { assert!(!M::ALONE && !N::ALONE, "a part that is alone is no share") };
        let at = self.at;
        let (out, keeper) = self.open();
        Part { at, out, keeper, lies_there: PhantomData }
    }

    fn at<V: ?Sized>(self, at: NonNull<V>) -> Part<P, V, M> {
        let (out, keeper) = self.open();
        Part { at, out, keeper, lies_there: PhantomData }
    }

    /// Takes the part apart, without giving anything back.
    #[inline(always)]
    fn open(self) -> (NonNull<Cell<usize>>, P) {
        let this = ManuallyDrop::new(self);
        // SAFETY: it is neither used nor dropped where it was.
        (this.out, unsafe { ptr::read(&this.keeper) })
    }

    #[inline(always)]
    fn uncount(&self) {
        self.out().set(if M::ALONE { 0 } else { self.out().get() - 1 });
    }

    #[inline(always)]
    fn out(&self) -> &Cell<usize> {
        // SAFETY: it lies in what the keeper keeps, and nobody has another reference than a shared one.
        unsafe { self.out.as_ref() }
    }
}

impl<'a, O: ?Sized, U: ?Sized, M: Mode<O>> Part<&'a O, U, M> {
    /// The same part, but another one is told of its end. (It is kept by the lifetime, whoever it is.)
    pub(crate) fn kept_by<B: ?Sized>(self, keeper: &'a B) -> Part<&'a B, U, M>
    where
        M: Mode<B>,
    {
        const { assert!(<M as Mode<O>>::ALONE == <M as Mode<B>>::ALONE) };
        let at = self.at;
        let (out, _) = self.open();
        Part { at, out, keeper, lies_there: PhantomData }
    }
}

impl<P: Stays, U: ?Sized, M: Mode<P::Target>> Drop for Part<P, U, M> {
    #[inline(always)]
    fn drop(&mut self) {
        self.uncount();
        // Foreign code, perhaps; it may panic, and the keeper goes all the same.
        M::end(&self.keeper);
    }
}

impl<P: Stays, U: ?Sized, M: Mode<P::Target>> Deref for Part<P, U, M> {
    type Target = U;

    #[inline(always)]
    fn deref(&self) -> &U {
        // SAFETY: it is a part of a value that the keeper keeps, and of which the count says that others share it at most. The reference
        // lives no longer than the borrow of this part.
        unsafe { self.at.as_ref() }
    }
}

impl<P: Stays, U: ?Sized, M: Mode<P::Target>> DerefMut for Part<P, U, M> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut U {
        const { assert!(M::ALONE, "who shares it does not write") };
        // SAFETY: as for `deref`; the count says that no other part has it, and this one is borrowed alone. The way here never led through a
        // shared reference, since only parts that share it are mapped so, and none of them comes to have it alone.
        unsafe { self.at.as_mut() }
    }
}

#[cold]
#[inline(never)]
fn taken() -> ! {
    panic!("a lock was given to two at a time")
}
