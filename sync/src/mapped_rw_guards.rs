//! What readers and writers have who need a part of the value.

use crate::{
    guard_traits::guard_traits,
    raw::guarded::Part,
    rw_lock::{Reading, RwLock, Writing},
    turns::Turns,
};
use std::rc::Rc;

/// A reader's share of a part of an [`RwLock`]'s value. Dropping it ends the reading. Made by [`ReadGuard::map`](crate::ReadGuard::map).
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct MappedReadGuard<'a, U: ?Sized + 'a>(Part<&'a Turns, U, Reading>);

/// A reader's share of a part of an [`RwLock`]'s value that keeps the lock alive. Made by [`OwnedReadGuard::map`](crate::OwnedReadGuard::map).
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct OwnedMappedReadGuard<T: ?Sized, U: ?Sized>(Part<Rc<RwLock<T>>, U, Reading>);

/// A writer's hold on a part of an [`RwLock`]'s value. Dropping it ends the writing. Made by [`WriteGuard::map`](crate::WriteGuard::map).
///
/// It does not become a reader's: who may write a part sees more of it than who may read it, as with a `Cell`'s `get_mut`. See
/// [`WriteGuard::downgrade_map`](crate::WriteGuard::downgrade_map).
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct MappedWriteGuard<'a, U: ?Sized + 'a>(Part<&'a Turns, U, Writing>);

/// A writer's hold on a part of an [`RwLock`]'s value that keeps the lock alive. Made by
/// [`OwnedWriteGuard::map`](crate::OwnedWriteGuard::map).
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct OwnedMappedWriteGuard<T: ?Sized, U: ?Sized>(Part<Rc<RwLock<T>>, U, Writing>);

impl<'a, U: ?Sized> MappedReadGuard<'a, U> {
    pub(crate) fn new(part: Part<&'a Turns, U, Reading>) -> Self {
        MappedReadGuard(part)
    }

    /// A guard of a part of this part, as [`ReadGuard::map`](crate::ReadGuard::map) makes one.
    pub fn map<V: ?Sized>(guard: Self, which: impl FnOnce(&U) -> &V) -> MappedReadGuard<'a, V> {
        MappedReadGuard(guard.0.map_shared(which))
    }

    /// A guard of a part of this part if there is one, as [`ReadGuard::try_map`](crate::ReadGuard::try_map) makes one.
    ///
    /// # Errors
    ///
    /// The guard as it was, if `which` returns `None`.
    #[doc(alias = "filter_map")]
    pub fn try_map<V: ?Sized>(
        guard: Self,
        which: impl FnOnce(&U) -> Option<&V>,
    ) -> Result<MappedReadGuard<'a, V>, Self> {
        guard.0.try_map_shared(which).map(MappedReadGuard).map_err(MappedReadGuard)
    }
}

impl<T: ?Sized, U: ?Sized + 'static> OwnedMappedReadGuard<T, U> {
    pub(crate) fn new(part: Part<Rc<RwLock<T>>, U, Reading>) -> Self {
        OwnedMappedReadGuard(part)
    }

    /// A guard of a part of this part, as [`ReadGuard::map`](crate::ReadGuard::map) makes one.
    pub fn map<V: ?Sized + 'static>(guard: Self, which: impl FnOnce(&U) -> &V) -> OwnedMappedReadGuard<T, V> {
        OwnedMappedReadGuard(guard.0.map_shared(which))
    }

    /// A guard of a part of this part if there is one, as [`ReadGuard::try_map`](crate::ReadGuard::try_map) makes one.
    ///
    /// # Errors
    ///
    /// The guard as it was, if `which` returns `None`.
    #[doc(alias = "filter_map")]
    pub fn try_map<V: ?Sized + 'static>(
        guard: Self,
        which: impl FnOnce(&U) -> Option<&V>,
    ) -> Result<OwnedMappedReadGuard<T, V>, Self> {
        guard.0.try_map_shared(which).map(OwnedMappedReadGuard).map_err(OwnedMappedReadGuard)
    }

    /// The lock whose guard this is.
    pub fn rw_lock(&self) -> &Rc<RwLock<T>> {
        self.0.keeper()
    }
}

impl<'a, U: ?Sized> MappedWriteGuard<'a, U> {
    pub(crate) fn new(part: Part<&'a Turns, U, Writing>) -> Self {
        MappedWriteGuard(part)
    }

    /// A guard of a part of this part, as [`WriteGuard::map`](crate::WriteGuard::map) makes one.
    pub fn map<V: ?Sized>(guard: Self, which: impl FnOnce(&mut U) -> &mut V) -> MappedWriteGuard<'a, V> {
        MappedWriteGuard(guard.0.map(which))
    }

    /// A guard of a part of this part if there is one, as [`WriteGuard::try_map`](crate::WriteGuard::try_map) makes one.
    ///
    /// # Errors
    ///
    /// The guard as it was, if `which` returns `None`.
    #[doc(alias = "filter_map")]
    pub fn try_map<V: ?Sized>(
        guard: Self,
        which: impl FnOnce(&mut U) -> Option<&mut V>,
    ) -> Result<MappedWriteGuard<'a, V>, Self> {
        guard.0.try_map(which).map(MappedWriteGuard).map_err(MappedWriteGuard)
    }
}

impl<T: ?Sized, U: ?Sized + 'static> OwnedMappedWriteGuard<T, U> {
    pub(crate) fn new(part: Part<Rc<RwLock<T>>, U, Writing>) -> Self {
        OwnedMappedWriteGuard(part)
    }

    /// A guard of a part of this part, as [`WriteGuard::map`](crate::WriteGuard::map) makes one.
    pub fn map<V: ?Sized + 'static>(guard: Self, which: impl FnOnce(&mut U) -> &mut V) -> OwnedMappedWriteGuard<T, V> {
        OwnedMappedWriteGuard(guard.0.map(which))
    }

    /// A guard of a part of this part if there is one, as [`WriteGuard::try_map`](crate::WriteGuard::try_map) makes one.
    ///
    /// # Errors
    ///
    /// The guard as it was, if `which` returns `None`.
    #[doc(alias = "filter_map")]
    pub fn try_map<V: ?Sized + 'static>(
        guard: Self,
        which: impl FnOnce(&mut U) -> Option<&mut V>,
    ) -> Result<OwnedMappedWriteGuard<T, V>, Self> {
        guard.0.try_map(which).map(OwnedMappedWriteGuard).map_err(OwnedMappedWriteGuard)
    }

    /// The lock whose guard this is.
    pub fn rw_lock(&self) -> &Rc<RwLock<T>> {
        self.0.keeper()
    }
}

guard_traits!([U: ?Sized] MappedReadGuard<'_, U> => U);
guard_traits!([T: ?Sized, U: ?Sized] OwnedMappedReadGuard<T, U> => U);
guard_traits!([U: ?Sized] MappedWriteGuard<'_, U> => mut U);
guard_traits!([T: ?Sized, U: ?Sized] OwnedMappedWriteGuard<T, U> => mut U);
