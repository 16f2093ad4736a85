//! The read-write lock: many readers or one writer.

use crate::{
    semaphore::{Acquiring, Semaphore},
    wait::Wait,
    wait_queue::WaitStats,
};
use std::{cell::Cell, rc::Rc};

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
/// # Implementation notes
///
/// The lock is a [`Semaphore`] with all permits there can be: a reader takes one, a writer takes all. The value lies in an `Rc` of
/// which every reader has a clone, so that owned guards need nothing unsafe; a writer has it alone.
pub struct RwLock<T> {
    turns: Semaphore,
    /// The value; empty while a writer has it.
    value: Cell<Option<Rc<T>>>,
}

/// How many permits a writer takes: all.
const ALL: usize = usize::MAX;

impl<T> RwLock<T> {
    /// An unlocked value.
    pub fn new(value: T) -> RwLock<T> {
        RwLock { turns: Semaphore::named(ALL, "RwLock"), value: Cell::new(Some(Rc::new(value))) }
    }

    /// How many wait, readers and writers.
    pub fn waiting(&self) -> usize {
        self.turns.waiting()
    }

    /// What the lock's line has seen so far.
    pub fn stats(&self) -> WaitStats {
        self.turns.stats()
    }

    /// The lock's value. No lock is needed, since nobody else has a reference.
    ///
    /// # Panics
    ///
    /// If a guard was leaked with [`std::mem::forget`].
    #[track_caller]
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().as_mut().and_then(Rc::get_mut).expect(LEAKED)
    }

    /// The lock's value, without the lock.
    ///
    /// # Panics
    ///
    /// As [`get_mut`](Self::get_mut).
    #[track_caller]
    pub fn into_inner(self) -> T {
        self.value.into_inner().and_then(|value| Rc::try_unwrap(value).ok()).expect(LEAKED)
    }

    // ---- the guards' side

    /// Waits for its turn to read, and is never refused: the semaphore is not closed, and has all permits there can be. The caller
    /// makes a guard of it before anything else happens.
    pub(crate) fn wait_to_read(&self) -> Wait<&Semaphore, Acquiring> {
        self.turns.wait(1)
    }

    /// Waits for its turn to write, and is never refused. The caller makes a guard of it before anything else happens.
    pub(crate) fn wait_to_write(&self) -> Wait<&Semaphore, Acquiring> {
        self.turns.wait(ALL)
    }

    /// Lets a reader in if nobody writes and nobody waits. The caller makes a guard of it.
    pub(crate) fn read_now(&self) -> bool {
        self.turns.attempt_now(1).is_ok()
    }

    /// Lets a writer in if nobody else has it and nobody waits. The caller makes a guard of it.
    pub(crate) fn write_now(&self) -> bool {
        self.turns.attempt_now(ALL).is_ok()
    }

    /// The value for a reader, who shares it.
    pub(crate) fn share(&self) -> Rc<T> {
        let value = self.value.take().expect(LEAKED);
        self.value.set(Some(value.clone()));
        value
    }

    /// The value for a writer, who takes it out.
    pub(crate) fn take(&self) -> Rc<T> {
        self.value.take().expect(LEAKED)
    }

    pub(crate) fn put_back(&self, value: Rc<T>) {
        self.value.set(Some(value));
    }

    pub(crate) fn end_read(&self) {
        self.turns.release(1);
    }

    pub(crate) fn end_write(&self) {
        self.turns.release(ALL);
    }

    /// A writer stays as a reader: nobody can come in between.
    pub(crate) fn downgrade(&self) {
        self.turns.release(ALL - 1);
    }
}

pub(crate) const LEAKED: &str = "the value is not free: a guard was leaked with mem::forget";

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
