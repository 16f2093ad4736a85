//! What the holder of a mutex has who needs a part of its value.

use crate::{
    guard_traits::guard_traits,
    lock::Lock,
    mutex::{Locked, Mutex},
    raw::guarded::Part,
};
use std::rc::Rc;

/// A part of the value of a locked [`Mutex`]. Dropping it unlocks. Made by [`MutexGuard::map`](crate::MutexGuard::map).
///
/// A [`Condition`](crate::Condition) waits with a guard of the whole value only, since others change it meanwhile, and the part may be gone.
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct MappedMutexGuard<'a, U: ?Sized + 'a>(Part<&'a Lock, U, Locked>);

/// A part of the value of a locked [`Mutex`], with a share of the mutex: it can move into `'static` tasks. Made by
/// [`OwnedMutexGuard::map`](crate::OwnedMutexGuard::map).
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct OwnedMappedMutexGuard<T: ?Sized, U: ?Sized>(Part<Rc<Mutex<T>>, U, Locked>);

impl<'a, U: ?Sized> MappedMutexGuard<'a, U> {
    pub(crate) fn new(part: Part<&'a Lock, U, Locked>) -> Self {
        MappedMutexGuard(part)
    }

    /// A guard of a part of this part, as [`MutexGuard::map`](crate::MutexGuard::map) makes one.
    pub fn map<V: ?Sized>(guard: Self, which: impl FnOnce(&mut U) -> &mut V) -> MappedMutexGuard<'a, V> {
        MappedMutexGuard(guard.0.map(which))
    }

    /// A guard of a part of this part if there is one, as [`MutexGuard::try_map`](crate::MutexGuard::try_map) makes one.
    ///
    /// # Errors
    ///
    /// The guard as it was, if `which` returns `None`.
    #[doc(alias = "filter_map")]
    pub fn try_map<V: ?Sized>(
        guard: Self,
        which: impl FnOnce(&mut U) -> Option<&mut V>,
    ) -> Result<MappedMutexGuard<'a, V>, Self> {
        guard.0.try_map(which).map(MappedMutexGuard).map_err(MappedMutexGuard)
    }
}

impl<T: ?Sized, U: ?Sized + 'static> OwnedMappedMutexGuard<T, U> {
    pub(crate) fn new(part: Part<Rc<Mutex<T>>, U, Locked>) -> Self {
        OwnedMappedMutexGuard(part)
    }

    /// A guard of a part of this part, as [`MutexGuard::map`](crate::MutexGuard::map) makes one.
    pub fn map<V: ?Sized + 'static>(guard: Self, which: impl FnOnce(&mut U) -> &mut V) -> OwnedMappedMutexGuard<T, V> {
        OwnedMappedMutexGuard(guard.0.map(which))
    }

    /// A guard of a part of this part if there is one, as [`MutexGuard::try_map`](crate::MutexGuard::try_map) makes one.
    ///
    /// # Errors
    ///
    /// The guard as it was, if `which` returns `None`.
    #[doc(alias = "filter_map")]
    pub fn try_map<V: ?Sized + 'static>(
        guard: Self,
        which: impl FnOnce(&mut U) -> Option<&mut V>,
    ) -> Result<OwnedMappedMutexGuard<T, V>, Self> {
        guard.0.try_map(which).map(OwnedMappedMutexGuard).map_err(OwnedMappedMutexGuard)
    }

    /// The mutex whose guard this is.
    pub fn mutex(&self) -> &Rc<Mutex<T>> {
        self.0.keeper()
    }
}

guard_traits!([U: ?Sized] MappedMutexGuard<'_, U> => mut U);
guard_traits!([T: ?Sized, U: ?Sized] OwnedMappedMutexGuard<T, U> => mut U);
