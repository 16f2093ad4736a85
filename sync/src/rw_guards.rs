//! How a lock is read and written, and what readers and writers have.

use crate::rw_lock::{LEAKED, RwLock};
use std::{
    fmt,
    ops::{Deref, DerefMut},
    rc::Rc,
};

impl<T> RwLock<T> {
    /// Waits for its turn to read.
    ///
    /// Cancel-safe: dropped in line it leaves the line; a lock that it had been given is passed on. A task that reads and
    /// asks to read once more can wait for ever, if a writer came in between.
    pub async fn read(&self) -> ReadGuard<'_, T> {
        let _ = self.wait_to_read().await;
        ReadGuard::new(self)
    }

    /// Waits for its turn to write.
    ///
    /// Cancel-safe as [`read`](Self::read).
    pub async fn write(&self) -> WriteGuard<'_, T> {
        let _ = self.wait_to_write().await;
        WriteGuard::new(self)
    }

    /// Waits as [`read`](Self::read) does, for a guard that outlives the borrow.
    pub async fn read_owned(self: &Rc<Self>) -> OwnedReadGuard<T> {
        let _ = self.wait_to_read().await;
        OwnedReadGuard::new(self.clone())
    }

    /// Waits as [`write`](Self::write) does, for a guard that outlives the borrow.
    pub async fn write_owned(self: &Rc<Self>) -> OwnedWriteGuard<T> {
        let _ = self.wait_to_write().await;
        OwnedWriteGuard::new(self.clone())
    }

    /// Reads if nobody writes and nobody waits.
    pub fn try_read(&self) -> Option<ReadGuard<'_, T>> {
        self.read_now().then(|| ReadGuard::new(self))
    }

    /// Writes if nobody else has it and nobody waits.
    pub fn try_write(&self) -> Option<WriteGuard<'_, T>> {
        self.write_now().then(|| WriteGuard::new(self))
    }

    /// Reads as [`try_read`](Self::try_read) does, for a guard that outlives the borrow.
    pub fn try_read_owned(self: &Rc<Self>) -> Option<OwnedReadGuard<T>> {
        self.read_now().then(|| OwnedReadGuard::new(self.clone()))
    }

    /// Writes as [`try_write`](Self::try_write) does, for a guard that outlives the borrow.
    pub fn try_write_owned(self: &Rc<Self>) -> Option<OwnedWriteGuard<T>> {
        self.write_now().then(|| OwnedWriteGuard::new(self.clone()))
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLock<T> {
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
pub struct ReadGuard<'a, T>(Reading<T, &'a RwLock<T>>);

/// A reader's share of an [`RwLock`] that keeps it alive. Made by [`RwLock::read_owned`].
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct OwnedReadGuard<T>(Reading<T, Rc<RwLock<T>>>);

/// A writer's hold on an [`RwLock`]. Dropping it ends the writing.
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct WriteGuard<'a, T>(Writing<T, &'a RwLock<T>>);

/// A writer's hold on an [`RwLock`] that keeps it alive. Made by [`RwLock::write_owned`].
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct OwnedWriteGuard<T>(Writing<T, Rc<RwLock<T>>>);

impl<'a, T> ReadGuard<'a, T> {
    pub(crate) fn new(lock: &'a RwLock<T>) -> Self {
        ReadGuard(Reading::new(lock))
    }
}

impl<T> OwnedReadGuard<T> {
    pub(crate) fn new(lock: Rc<RwLock<T>>) -> Self {
        OwnedReadGuard(Reading::new(lock))
    }
}

impl<'a, T> WriteGuard<'a, T> {
    pub(crate) fn new(lock: &'a RwLock<T>) -> Self {
        WriteGuard(Writing::new(lock))
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
        ReadGuard(self.0.downgrade())
    }
}

impl<T> OwnedWriteGuard<T> {
    pub(crate) fn new(lock: Rc<RwLock<T>>) -> Self {
        OwnedWriteGuard(Writing::new(lock))
    }

    /// Turns the writer into a reader, as [`WriteGuard::downgrade`] does.
    pub fn downgrade(self) -> OwnedReadGuard<T> {
        OwnedReadGuard(self.0.downgrade())
    }
}

/// What both kinds of readers are.
struct Reading<T, P: Deref<Target = RwLock<T>>> {
    /// The value; `None` only in the destructor.
    value: Option<Rc<T>>,
    lock: P,
}

impl<T, P: Deref<Target = RwLock<T>>> Reading<T, P> {
    /// A guard for a caller who has the lock.
    fn new(lock: P) -> Self {
        Reading { value: Some(lock.share()), lock }
    }
}

impl<T, P: Deref<Target = RwLock<T>>> Drop for Reading<T, P> {
    fn drop(&mut self) {
        // The share first: a writer must have the value alone.
        self.value = None;
        self.lock.end_read();
    }
}

impl<T, P: Deref<Target = RwLock<T>>> Deref for Reading<T, P> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("it is here until the guard is dropped")
    }
}

/// What both kinds of writers are.
struct Writing<T, P: Deref<Target = RwLock<T>>> {
    /// The value, out of the lock while that is locked; `None` only in the destructor.
    value: Option<Rc<T>>,
    lock: P,
}

impl<T, P: Deref<Target = RwLock<T>> + Clone> Writing<T, P> {
    fn downgrade(mut self) -> Reading<T, P> {
        let lock = self.lock.clone();
        if let Some(value) = self.value.take() {
            lock.put_back(value);
        }
        // The share first: readers that come in run foreign code.
        let reading = Reading::new(lock);
        reading.lock.downgrade();
        reading
    }
}

impl<T, P: Deref<Target = RwLock<T>>> Writing<T, P> {
    /// A guard for a caller who has the lock.
    fn new(lock: P) -> Self {
        Writing { value: Some(lock.take()), lock }
    }
}

impl<T, P: Deref<Target = RwLock<T>>> Drop for Writing<T, P> {
    fn drop(&mut self) {
        // Without a value it has become a reader.
        if let Some(value) = self.value.take() {
            self.lock.put_back(value);
            self.lock.end_write();
        }
    }
}

impl<T, P: Deref<Target = RwLock<T>>> Deref for Writing<T, P> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("it is here until the guard is dropped")
    }
}

impl<T, P: Deref<Target = RwLock<T>>> DerefMut for Writing<T, P> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().and_then(Rc::get_mut).expect(LEAKED)
    }
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Deref for OwnedReadGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Deref for WriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for WriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> Deref for OwnedWriteGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for OwnedWriteGuard<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for ReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadGuard").field(&**self).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for OwnedReadGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedReadGuard").field(&**self).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for WriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteGuard").field(&**self).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for OwnedWriteGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedWriteGuard").field(&**self).finish()
    }
}
