//! How a mutex is locked, and what its holder has.

use crate::{
    lock::Place,
    mutex::{LEAKED, Mutex},
};
use evenkeel_coop::consume_budget;
use std::{
    cell::RefMut,
    fmt,
    ops::{Deref, DerefMut},
    rc::Rc,
};

impl<T> Mutex<T> {
    /// Locks the mutex, as soon as it is this one's turn. The guard borrows the mutex: one that goes into a task is an owned one, of
    /// [`lock_owned`](Self::lock_owned).
    ///
    /// Cancel-safe: dropped in line it leaves the line; a lock that it had been given goes to the next one. Locking twice in
    /// one task waits for ever.
    #[inline]
    pub fn lock(&self) -> impl Future<Output = MutexGuard<'_, T>> + Unpin {
        self.wait().then(|lock, _| MutexGuard::new(lock.0))
    }

    /// Locks the mutex if it is free and nobody waits.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.take_now().then(|| MutexGuard::new(self))
    }

    /// Locks as [`lock`](Self::lock) does, for a guard that outlives the borrow: it can move into `'static` tasks.
    ///
    /// The value moves into the guard and back, which for large values takes time: put them into a `Box`.
    pub async fn lock_owned(self: &Rc<Self>) -> OwnedMutexGuard<T> {
        let _ = self.wait().await;
        OwnedMutexGuard::new(self.clone())
    }

    /// Locks as [`try_lock`](Self::try_lock) does, for a guard that outlives the borrow.
    pub fn try_lock_owned(self: &Rc<Self>) -> Option<OwnedMutexGuard<T>> {
        self.take_now().then(|| OwnedMutexGuard::new(self.clone()))
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
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
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    /// The value; `None` after a [`Condition::wait`](crate::Condition::wait) was dropped that had this guard.
    value: Option<RefMut<'a, T>>,
}

impl<'a, T> MutexGuard<'a, T> {
    /// A guard for a caller who has the lock.
    #[inline]
    pub(crate) fn new(mutex: &'a Mutex<T>) -> Self {
        MutexGuard { mutex, value: Some(borrow(mutex)) }
    }

    /// Does the guard hold the lock? It does, unless a [`Condition::wait`](crate::Condition::wait) that had unlocked it was dropped
    /// before it could lock again.
    pub fn is_held(&self) -> bool {
        self.value.is_some()
    }

    /// Locks again after a [`Condition::wait`](crate::Condition::wait) was dropped. Does nothing if the lock is held.
    ///
    /// Cancel-safe.
    pub async fn relock(&mut self) {
        if self.value.is_some() {
            return consume_budget().await;
        }
        let _ = self.mutex.wait().await;
        self.value = Some(borrow(self.mutex));
    }

    /// Locks again, from a place that its holder has in the mutex's line.
    #[inline]
    pub(crate) async fn relock_from(&mut self, place: Place<'_>) {
        if let Some(wait) = place.into_wait() {
            let _ = wait.await;
        }
        self.value = Some(borrow(self.mutex));
    }

    /// The mutex whose guard this is.
    pub fn mutex(&self) -> &'a Mutex<T> {
        self.mutex
    }

    #[inline]
    pub(crate) fn unlock(&mut self) {
        // The value first: whoever is handed the lock may run before this returns.
        if self.value.take().is_some() {
            self.mutex.unlock();
        }
    }
}

#[inline]
fn borrow<T>(mutex: &Mutex<T>) -> RefMut<'_, T> {
    RefMut::map(mutex.value().borrow_mut(), |value| value.as_mut().expect(LEAKED))
}

#[cold]
#[track_caller]
fn lost() -> ! {
    panic!("this guard lost its lock when a Condition::wait was dropped: call guard.relock().await before it is used")
}

impl<T> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.unlock();
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    #[track_caller]
    fn deref(&self) -> &T {
        match &self.value {
            Some(value) => value,
            None => lost(),
        }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    #[inline]
    #[track_caller]
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.value {
            Some(value) => value,
            None => lost(),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MutexGuard").field(&self.value.as_deref()).finish()
    }
}

/// The value of a locked [`Mutex`], with a share of the mutex: it can move into `'static` tasks. Made by
/// [`Mutex::lock_owned`].
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
pub struct OwnedMutexGuard<T> {
    mutex: Rc<Mutex<T>>,
    /// The value, out of the mutex while that is locked; `None` only in the destructor.
    value: Option<T>,
}

impl<T> OwnedMutexGuard<T> {
    /// A guard for a caller who has the lock.
    pub(crate) fn new(mutex: Rc<Mutex<T>>) -> Self {
        let value = mutex.value().borrow_mut().take();
        assert!(value.is_some(), "{LEAKED}");
        OwnedMutexGuard { mutex, value }
    }

    /// The mutex whose guard this is.
    pub fn mutex(&self) -> &Rc<Mutex<T>> {
        &self.mutex
    }
}

impl<T> Drop for OwnedMutexGuard<T> {
    fn drop(&mut self) {
        *self.mutex.value().borrow_mut() = self.value.take();
        self.mutex.unlock();
    }
}

impl<T> Deref for OwnedMutexGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.value.as_ref().expect("it is here until the guard is dropped")
    }
}

impl<T> DerefMut for OwnedMutexGuard<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("it is here until the guard is dropped")
    }
}

impl<T: fmt::Debug> fmt::Debug for OwnedMutexGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedMutexGuard").field(&**self).finish()
    }
}
