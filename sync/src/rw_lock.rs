//! The read-write lock: many readers or one writer.

use crate::{
    raw::guarded::{Guarded, Guards, Mode},
    turns::{HasTurns, Turn, Turns},
    wait_queue::WaitStats,
};

/// A value that many may read or one may write, also across awaits.
///
/// The line is fair: who comes first goes first, be it a reader or a writer. Readers behind a writer wait for it, so writers
/// do not starve; readers that stand together in line are let in together.
///
/// ```
/// use evenkeel::sync::RwLock;
///
/// # futures::executor::block_on(async {
/// let config = RwLock::new(1);
/// {
///     let (one, two) = futures::join!(config.read(), config.read());
///     assert_eq!(*one + *two, 2);
/// }
/// *config.write().await = 5;
/// assert_eq!(*config.read().await, 5);
/// # });
/// ```
///
/// Who reads first and may have to write then is an [upgradable reader](Self::upgradable_read): a reader who waited for a turn to write, while he reads,
/// would wait for himself.
///
/// A guard that is leaked, with [`std::mem::forget`] or in a circle of `Rc`s, keeps out for ever whom it kept out.
///
/// A lock of any `T` can be shared as one of a trait object, or of a slice, as a [`Mutex`](crate::Mutex#values-without-a-size) can.
pub struct RwLock<T: ?Sized> {
    turns: Turns,
    value: Guarded<T>,
}

impl<T> RwLock<T> {
    /// An unlocked value, which any number may read at a time.
    pub const fn new(value: T) -> RwLock<T> {
        RwLock { turns: Turns::new(usize::MAX), value: Guarded::new(value) }
    }

    /// An unlocked value, which at most `readers` may read at a time: tokio's `RwLock::with_max_readers`. An upgradable reader is one of them.
    ///
    /// # Panics
    ///
    /// If nobody may read.
    ///
    /// ```
    /// use evenkeel::sync::RwLock;
    ///
    /// let table = RwLock::with_max_readers("value", 2);
    /// let (_one, two) = (table.try_read().unwrap(), table.try_read().unwrap());
    /// assert!(table.try_read().is_none());
    /// drop(two);
    /// assert!(table.try_read().is_some());
    /// ```
    #[track_caller]
    pub const fn with_max_readers(value: T, readers: usize) -> RwLock<T> {
        assert!(readers > 0, "a lock that nobody may read is a Mutex");
        RwLock { turns: Turns::new(readers), value: Guarded::new(value) }
    }

    /// The lock's value, without the lock. It is there also if a guard was leaked.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// How many wait, readers and writers, and who [upgrades](crate::UpgradableReadGuard::upgrade).
    pub fn waiting(&self) -> usize {
        self.turns.waiting()
    }

    /// What the lock's line has seen so far. Who upgrades does not stand in it.
    pub fn stats(&self) -> WaitStats {
        self.turns.stats()
    }

    /// The lock's value. No lock is needed, since nobody else has a reference.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: ?Sized> HasTurns for RwLock<T> {
    #[inline]
    fn turns(&self) -> &Turns {
        &self.turns
    }
}

impl<T: ?Sized> Guards for RwLock<T> {
    type Value = T;

    #[inline]
    fn guarded(&self) -> &Guarded<T> {
        &self.value
    }
}

/// For guards of a part, which do not know what it is a part of.
impl HasTurns for Turns {
    #[inline]
    fn turns(&self) -> &Turns {
        self
    }
}

/// How a reader has the value.
pub(crate) struct Reading;

/// How a reader has the value who may become a writer.
pub(crate) struct UpgradablyReading;

/// How a writer has the value.
pub(crate) struct Writing;

impl<O: HasTurns + ?Sized> Mode<O> for Reading {
    const ALONE: bool = false;

    #[inline]
    fn end(lock: &O) {
        lock.turns().end(Turn::Read);
    }
}

impl<O: HasTurns + ?Sized> Mode<O> for UpgradablyReading {
    const ALONE: bool = false;

    fn end(lock: &O) {
        lock.turns().end(Turn::UpgradableRead);
    }
}

impl<O: HasTurns + ?Sized> Mode<O> for Writing {
    const ALONE: bool = true;

    #[inline]
    fn end(lock: &O) {
        lock.turns().end(Turn::Write);
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}
