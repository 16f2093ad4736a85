//! The mutex: one at a time.

use crate::{
    semaphore::{Acquiring, Semaphore},
    wait::{Attempt, Line, Wait},
    wait_queue::{WaitQueue, WaitStats},
};
use std::{cell::RefCell, marker::PhantomData};

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
    /// A semaphore of one permit: the lock.
    turn: Semaphore,
    /// The value; empty while an owned guard has it with it.
    value: RefCell<Option<T>>,
}

impl<T> Mutex<T> {
    /// An unlocked mutex.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex { turn: Semaphore::named(1, "Mutex::lock"), value: RefCell::new(Some(value)) }
    }

    /// Is the mutex locked?
    pub fn is_locked(&self) -> bool {
        self.turn.is_locked()
    }

    /// How many wait for the lock.
    pub fn waiting(&self) -> usize {
        self.turn.waiting()
    }

    /// What the mutex's line has seen so far.
    pub fn stats(&self) -> WaitStats {
        self.turn.stats()
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

    /// Waits for the lock, and is never refused: the semaphore is not closed, and has one permit. The caller makes a guard of it before
    /// anything else happens.
    #[inline]
    pub(crate) fn wait(&self) -> Wait<&Self, Locking<T>> {
        Wait::new(self, 1)
    }

    /// Takes the lock if it is free and nobody waits. The caller makes a guard of it.
    #[inline]
    pub(crate) fn take_now(&self) -> bool {
        self.turn.attempt_now(1).is_ok()
    }

    #[inline]
    pub(crate) fn unlock(&self) {
        self.turn.release(1);
    }

    #[inline]
    pub(crate) fn value(&self) -> &RefCell<Option<T>> {
        &self.value
    }
}

/// The rules of the line for the lock: those of its one permit.
pub(crate) struct Locking<T>(PhantomData<T>);

impl<T> Line for Locking<T> {
    type Owner = Mutex<T>;
    type Request = usize;
    type Grant = usize;

    #[inline]
    fn queue(mutex: &Mutex<T>) -> &WaitQueue<usize, usize> {
        Acquiring::queue(&mutex.turn)
    }

    #[inline]
    fn attempt(mutex: &Mutex<T>, permits: usize) -> Attempt<usize, usize> {
        Acquiring::attempt(&mutex.turn, permits)
    }

    fn serve(mutex: &Mutex<T>) {
        Acquiring::serve(&mutex.turn);
    }

    fn give_back(mutex: &Mutex<T>, permits: usize) {
        Acquiring::give_back(&mutex.turn, permits);
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
