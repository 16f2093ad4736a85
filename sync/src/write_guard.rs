//! How a read-write lock is written, and what a writer has.

use crate::{
    guard_traits::guard_traits,
    mapped_rw_guards::{MappedReadGuard, MappedWriteGuard, OwnedMappedReadGuard, OwnedMappedWriteGuard},
    raw::guarded::{Mode, Part, Stays},
    read_guard::{OwnedReadGuard, ReadGuard},
    rw_lock::{Reading, RwLock, Writing},
    turns::{HasTurns, Turn, TurnsOf},
};
use std::rc::Rc;

impl<T: ?Sized> RwLock<T> {
    /// Waits for its turn to write. Nobody else has the value then. The guard borrows the lock: one that goes into a task is an owned one, of
    /// [`write_owned`](Self::write_owned).
    ///
    /// Cancel-safe as [`read`](Self::read).
    #[inline]
    pub fn write(&self) -> impl Future<Output = WriteGuard<'_, T>> + Unpin {
        TurnsOf(self).wait(Turn::Write).then(|lock, _| WriteGuard::new(lock.0))
    }

    /// Waits as [`write`](Self::write) does, for a guard that outlives the borrow. The future has a share of the lock, too. It is async-lock's
    /// `write_arc`.
    pub fn write_owned(self: &Rc<Self>) -> impl Future<Output = OwnedWriteGuard<T>> + Unpin + use<T> {
        TurnsOf(self.clone()).wait(Turn::Write).then(|lock, _| OwnedWriteGuard::new(lock.0))
    }

    /// Writes if nobody else has it and nobody waits.
    pub fn try_write(&self) -> Option<WriteGuard<'_, T>> {
        self.turns().take_now(Turn::Write).then(|| WriteGuard::new(self))
    }

    /// Writes as [`try_write`](Self::try_write) does, for a guard that outlives the borrow.
    pub fn try_write_owned(self: &Rc<Self>) -> Option<OwnedWriteGuard<T>> {
        self.turns().take_now(Turn::Write).then(|| OwnedWriteGuard::new(self.clone()))
    }
}

/// A writer's hold on an [`RwLock`]. Dropping it ends the writing.
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct WriteGuard<'a, T: ?Sized>(Part<&'a RwLock<T>, T, Writing>);

/// A writer's hold on an [`RwLock`] that keeps it alive. Made by [`RwLock::write_owned`].
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct OwnedWriteGuard<T: ?Sized>(Part<Rc<RwLock<T>>, T, Writing>);

impl<'a, T: ?Sized> WriteGuard<'a, T> {
    /// A guard for a caller whose turn it is.
    #[inline]
    pub(crate) fn new(lock: &'a RwLock<T>) -> Self {
        WriteGuard(Part::new(lock))
    }

    /// Gives the value back, and leaves it to the caller to end the turn.
    pub(crate) fn give_back(self) -> &'a RwLock<T> {
        self.0.give_back()
    }

    /// Turns the writer into a reader. No writer comes in between; readers at the head of the line come in now.
    ///
    /// ```
    /// let lock = evenkeel::sync::RwLock::new(1);
    /// let mut value = lock.try_write().unwrap();
    /// *value = 2;
    /// let value = value.downgrade();
    /// assert_eq!(*value + *lock.try_read().unwrap(), 4);
    /// ```
    pub fn downgrade(self) -> ReadGuard<'a, T> {
        ReadGuard::of(downgrade(lend(self.0)))
    }

    /// Turns the writer into a reader of a part of the value: tokio's `downgrade_map`. If `which` panics, the lock is unlocked.
    ///
    /// ```
    /// use evenkeel::sync::{RwLock, WriteGuard};
    ///
    /// let lock = RwLock::new((1, 2));
    /// let second = WriteGuard::downgrade_map(lock.try_write().unwrap(), |pair| &pair.1);
    /// assert_eq!(*second + lock.try_read().unwrap().0, 3);
    /// ```
    pub fn downgrade_map<U: ?Sized>(guard: Self, which: impl FnOnce(&T) -> &U) -> MappedReadGuard<'a, U> {
        let turns = guard.0.keeper().turns();
        MappedReadGuard::new(downgrade(lend(guard.0).map_shared(which)).kept_by(turns))
    }

    /// Turns the writer into a reader of a part of the value, if there is one: tokio's `try_downgrade_map`.
    ///
    /// # Errors
    ///
    /// The writer, if `which` returns `None`.
    pub fn try_downgrade_map<U: ?Sized>(
        guard: Self,
        which: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<MappedReadGuard<'a, U>, Self> {
        let turns = guard.0.keeper().turns();
        match lend(guard.0).try_map_shared(which) {
            Ok(part) => Ok(MappedReadGuard::new(downgrade(part).kept_by(turns))),
            Err(part) => Err(WriteGuard(Part::new(part.give_back()))),
        }
    }

    /// A guard of a part of the value: tokio's `RwLockWriteGuard::map`. Dropping it ends the writing.
    ///
    /// It is an associated function, so that it hides no method of the value. If `which` panics, the writing ends.
    ///
    /// ```
    /// use evenkeel::sync::{RwLock, WriteGuard};
    ///
    /// let pair = RwLock::new((1, "one"));
    /// *WriteGuard::map(pair.try_write().unwrap(), |pair| &mut pair.0) = 2;
    /// assert_eq!(pair.into_inner(), (2, "one"));
    /// ```
    pub fn map<U: ?Sized>(guard: Self, which: impl FnOnce(&mut T) -> &mut U) -> MappedWriteGuard<'a, U> {
        let turns = guard.0.keeper().turns();
        MappedWriteGuard::new(guard.0.map(which).kept_by(turns))
    }

    /// A guard of a part of the value, if there is one: tokio's `RwLockWriteGuard::try_map`, and `filter_map` of `std`'s guards.
    ///
    /// # Errors
    ///
    /// The guard as it was, if `which` returns `None`.
    #[doc(alias = "filter_map")]
    pub fn try_map<U: ?Sized>(
        guard: Self,
        which: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedWriteGuard<'a, U>, Self> {
        let turns = guard.0.keeper().turns();
        match guard.0.try_map(which) {
            Ok(part) => Ok(MappedWriteGuard::new(part.kept_by(turns))),
            Err(part) => Err(WriteGuard(part)),
        }
    }

    /// The lock whose guard this is.
    pub fn rw_lock(&self) -> &'a RwLock<T> {
        self.0.keeper()
    }
}

