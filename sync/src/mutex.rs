//! One at a time.

use crate::{
    mutex_guard::{MutexGuard, OwnedMutexGuard},
    semaphore::{Acquiring, Semaphore},
    wait::{Attempt, Line, Wait},
    wait_queue::{WaitQueue, WaitStats},
};
use std::{cell::RefCell, fmt, marker::PhantomData, rc::Rc};

/// A value that one task at a time may use, also across its awaits: asyncio's `Lock`, which here holds what it protects.
///
/// On one thread a `RefCell` is enough for whatever does not await while it borrows. This is for the rest. The lock is handed
/// over in the order of asking. A panic of its holder unlocks it, and leaves the value as it is.
///
/// ```
/// use evenkeel_sync::Mutex;
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

    /// Locks the mutex, as soon as it is this one's turn.
    ///
    /// Cancel-safe: dropped in line it leaves the line; a lock that it had been given goes to the next one. Locking twice in
    /// one task waits for ever.
    #[inline]
    pub fn lock(&self) -> impl Future<Output = MutexGuard<'_, T>> + Unpin {
        Wait::<&Self, Locking<T>>::new(self, 1).then(|mutex, _| MutexGuard::new(mutex))
    }

    /// Locks the mutex if it is free and nobody waits.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.turn.attempt_now(1).ok().map(|_| MutexGuard::new(self))
    }

    /// Locks as [`lock`](Self::lock) does, for a guard that outlives the borrow: it can move into `'static` tasks.
    ///
    /// The value moves into the guard and back, which for large values takes time: put them into a `Box`.
    pub async fn lock_owned(self: &Rc<Self>) -> OwnedMutexGuard<T> {
        self.wait().await;
        OwnedMutexGuard::new(self.clone())
    }

    /// Locks as [`try_lock`](Self::try_lock) does, for a guard that outlives the borrow.
    pub fn try_lock_owned(self: &Rc<Self>) -> Option<OwnedMutexGuard<T>> {
        self.turn.attempt_now(1).ok().map(|_| OwnedMutexGuard::new(self.clone()))
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
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().as_mut().expect(LEAKED)
    }

    /// The mutex's value, without the mutex.
    ///
    /// # Panics
    ///
    /// As [`get_mut`](Self::get_mut).
    pub fn into_inner(self) -> T {
        self.value.into_inner().expect(LEAKED)
    }

    // ---- the guards' side

    /// Waits for the lock. The caller makes a guard of it before anything else happens.
    #[inline]
    pub(crate) async fn wait(&self) {
        // It is never closed, and has one permit.
        let _ = self.turn.wait(1).await;
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
struct Locking<T>(PhantomData<T>);

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
