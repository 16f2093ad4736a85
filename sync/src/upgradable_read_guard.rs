//! A reader who may become a writer.

use crate::{
    guard_traits::guard_traits,
    raw::guarded::{Part, Stays},
    read_guard::{OwnedReadGuard, ReadGuard},
    rw_lock::{Reading, RwLock, UpgradablyReading},
    turns::{HasTurns, Turn, TurnsOf},
    write_guard::{OwnedWriteGuard, WriteGuard},
};
use std::rc::Rc;

impl<T: ?Sized> RwLock<T> {
    /// Waits for its turn to read, and perhaps to write then: async-lock's `upgradable_read`. Many may read at the same time, but one of them only is
    /// upgradable.
    ///
    /// Cancel-safe as [`read`](Self::read). A second one in one task waits for ever, as does one in a task that writes: the first one must end before.
    ///
    /// ```
    /// use evenkeel::sync::RwLock;
    ///
    /// # futures::executor::block_on(async {
    /// let cache = RwLock::new(None);
    /// let value = cache.upgradable_read().await;
    /// if value.is_none() {
    ///     // Nobody has written meanwhile, and nobody comes in between.
    ///     *value.upgrade().await = Some("made");
    /// }
    /// assert_eq!(*cache.read().await, Some("made"));
    /// # });
    /// ```
    pub fn upgradable_read(&self) -> impl Future<Output = UpgradableReadGuard<'_, T>> + Unpin {
        TurnsOf(self).wait(Turn::UpgradableRead).then(|lock, _| UpgradableReadGuard::new(lock.0))
    }

    /// Waits as [`upgradable_read`](Self::upgradable_read) does, for a guard that outlives the borrow. The future has a share of the lock, too.
    pub fn upgradable_read_owned(
        self: &Rc<Self>,
    ) -> impl Future<Output = OwnedUpgradableReadGuard<T>> + Unpin + use<T> {
        TurnsOf(self.clone()).wait(Turn::UpgradableRead).then(|lock, _| OwnedUpgradableReadGuard::new(lock.0))
    }

    /// Reads upgradably if nobody writes, no other reader is upgradable, and nobody waits.
    pub fn try_upgradable_read(&self) -> Option<UpgradableReadGuard<'_, T>> {
        self.turns().take_now(Turn::UpgradableRead).then(|| UpgradableReadGuard::new(self))
    }

    /// Reads as [`try_upgradable_read`](Self::try_upgradable_read) does, for a guard that outlives the borrow.
    pub fn try_upgradable_read_owned(self: &Rc<Self>) -> Option<OwnedUpgradableReadGuard<T>> {
        self.turns().take_now(Turn::UpgradableRead).then(|| OwnedUpgradableReadGuard::new(self.clone()))
    }
}

/// A reader's share of an [`RwLock`] who may [become a writer](Self::upgrade). Dropping it ends the reading. Made by [`RwLock::upgradable_read`].
///
/// There is one at a time; other readers may come and go beside it. It is not mapped to a part of the value, since it may have to write all of it:
/// [`downgrade`](Self::downgrade) it before, or [`upgrade`](Self::upgrade) it.
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct UpgradableReadGuard<'a, T: ?Sized>(Part<&'a RwLock<T>, T, UpgradablyReading>);

/// A reader's share of an [`RwLock`] who may [become a writer](Self::upgrade), that keeps the lock alive. Made by [`RwLock::upgradable_read_owned`].
#[must_use = "a guard that is dropped at once unlocks at once, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct OwnedUpgradableReadGuard<T: ?Sized>(Part<Rc<RwLock<T>>, T, UpgradablyReading>);

impl<'a, T: ?Sized> UpgradableReadGuard<'a, T> {
    /// A guard for a caller whose turn it is.
    fn new(lock: &'a RwLock<T>) -> Self {
        UpgradableReadGuard(Part::new(lock))
    }