impl<T: ?Sized> OwnedWriteGuard<T> {
    /// A guard for a caller whose turn it is.
    pub(crate) fn new(lock: Rc<RwLock<T>>) -> Self {
        OwnedWriteGuard(Part::new(lock))
    }

    /// Gives the value back, and leaves it to the caller to end the turn.
    pub(crate) fn give_back(self) -> Rc<RwLock<T>> {
        self.0.give_back()
    }

    /// Turns the writer into a reader, as [`WriteGuard::downgrade`] does.
    pub fn downgrade(self) -> OwnedReadGuard<T> {
        OwnedReadGuard::of(downgrade(lend(self.0)))
    }

    /// Turns the writer into a reader of a part of the value, as [`WriteGuard::downgrade_map`] does. Both are `'static`, since an owned guard is bound to
    /// no lifetime.
    pub fn downgrade_map<U: ?Sized + 'static>(guard: Self, which: impl FnOnce(&T) -> &U) -> OwnedMappedReadGuard<T, U>
    where
        T: 'static,
    {
        OwnedMappedReadGuard::new(downgrade(lend(guard.0).map_shared(which)))
    }

    /// Turns the writer into a reader of a part of the value if there is one, as [`WriteGuard::try_downgrade_map`] does. Both are `'static`, since
    /// an owned guard is bound to no lifetime.
    ///
    /// # Errors
    ///
    /// The writer, if `which` returns `None`.
    pub fn try_downgrade_map<U: ?Sized + 'static>(
        guard: Self,
        which: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<OwnedMappedReadGuard<T, U>, Self>
    where
        T: 'static,
    {
        match lend(guard.0).try_map_shared(which) {
            Ok(part) => Ok(OwnedMappedReadGuard::new(downgrade(part))),
            Err(part) => Err(OwnedWriteGuard(Part::new(part.give_back()))),
        }
    }

    /// A guard of a part of the value, as [`WriteGuard::map`] makes one. Both are `'static`, since an owned guard is bound to no lifetime.
    pub fn map<U: ?Sized + 'static>(guard: Self, which: impl FnOnce(&mut T) -> &mut U) -> OwnedMappedWriteGuard<T, U>
    where
        T: 'static,
    {
        OwnedMappedWriteGuard::new(guard.0.map(which))
    }

    /// A guard of a part of the value if there is one, as [`WriteGuard::try_map`] makes one. Both are `'static`, since an owned guard is bound to no lifetime.
    ///
    /// # Errors
    ///
    /// The guard as it was, if `which` returns `None`.
    #[doc(alias = "filter_map")]
    pub fn try_map<U: ?Sized + 'static>(
        guard: Self,
        which: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<OwnedMappedWriteGuard<T, U>, Self>
    where
        T: 'static,
    {
        guard.0.try_map(which).map(OwnedMappedWriteGuard::new).map_err(OwnedWriteGuard)
    }

    /// The lock whose guard this is.
    pub fn rw_lock(&self) -> &Rc<RwLock<T>> {
        self.0.keeper()
    }
}

/// How a writer has the value who is about to become a reader: it is still his turn to write, but he only reads.
struct Lending;

impl<O: HasTurns + ?Sized> Mode<O> for Lending {
    const ALONE: bool = false;

    fn end(lock: &O) {
        lock.turns().end(Turn::Write);
    }
}

fn lend<T: ?Sized, P: Stays<Target = RwLock<T>>>(part: Part<P, T, Writing>) -> Part<P, T, Lending> {
    Part::new(part.give_back())
}

/// Makes a reader of a writer. It is one before other readers come in, who run foreign code.
fn downgrade<U: ?Sized, P: Stays<Target: HasTurns>>(part: Part<P, U, Lending>) -> Part<P, U, Reading> {
    let part = part.with_mode::<Reading>();
    part.keeper().turns().downgrade();
    part
}

guard_traits!([T: ?Sized] WriteGuard<'_, T> => mut T);
guard_traits!([T: ?Sized] OwnedWriteGuard<T> => mut T);
