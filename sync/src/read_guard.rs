//! How a read-write lock is read, and what readers have.

use crate::{
    guard_traits::guard_traits,
    mapped_rw_guards::{MappedReadGuard, OwnedMappedReadGuard},
    raw::guarded::Part,
    rw_lock::{Reading, RwLock},
    turns::{HasTurns, Turn, TurnsOf},
};
use std::{fmt, rc::Rc};

impl<T: ?Sized> RwLock<T> {
    /// Waits for its turn to read. Many may read at a time. The guard borrows the lock: one that goes into a task is an owned one, of
    /// [`read_owned`](Self::read_owned).
    ///
    /// Cancel-safe: dropped in line it leaves the line; a turn that it had been given goes to the next one. A task that
    /// reads already and waits to read once more waits for ever, if a writer stands in line, or somebody
    /// [upgrades](crate::UpgradableReadGuard::upgrade); or if there is a [bound](Self::with_max_readers), and it has the last place.
    #[inline]
    pub fn read(&self) -> impl Future<Output = ReadGuard<'_, T>> + Unpin {
        TurnsOf(self).wait(Turn::Read).then(|lock, _| ReadGuard::new(lock.0))
    }

    /// Waits as [`read`](Self::read) does, for a guard that outlives the borrow. The future has a share of the lock, too. It is async-lock's
    /// `read_arc`.
    pub fn read_owned(self: &Rc<Self>) -> impl Future<Output = OwnedReadGuard<T>> + Unpin + use<T> {
        TurnsOf(self.clone()).wait(Turn::Read).then(|lock, _| OwnedReadGuard::new(lock.0))
    }

    /// Reads if nobody writes and nobody waits.
    pub fn try_read(&self) -> Option<ReadGuard<'_, T>> {
        self.turns().take_now(Turn::Read).then(|| ReadGuard::new(self))
    }

    /// Reads as [`try_read`](Self::try_read) does, for a guard that outlives the borrow.
    pub fn try_read_owned(self: &Rc<Self>) -> Option<OwnedReadGuard<T>> {
        self.turns().take_now(Turn::Read).then(|| OwnedReadGuard::new(self.clone()))
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("RwLock");
        match self.try_read() {
            Some(value) => out.field("value", &&*value),
            None => out.field("value", &format_args!("<locked>")),
        };
        out.field("waiting", &self.waiting()).finish()
    }
}

/// A reader's share of an [`RwLock`]. Dropping it ends the reading.
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct ReadGuard<'a, T: ?Sized>(Part<&'a RwLock<T>, T, Reading>);

/// A reader's share of an [`RwLock`] that keeps it alive. Made by [`RwLock::read_owned`].
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct OwnedReadGuard<T: ?Sized>(Part<Rc<RwLock<T>>, T, Reading>);

impl<'a, T: ?Sized> ReadGuard<'a, T> {
    /// A guard for a caller whose turn it is.
    #[inline]
    pub(crate) fn new(lock: &'a RwLock<T>) -> Self {
        ReadGuard(Part::new(lock))
    }

    pub(crate) fn of(part: Part<&'a RwLock<T>, T, Reading>) -> Self {
        ReadGuard(part)
    }

    /// A guard of a part of the value: tokio's `RwLockReadGuard::map`. Dropping it ends the reading.
    ///
    /// It is an associated function, so that it hides no method of the value. If `which` panics, the reading ends.
    ///
    /// ```
    /// use evenkeel::sync::{ReadGuard, RwLock};
    ///
    /// let pair = RwLock::new((1, "one"));
    /// let name = ReadGuard::map(pair.try_read().unwrap(), |pair| pair.1);
    /// assert_eq!(&*name, "one");
    /// ```
    pub fn map<U: ?Sized>(guard: Self, which: impl FnOnce(&T) -> &U) -> MappedReadGuard<'a, U> {
        let turns = guard.0.keeper().turns();
        MappedReadGuard::new(guard.0.map_shared(which).kept_by(turns))
    }

    /// A guard of a part of the value, if there is one: tokio's `RwLockReadGuard::try_map`, and `filter_map` of `std`'s guards.
    ///
    /// # Errors
    ///
    /// The guard as it was, if `which` returns `None`.
    ///
    /// ```
    /// use evenkeel::sync::{ReadGuard, RwLock};
    ///
    /// let names = RwLock::new(vec!["a"]);
    /// let guard = ReadGuard::try_map(names.try_read().unwrap(), |names| names.get(1)).unwrap_err();
    /// assert_eq!(*ReadGuard::try_map(guard, |names| names.first()).unwrap(), "a");
    /// ```
    #[doc(alias = "filter_map")]
    pub fn try_map<U: ?Sized>(
        guard: Self,
        which: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<MappedReadGuard<'a, U>, Self> {
        let turns = guard.0.keeper().turns();
        match guard.0.try_map_shared(which) {
            Ok(part) => Ok(MappedReadGuard::new(part.kept_by(turns))),
            Err(part) => Err(ReadGuard(part)),
        }
    }

    /// The lock whose guard this is.
    pub fn rw_lock(&self) -> &'a RwLock<T> {
        self.0.keeper()
    }
}

impl<T: ?Sized> OwnedReadGuard<T> {
    /// A guard for a caller whose turn it is.
    pub(crate) fn new(lock: Rc<RwLock<T>>) -> Self {
        OwnedReadGuard(Part::new(lock))
    }

    pub(crate) fn of(part: Part<Rc<RwLock<T>>, T, Reading>) -> Self {
        OwnedReadGuard(part)
    }

    /// A guard of a part of the value, as [`ReadGuard::map`] makes one. Both are `'static`, since an owned guard is bound to no lifetime.
    pub fn map<U: ?Sized + 'static>(guard: Self, which: impl FnOnce(&T) -> &U) -> OwnedMappedReadGuard<T, U>
    where
        T: 'static,
    {
        OwnedMappedReadGuard::new(guard.0.map_shared(which))
    }

    /// A guard of a part of the value if there is one, as [`ReadGuard::try_map`] makes one. Both are `'static`, since an owned guard is bound to no lifetime.
    ///
    /// # Errors
    ///
    /// The guard as it was, if `which` returns `None`.
    #[doc(alias = "filter_map")]
    pub fn try_map<U: ?Sized + 'static>(
        guard: Self,
        which: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<OwnedMappedReadGuard<T, U>, Self>
    where
        T: 'static,
    {
        guard.0.try_map_shared(which).map(OwnedMappedReadGuard::new).map_err(OwnedReadGuard)
    }

    /// The lock whose guard this is.
    pub fn rw_lock(&self) -> &Rc<RwLock<T>> {
        self.0.keeper()
    }
}

guard_traits!([T: ?Sized] ReadGuard<'_, T> => T);
guard_traits!([T: ?Sized] OwnedReadGuard<T> => T);
