//! How a mutex is locked, and what its holder has.

use crate::{
    guard_traits::guard_traits,
    lock::Place,
    mapped_mutex_guard::{MappedMutexGuard, OwnedMappedMutexGuard},
    mutex::{HasLock, LockOf, Locked, Mutex},
    raw::guarded::Part,
};
use evenkeel_coop::consume_budget;
use std::{
    fmt,
    mem::replace,
    ops::{Deref, DerefMut},
    rc::Rc,
};

impl<T: ?Sized> Mutex<T> {
    /// Locks the mutex, as soon as it is this one's turn. The guard borrows the mutex: one that goes into a task is an owned one, of
    /// [`lock_owned`](Self::lock_owned).
    ///
    /// Cancel-safe: dropped in line it leaves the line; a lock that it had been given goes to the next one. Locking twice in
    /// one task waits for ever.
    #[inline]
    pub fn lock(&self) -> impl Future<Output = MutexGuard<'_, T>> + Unpin {
        LockOf(self).wait().then(|lock, _| MutexGuard::new(lock.0))
    }

    /// Locks the mutex if it is free and nobody waits.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.take_now().then(|| MutexGuard::new(self))
    }

    /// Locks as [`lock`](Self::lock) does, for a guard that outlives the borrow: it can move into `'static` tasks. The future has a share of the
    /// mutex, too. It is async-lock's `lock_arc`.
    ///
    /// ```
    /// use evenkeel::sync::Mutex;
    /// use std::rc::Rc;
    ///
    /// let mutex = Rc::new(Mutex::new(1));
    /// let locked = mutex.clone().lock_owned();
    /// evenkeel::run(async { *evenkeel::spawn(locked).await.unwrap() += 1 });
    /// assert_eq!(*mutex.try_lock().unwrap(), 2);
    /// ```
    pub fn lock_owned(self: &Rc<Self>) -> impl Future<Output = OwnedMutexGuard<T>> + Unpin + use<T> {
        LockOf(self.clone()).wait().then(|lock, _| OwnedMutexGuard::new(lock.0))
    }

    /// Locks as [`try_lock`](Self::try_lock) does, for a guard that outlives the borrow.
    pub fn try_lock_owned(self: &Rc<Self>) -> Option<OwnedMutexGuard<T>> {
        self.take_now().then(|| OwnedMutexGuard::new(self.clone()))
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Mutex");
        match self.try_lock() {
            Some(value) => out.field("value", &&*value),
            None => out.field("value", &format_args!("<locked>")),
        };
        out.field("waiting", &self.waiting()).finish()
    }
}

/// The value of a locked [`Mutex`]. Dropping it unlocks: the next in line is handed the lock.
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct MutexGuard<'a, T: ?Sized>(Hold<'a, T>);

enum Hold<'a, T: ?Sized> {
    Held(Part<&'a Mutex<T>, T, Locked>),
    /// A [`Condition::wait`](crate::Condition::wait) was dropped that had unlocked it.
    Lost(&'a Mutex<T>),
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// A guard for a caller who has the lock.
    #[inline]
    pub(crate) fn new(mutex: &'a Mutex<T>) -> Self {
        MutexGuard(Hold::Held(Part::new(mutex)))
    }

    /// A guard of a part of the value: tokio's `MutexGuard::map`. It unlocks when it is dropped.
    ///
    /// It is an associated function, so that it hides no method of the value. If `which` panics, the mutex is unlocked.
    ///
    /// # Panics
    ///
    /// If the guard [is not held](Self::is_held).
    ///
    /// ```
    /// use evenkeel::sync::{Mutex, MutexGuard};
    ///
    /// let pair = Mutex::new((1, "one"));
    /// let mut number = MutexGuard::map(pair.try_lock().unwrap(), |pair| &mut pair.0);
    /// *number = 2;
    /// assert!(pair.is_locked());
    /// drop(number);
    /// assert_eq!(pair.into_inner(), (2, "one"));
    /// ```
    #[track_caller]
    pub fn map<U: ?Sized>(guard: Self, which: impl FnOnce(&mut T) -> &mut U) -> MappedMutexGuard<'a, U> {
        let part = guard.into_part();
        let lock = part.keeper().lock_alone();
        MappedMutexGuard::new(part.map(which).kept_by(lock))
    }

    /// A guard of a part of the value, if there is one: tokio's `MutexGuard::try_map`, and `filter_map` of `std`'s guards.
    ///
    /// # Errors
    ///
    /// The guard as it was, if `which` returns `None`.
    ///
    /// # Panics
    ///
    /// If the guard [is not held](Self::is_held).
    ///
    /// ```
    /// use evenkeel::sync::{Mutex, MutexGuard};
    ///
    /// let names = Mutex::new(vec!["a"]);
    /// let guard = MutexGuard::try_map(names.try_lock().unwrap(), |names| names.get_mut(1)).unwrap_err();
    /// let mut first = MutexGuard::try_map(guard, |names| names.first_mut()).unwrap();
    /// *first = "b";
    /// drop(first);
    /// assert_eq!(names.into_inner(), ["b"]);
    /// ```
    #[doc(alias = "filter_map")]
    #[track_caller]
    pub fn try_map<U: ?Sized>(
        guard: Self,
        which: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedMutexGuard<'a, U>, Self> {
        let part = guard.into_part();
        let lock = part.keeper().lock_alone();
        match part.try_map(which) {
            Ok(part) => Ok(MappedMutexGuard::new(part.kept_by(lock))),
            Err(part) => Err(MutexGuard(Hold::Held(part))),
        }
    }

    /// Does the guard hold the lock? It does, unless a [`Condition::wait`](crate::Condition::wait) that had unlocked it was dropped
    /// before it could lock again.
    pub fn is_held(&self) -> bool {
        matches!(self.0, Hold::Held(_))
    }

    /// Locks again after a [`Condition::wait`](crate::Condition::wait) was dropped. Does nothing if the lock is held.
    ///
    /// Cancel-safe.
    pub async fn relock(&mut self) {
        let mutex = match self.0 {
            Hold::Held(_) => return consume_budget().await,
            Hold::Lost(mutex) => mutex,
        };
        let _ = LockOf(mutex).wait().await;
        *self = MutexGuard::new(mutex);
    }

    /// Locks again, from a place that its holder has in the mutex's line.
    #[inline]
    pub(crate) async fn relock_from(&mut self, place: Place<'_>) {
        if let Some(wait) = place.into_wait() {
            let _ = wait.await;
        }
        *self = MutexGuard::new(self.mutex());
    }

    /// The mutex whose guard this is.
    pub fn mutex(&self) -> &'a Mutex<T> {
        match &self.0 {
            Hold::Held(part) => part.keeper(),
            Hold::Lost(mutex) => mutex,
        }
    }

    #[inline]
    pub(crate) fn unlock(&mut self) {
        let mutex = self.mutex();
        // It is lost before the next one is told, who may run before this returns.
        drop(replace(&mut self.0, Hold::Lost(mutex)));
    }

    #[track_caller]
    fn into_part(self) -> Part<&'a Mutex<T>, T, Locked> {
        match self.0 {
            Hold::Held(part) => part,
            Hold::Lost(_) => lost(),
        }
    }
}

