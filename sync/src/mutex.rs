//! The mutex: one at a time.

use crate::{
    lock::{Lock, Locking, Place},
    raw::guarded::{Guarded, Guards, Mode},
    wait::Wait,
    wait_queue::WaitStats,
};
use std::ops::Deref;

/// A value that one task at a time may use, also across its awaits: asyncio's `Lock`, which here holds what it protects.
///
/// On one thread a `RefCell` is enough for whatever does not await while it borrows. This is for the rest. The lock is handed
/// over in the order of asking. A panic of its holder unlocks it, and leaves the value as it is.
///
/// ```
/// use evenkeel::sync::Mutex;
///
/// # futures::executor::block_on(async {
/// let log = Mutex::new(Vec::new());
/// let write = async |line: &'static str| {
///     let mut log = log.lock().await;
///     // … an await in here keeps the others out …
///     log.push(line);
/// };
/// futures::join!(write("one"), write("two"));
/// assert_eq!(log.into_inner(), ["one", "two"]);
/// # });
/// ```
///
/// A guard that is leaked, with [`std::mem::forget`] or in a circle of `Rc`s, leaves the mutex locked for ever.
///
/// # Values without a size
///
/// A mutex of any `T` can be shared as one of a trait object, or of a slice:
///
/// ```
/// use evenkeel::sync::Mutex;
/// use std::{fmt::Display, rc::Rc};
///
/// let number = Rc::new(Mutex::new(5));
/// let shown: Rc<Mutex<dyn Display>> = number.clone();
/// *number.try_lock().unwrap() = 6;
/// assert_eq!(shown.try_lock().unwrap().to_string(), "6");
/// ```
pub struct Mutex<T: ?Sized> {
    lock: Lock,
    value: Guarded<T>,
}

impl<T> Mutex<T> {
    /// An unlocked mutex.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex { lock: Lock::new("Mutex::lock"), value: Guarded::new(value) }
    }

    /// The mutex's value, without the mutex. It is there also if a guard was leaked.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Is the mutex locked?
    pub fn is_locked(&self) -> bool {
        self.lock.is_locked()
    }

    /// How many wait for the lock.
    pub fn waiting(&self) -> usize {
        self.lock.waiting()
    }

    /// What the mutex's line has seen so far.
    pub fn stats(&self) -> WaitStats {
        self.lock.stats()
    }

    /// The mutex's value. No lock is needed, since nobody else has a reference.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    // ---- the guards' side

    /// Takes the lock if it is free and nobody waits. The caller makes a guard of it.
    #[inline]
    pub(crate) fn take_now(&self) -> bool {
        self.lock.attempt()
    }

    /// A place for the lock's holder, who is going to wait for a condition.
    pub(crate) fn enter_apart(&self) -> Place<'_> {
        self.lock.enter_apart()
    }
}

/// What has a lock.
pub(crate) trait HasLock {
    fn lock_alone(&self) -> &Lock;
}

impl<T: ?Sized> HasLock for Mutex<T> {
    #[inline]
    fn lock_alone(&self) -> &Lock {
        &self.lock
    }
}

/// A pointer to a mutex, which stands for its lock.
#[derive(Clone)]
pub(crate) struct LockOf<P>(pub(crate) P);

impl<P: Deref<Target: HasLock>> LockOf<P> {
    /// Waits for the lock, and is never refused. The caller makes a guard of it before anything else happens.
    #[inline]
    pub(crate) fn wait(self) -> Wait<LockOf<P>, Locking> {
        Wait::new(self, ())
    }
}

impl<P: Deref<Target: HasLock>> Deref for LockOf<P> {
    type Target = Lock;

    #[inline]
    fn deref(&self) -> &Lock {
        self.0.lock_alone()
    }
}

impl<T: ?Sized> Guards for Mutex<T> {
    type Value = T;

    #[inline]
    fn guarded(&self) -> &Guarded<T> {
        &self.value
    }
}

/// How whoever has the lock has the value.
pub(crate) struct Locked;

impl<T: ?Sized> Mode<Mutex<T>> for Locked {
    const ALONE: bool = true;

    #[inline]
    fn end(mutex: &Mutex<T>) {
        mutex.lock.unlock();
    }
}

/// For guards of a part, which do not know what it is a part of.
impl Mode<Lock> for Locked {
    const ALONE: bool = true;

    #[inline]
    fn end(lock: &Lock) {
        lock.unlock();
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}