    /// Turns the reader into a writer, when the others have ended who read now. No new reader is let in meanwhile, and nobody writes in between: this one
    /// goes before all who wait in line.
    ///
    /// A task that has a [`ReadGuard`] of the same lock meanwhile waits for itself, for ever: it drops that first.
    ///
    /// Cancel-safe: dropped before that, it ends the reading, and who was kept out by it alone comes in.
    pub fn upgrade(self) -> impl Future<Output = WriteGuard<'a, T>> + Unpin {
        let wait = TurnsOf(*self.0.keeper()).upgrade();
        let mut guard = Some(self);
        wait.then(move |_, _| match guard.take() {
            Some(guard) => WriteGuard::new(guard.0.give_back()),
            None => unreachable!("a wait has one output"),
        })
    }

    /// Turns the reader into a writer if nobody else reads.
    ///
    /// # Errors
    ///
    /// The reader as it was, if somebody else reads.
    ///
    /// ```
    /// let lock = evenkeel::sync::RwLock::new(1);
    /// let upgradable = lock.try_upgradable_read().unwrap();
    /// let reader = lock.try_read().unwrap();
    /// let upgradable = upgradable.try_upgrade().unwrap_err();
    /// drop(reader);
    /// *upgradable.try_upgrade().unwrap() = 2;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn try_upgrade(self) -> Result<WriteGuard<'a, T>, Self> {
        if self.0.keeper().turns().upgrade_now() { Ok(WriteGuard::new(self.0.give_back())) } else { Err(self) }
    }

    /// Turns the reader into one that is not upgradable, so that another one may be.
    pub fn downgrade(self) -> ReadGuard<'a, T> {
        ReadGuard::of(downgrade(self.0))
    }

    /// The lock whose guard this is.
    pub fn rw_lock(&self) -> &'a RwLock<T> {
        self.0.keeper()
    }
}

impl<T: ?Sized> OwnedUpgradableReadGuard<T> {
    /// A guard for a caller whose turn it is.
    fn new(lock: Rc<RwLock<T>>) -> Self {
        OwnedUpgradableReadGuard(Part::new(lock))
    }

    /// Turns the reader into a writer, as [`UpgradableReadGuard::upgrade`] does.
    pub fn upgrade(self) -> impl Future<Output = OwnedWriteGuard<T>> + Unpin {
        let wait = TurnsOf(self.0.keeper().clone()).upgrade();
        let mut guard = Some(self);
        wait.then(move |_, _| match guard.take() {
            Some(guard) => OwnedWriteGuard::new(guard.0.give_back()),
            None => unreachable!("a wait has one output"),
        })
    }

    /// Turns the reader into a writer if nobody else reads, as [`UpgradableReadGuard::try_upgrade`] does.
    ///
    /// # Errors
    ///
    /// The reader as it was, if somebody else reads.
    pub fn try_upgrade(self) -> Result<OwnedWriteGuard<T>, Self> {
        if self.0.keeper().turns().upgrade_now() { Ok(OwnedWriteGuard::new(self.0.give_back())) } else { Err(self) }
    }

    /// Turns the reader into one that is not upgradable, so that another one may be.
    pub fn downgrade(self) -> OwnedReadGuard<T> {
        OwnedReadGuard::of(downgrade(self.0))
    }

    /// The lock whose guard this is.
    pub fn rw_lock(&self) -> &Rc<RwLock<T>> {
        self.0.keeper()
    }
}

/// Makes a plain reader of an upgradable one, before others come in, who run foreign code.
fn downgrade<T: ?Sized, P: Stays<Target: HasTurns>>(part: Part<P, T, UpgradablyReading>) -> Part<P, T, Reading> {
    let part = part.with_mode::<Reading>();
    part.keeper().turns().downgrade();
    part
}

impl<'a, T: ?Sized> WriteGuard<'a, T> {
    /// Turns the writer into an upgradable reader. No writer comes in between; readers at the head of the line come in now.
    ///
    /// ```
    /// let lock = evenkeel::sync::RwLock::new(1);
    /// let mut value = lock.try_write().unwrap();
    /// *value = 2;
    /// let value = value.downgrade_to_upgradable();
    /// assert_eq!(*value + *lock.try_read().unwrap(), 4);
    /// *value.try_upgrade().unwrap() = 3;
    /// ```
    pub fn downgrade_to_upgradable(self) -> UpgradableReadGuard<'a, T> {
        let guard = UpgradableReadGuard::new(self.give_back());
        guard.0.keeper().turns().downgrade_to_upgradable();
        guard
    }
}

impl<T: ?Sized> OwnedWriteGuard<T> {
    /// Turns the writer into an upgradable reader, as [`WriteGuard::downgrade_to_upgradable`] does.
    pub fn downgrade_to_upgradable(self) -> OwnedUpgradableReadGuard<T> {
        let guard = OwnedUpgradableReadGuard::new(self.give_back());
        guard.0.keeper().turns().downgrade_to_upgradable();
        guard
    }
}

guard_traits!([T: ?Sized] UpgradableReadGuard<'_, T> => T);
guard_traits!([T: ?Sized] OwnedUpgradableReadGuard<T> => T);
