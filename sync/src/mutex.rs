//! The mutex: one at a time.

use crate::{
    lock::{Lock, Locking, Place},
    wait::Wait,
    wait_queue::WaitStats,
};
use std::{cell::RefCell, ops::Deref};

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
pub struct Mutex<T> {
    lock: Lock,
    /// The value; empty while an owned guard has it with it.
    value: RefCell<Option<T>>,
}

impl<T> Mutex<T> {
    /// An unlocked mutex.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex { lock: Lock::new("Mutex::lock"), value: RefCell::new(Some(value)) }
    }

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
    ///
    /// # Panics
    ///
    /// If the value was leaked, with a guard that went to [`std::mem::forget`].
    #[track_caller]
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().as_mut().expect(LEAKED)
    }

    /// The mutex's value, without the mutex.
    ///
    /// # Panics
    ///
    /// As [`get_mut`](Self::get_mut).
    #[track_caller]
    pub fn into_inner(self) -> T {
        self.value.into_inner().expect(LEAKED)
    }

    // ---- the guards' side

    /// Waits for the lock, and is never refused. The caller makes a guard of it before anything else happens.
    #[inline]
    pub(crate) fn wait(&self) -> Wait<LockOf<'_, T>, Locking> {
        Wait::new(LockOf(self), ())
    }

    /// Takes the lock if it is free and nobody waits. The caller makes a guard of it.
    #[inline]
    pub(crate) fn take_now(&self) -> bool {
        self.lock.attempt()
    }

    #[inline]
    pub(crate) fn unlock(&self) {
        self.lock.unlock();
    }

    /// A place for the lock's holder, who is going to wait for a condition.
    pub(crate) fn enter_apart(&self) -> Place<'_> {
        self.lock.enter_apart()
    }

    #[inline]
    pub(crate) fn value(&self) -> &RefCell<Option<T>> {
        &self.value
    }
}

/// A mutex, which stands for its lock.
pub(crate) struct LockOf<'a, T>(pub(crate) &'a Mutex<T>);

impl<T> Clone for LockOf<'_, T> {
    fn clone(&self) -> Self {
        LockOf(self.0)
    }
}

impl<T> Deref for LockOf<'_, T> {
    type Target = Lock;

    #[inline]
    fn deref(&self) -> &Lock {
        &self.0.lock
    }
}

pub(crate) const LEAKED: &str = "the value is gone: its guard was leaked with mem::forget";

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
