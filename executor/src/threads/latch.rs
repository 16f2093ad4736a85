//! A lock that is held for a moment, in which nothing foreign runs.

#[cfg(loom)]
use loom::sync::{Mutex as Inner, MutexGuard as InnerGuard};
#[cfg(not(loom))]
use spin::mutex::{SpinMutex as Inner, SpinMutexGuard as InnerGuard};
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A lock for what mostly takes a few instructions, and happens for each item that is sent. Nothing foreign runs while it is held. (Some
/// of it takes longer, a queue that grows, say.)
///
/// To let it go is a plain store. (A lock that others sleep on has to ask whether anybody does, which is half of what it costs.) So who
/// finds it taken looks again. Mostly it is free a moment later. Otherwise the system has taken the core from who holds it: others are
/// let run then, and after that this thread sleeps, for longer each time, so that it is out of the way also where it has the higher
/// priority.
pub(crate) struct Latch<T>(Inner<T>);

/// While this lives, the lock is held.
pub(crate) type Latched<'a, T> = InnerGuard<'a, T>;

impl<T> Latch<T> {
    pub(crate) fn new(value: T) -> Latch<T> {
        Latch(Inner::new(value))
    }
}

// No panic leaves what lies in it half done: it could only begin in foreign code, and none runs while the lock is held.
impl<T> UnwindSafe for Latch<T> {}
impl<T> RefUnwindSafe for Latch<T> {}

#[cfg(not(loom))]
impl<T> Latch<T> {
    #[inline(always)]
    pub(crate) fn lock(&self) -> Latched<'_, T> {
        match self.0.try_lock() {
            Some(latched) => latched,
            None => self.wait(),
        }
    }

    #[cold]
    fn wait(&self) -> Latched<'_, T> {
        use std::{hint, thread, time::Duration};
        /// Pauses that double; then so many times others may run; then sleeps, in microseconds, that double up to that power of two.
        const PAUSES: u32 = 7;
        const YIELDS: u32 = 8;
        const LONGEST: u32 = 10;
        let mut looks = 0;
        loop {
            match looks {
                0..PAUSES => (0..1 << looks).for_each(|_| hint::spin_loop()),
                _ if looks < PAUSES + YIELDS => thread::yield_now(),
                _ => thread::sleep(Duration::from_micros(1 << (looks - PAUSES - YIELDS).min(LONGEST))),
            }
            looks += 1;
            if let Some(latched) = self.0.try_lock() {
                return latched;
            }
        }
    }
}

#[cfg(loom)]
impl<T> Latch<T> {
    pub(crate) fn lock(&self) -> Latched<'_, T> {
        self.0.lock().expect("nothing in a critical section panics")
    }
}