#[cold]
#[track_caller]
fn lost() -> ! {
    panic!("this guard lost its lock when a Condition::wait was dropped: call guard.relock().await before it is used")
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    #[track_caller]
    fn deref(&self) -> &T {
        match &self.0 {
            Hold::Held(part) => part,
            Hold::Lost(_) => lost(),
        }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    #[track_caller]
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.0 {
            Hold::Held(part) => part,
            Hold::Lost(_) => lost(),
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Hold::Held(value) => (**value).fmt(f),
            Hold::Lost(_) => f.write_str("<unlocked>"),
        }
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Hold::Held(value) => (**value).fmt(f),
            Hold::Lost(_) => f.write_str("<unlocked>"),
        }
    }
}

/// The value of a locked [`Mutex`], with a share of the mutex: it can move into `'static` tasks. Made by
/// [`Mutex::lock_owned`]. The value stays where it is.
///
/// ```
/// use evenkeel::sync::Mutex;
/// use std::rc::Rc;
///
/// let mutex = Rc::new(Mutex::new(1));
/// let mut guard = mutex.try_lock_owned().unwrap();
/// let job = async move { *guard += 1 };
/// assert!(mutex.is_locked());
/// futures::executor::block_on(job);
/// assert_eq!(*mutex.try_lock().unwrap(), 2);
/// ```
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct OwnedMutexGuard<T: ?Sized>(Part<Rc<Mutex<T>>, T, Locked>);

impl<T: ?Sized> OwnedMutexGuard<T> {
    /// A guard for a caller who has the lock.
    pub(crate) fn new(mutex: Rc<Mutex<T>>) -> Self {
        OwnedMutexGuard(Part::new(mutex))
    }

    /// A guard of a part of the value, as [`MutexGuard::map`] makes one. Both are `'static`, since an owned guard is bound to no lifetime.
    ///
    /// ```
    /// use evenkeel::sync::{Mutex, OwnedMutexGuard};
    /// use std::rc::Rc;
    ///
    /// let pair = Rc::new(Mutex::new((1, "one")));
    /// let mut number = OwnedMutexGuard::map(pair.try_lock_owned().unwrap(), |pair| &mut pair.0);
    /// evenkeel::run(async move { evenkeel::spawn(async move { *number = 2 }).await.unwrap() });
    /// assert_eq!(*pair.try_lock().unwrap(), (2, "one"));
    /// ```
    pub fn map<U: ?Sized + 'static>(guard: Self, which: impl FnOnce(&mut T) -> &mut U) -> OwnedMappedMutexGuard<T, U>
    where
        T: 'static,
    {
        OwnedMappedMutexGuard::new(guard.0.map(which))
    }

    /// A guard of a part of the value if there is one, as [`MutexGuard::try_map`] makes one. Both are `'static`, since an owned guard is bound to no lifetime.
    ///
    /// # Errors
    ///
    /// The guard as it was, if `which` returns `None`.
    #[doc(alias = "filter_map")]
    pub fn try_map<U: ?Sized + 'static>(
        guard: Self,
        which: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<OwnedMappedMutexGuard<T, U>, Self>
    where
        T: 'static,
    {
        guard.0.try_map(which).map(OwnedMappedMutexGuard::new).map_err(OwnedMutexGuard)
    }

    /// The mutex whose guard this is.
    pub fn mutex(&self) -> &Rc<Mutex<T>> {
        self.0.keeper()
    }
}

guard_traits!([T: ?Sized] OwnedMutexGuard<T> => mut T);
