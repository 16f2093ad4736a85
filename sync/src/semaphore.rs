//! The semaphore: a number of permits, and a fair line for them.

use crate::{
    closed::Closed,
    wait::{Attempt, Line, Wait},
    wait_queue::{WaitQueue, WaitStats},
};
use std::{cell::Cell, fmt, rc::Rc};

/// Lets only so many in at a time: asyncio's `Semaphore`, with guards.
///
/// A [`Permit`](crate::Permit) is returned when it is dropped, so nobody can return more than was taken (asyncio needs a
/// `BoundedSemaphore` for that). Permits are handed over in the order of asking; who asks for many is not overtaken by those
/// who ask for few.
///
/// ```
/// use evenkeel::sync::Semaphore;
/// use futures::future::join_all;
/// use std::cell::Cell;
///
/// let connections = Semaphore::new(3);
/// let open = Cell::new(0);
/// let most = Cell::new(0);
/// let work = async || {
///     let _permit = connections.acquire().await.unwrap();
///     open.set(open.get() + 1);
///     most.set(most.get().max(open.get()));
///     # let mut first = true;
///     # std::future::poll_fn(|cx| {
///     #     cx.waker().wake_by_ref();
///     #     if std::mem::take(&mut first) { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
///     # }).await;
///     // … use a connection …
///     open.set(open.get() - 1);
/// };
/// futures::executor::block_on(join_all((0..10).map(|_| work())));
/// assert_eq!(most.get(), 3);
/// ```
///
/// # How many permits there are
///
/// [`total_permits`](Self::total_permits) says how many there are in all, free and taken. It grows by [`add_permits`](Self::add_permits), and shrinks
/// by [`Permit::forget`](crate::Permit::forget) and by [`forget_permits`](Self::forget_permits), which takes free ones only.
/// [`set_total_permits`](Self::set_total_permits) says how many there are to be from now on: if more than that are out, the surplus is swallowed as
/// it comes back.
///
/// # What can never succeed
///
/// A request for more permits than there are in all would wait for ever: it is
/// [`TooMany`](AcquireError::TooMany) at once, and so are those in line when their wish becomes impossible as there are fewer permits. A request for one permit is never refused, also if there is none: a semaphore of zero is a gate that
/// somebody will open with [`add_permits`](Self::add_permits). Where permits come one by one and somebody waits for many of
/// them, say so: a [`growing`](Self::growing) semaphore refuses nothing.
pub struct Semaphore {
    free: Cell<usize>,
    /// The permits that there are, or will be when the surplus has come back.
    total: Cell<usize>,
    /// How many permits are out above the total. None is free then.
    surplus: Cell<usize>,
    /// The largest request that is not refused; nothing, once the semaphore is closed.
    largest: Cell<usize>,
    growing: bool,
    queue: WaitQueue<usize, usize>,
}

/// Why there is no permit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// [`Semaphore::close`] was called.
    #[error("the semaphore is closed: no permit will be given any more")]
    Closed,
    /// There are not so many permits at all: or there were not, since somebody in line is refused when the permits become too few, which
    /// [`add_permits`](Semaphore::add_permits) later does not undo.
    #[error(
        "{asked} permits of a semaphore that has {total} in all: ask for fewer, or make it with Semaphore::growing if \
         permits are added later"
    )]
    TooMany {
        /// How many permits were asked for.
        asked: usize,
        /// How many permits there are in all when the error is made: by `try_acquire…` at once, and by a future when it is polled. For one that was
        /// refused in line and polled later this may be more than was asked for, if permits were added meanwhile.
        total: usize,
    },
}

/// Why there is no permit right now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TryAcquireError {
    /// Too few permits are free, or others wait.
    #[error("no permit is free now: await acquire(), or turn the work away")]
    NoPermits,
    /// There will never be any permit, for one of the reasons in [`AcquireError`].
    #[error(transparent)]
    Never(#[from] AcquireError),
}

impl From<AcquireError> for Closed {
    fn from(_: AcquireError) -> Closed {
        Closed
    }
}

impl Semaphore {
    /// The most permits that a semaphore can have: tokio's `MAX_PERMITS`, and here all that a number can say.
    pub const MAX_PERMITS: usize = usize::MAX;

    /// A semaphore of so many permits. `usize::MAX` is as good as no bound; with zero, somebody has to add some.
    pub const fn new(permits: usize) -> Semaphore {
        Semaphore::named(permits, "Semaphore::acquire")
    }

    /// A semaphore of so many permits for now. More will be [added](Self::add_permits), so no request is refused because there are too few.
    ///
    /// ```
    /// use evenkeel::sync::Semaphore;
    ///
    /// let done = Semaphore::growing(0);
    /// futures::executor::block_on(async {
    ///     let (all, _, _) = futures::join!(
    ///         done.acquire_many(2),
    ///         async { done.add_permits(1) },
    ///         async { done.add_permits(1) },
    ///     );
    ///     assert_eq!(all.unwrap().count(), 2);
    /// });
    /// ```
    pub const fn growing(permits: usize) -> Semaphore {
        let mut semaphore = Semaphore::new(permits);
        semaphore.growing = true;
        semaphore.largest = Cell::new(usize::MAX);
        semaphore
    }

    pub(crate) const fn named(permits: usize, what: &'static str) -> Semaphore {
        Semaphore {
            free: Cell::new(permits),
            total: Cell::new(permits),
            surplus: Cell::new(0),
            largest: Cell::new(if permits == 0 { 1 } else { permits }),
            growing: false,
            queue: WaitQueue::new(what),
        }
    }

    /// Adds permits, and serves those who wait.
    ///
    /// # Panics
    ///
    /// If that would make more than `usize::MAX`.
    #[track_caller]
    pub fn add_permits(&self, count: usize) {
        let total = self.total.get().checked_add(count).expect("a semaphore has at most usize::MAX permits");
        self.set_total(total);
        self.release(count);
    }

    /// Takes up to `count` free permits out of the world, and returns how many these were: tokio's `forget_permits`. The semaphore has so many less
    /// from now on.
    ///
    /// Permits that are out stay valid. Requests in line that ask for more than is left are refused, see [`Semaphore`].
    ///
    /// ```
    /// use evenkeel::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(3);
    /// let permit = semaphore.try_acquire().unwrap();
    /// assert_eq!(semaphore.forget_permits(5), 2);
    /// assert_eq!((semaphore.available_permits(), semaphore.total_permits()), (0, 1));
    /// drop(permit);
    /// assert_eq!(semaphore.available_permits(), 1);
    /// ```
    pub fn forget_permits(&self, count: usize) -> usize {
        let count = count.min(self.free.get());
        self.free.set(self.free.get() - count);
        self.shrink(count);
        count
    }

    /// Says how many permits there are to be from now on, as Trio's `total_tokens` does.
    ///
    /// More: those who wait are served. Fewer: free ones go at once, and permits that are out stay valid and are swallowed as they come back, or are
    /// [forgotten](crate::Permit::forget), until no more than `total` are left. Requests in line that ask for more than `total` are refused,
    /// see [`Semaphore`].
    ///
    /// ```
    /// use evenkeel::sync::Semaphore;
    ///
    /// let connections = Semaphore::new(3);
    /// let (one, two) = (connections.try_acquire().unwrap(), connections.try_acquire().unwrap());
    /// connections.set_total_permits(1);
    /// assert_eq!((connections.available_permits(), connections.total_permits()), (0, 1));
    /// drop(one);
    /// assert!(connections.try_acquire().is_err());
    /// drop(two);
    /// assert!(connections.try_acquire().is_ok());
    /// ```
    pub fn set_total_permits(&self, total: usize) {
        let before = self.total.get();
        if total >= before {
            self.set_total(total);
            return self.release(total - before);
        }
        let less = before - total;
        let free = self.free.get();
        self.free.set(free.saturating_sub(less));
        self.surplus.set(self.surplus.get() + less.saturating_sub(free));
        self.shrink(less);
    }

    /// Ends the semaphore: who waits and who comes gets an error. Permits that are out stay valid.
    pub fn close(&self) {
        self.largest.set(0);
        self.queue.refuse_all();
        self.queue.wake();
    }

    /// Was the semaphore closed?
    pub fn is_closed(&self) -> bool {
        self.largest.get() == 0
    }

    /// How many permits are free.
    pub fn available_permits(&self) -> usize {
        self.free.get()
    }

    /// How many permits there are, free and taken. After [`set_total_permits`](Self::set_total_permits) more may be out for a while.
    pub fn total_permits(&self) -> usize {
        self.total.get()
    }

    /// Would [`acquire`](Self::acquire) wait: are no permits free, or are others in line? asyncio's `locked()`.
    pub fn is_locked(&self) -> bool {
        self.free.get() == 0 || !self.queue.is_empty()
    }

    /// How many wait for permits.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What the semaphore's line has seen so far.
    pub fn stats(&self) -> WaitStats {
        self.queue.stats()
    }

    // ---- the crate's side

    #[inline]
    pub(crate) fn wait(&self, count: usize) -> Wait<&Semaphore, Acquiring> {
        Wait::new(self, count)
    }

    pub(crate) fn wait_owned(self: &Rc<Self>, count: usize) -> Wait<Rc<Semaphore>, Acquiring> {
        Wait::new(self.clone(), count)
    }

    #[inline]
    pub(crate) fn attempt_now(&self, count: usize) -> Result<usize, TryAcquireError> {
        match Acquiring::attempt(self, count) {
            Attempt::Granted(count) => self.granted(count).map_err(Into::into),
            Attempt::Refused(asked) => Err(self.why_never(asked).into()),
            Attempt::Wait(_) => Err(TryAcquireError::NoPermits),
        }
    }

    /// What comes of a grant that may be one of no permits. That is no request too large, also if the semaphore is closed.
    #[inline]
    pub(crate) fn granted(&self, count: usize) -> Result<usize, AcquireError> {
        if count == 0 && self.is_closed() { Err(AcquireError::Closed) } else { Ok(count) }
    }

    /// Takes permits back: they go to those who wait.
    #[inline]
    pub(crate) fn release(&self, count: usize) {
        let mut count = count;
        if self.surplus.get() > 0 {
            count = self.swallow(count);
        }
        self.free.set(self.free.get() + count);
        if !self.queue.is_empty() {
            self.hand_out();
        }
    }

    /// Takes what is out above the total out of permits that come back. Returns how many are left.
    #[cold]
    fn swallow(&self, count: usize) -> usize {
        let swallowed = count.min(self.surplus.get());
        self.surplus.set(self.surplus.get() - swallowed);
        count - swallowed
    }

    /// Serves the line and wakes it. It is kept out of `release`, which is all that an uncontended permit needs.
    #[inline(never)]
    fn hand_out(&self) {
        self.queue.serve(|asked| self.take_free(asked));
    }

    /// Takes so many permits for the first in line, if they are free. Only ever for the first: a large request is not overtaken by small ones
    /// that would fit.
    #[inline(always)]
    fn take_free(&self, asked: usize) -> Option<usize> {
        self.free.set(self.free.get().checked_sub(asked)?);
        Some(asked)
    }

    /// Counts permits out that will not come back. A surplus is what goes first.
    pub(crate) fn forget(&self, count: usize) {
        self.shrink(self.swallow(count));
    }

    /// Has so many permits less, which are neither free nor out, and refuses whose wish is impossible now.
    fn shrink(&self, count: usize) {
        let before = self.largest.get();
        self.set_total(self.total.get() - count);
        // Otherwise nobody in line asks for more than it was: there is no need to look.
        let has_fallen = self.largest.get() < before;
        if has_fallen && self.queue.refuse(|asked| asked > self.largest.get()) > 0 {
            self.hand_out();
        }
    }

    fn set_total(&self, total: usize) {
        self.total.set(total);
        if !self.is_closed() && !self.growing {
            self.largest.set(total.max(1));
        }
    }

    #[cold]
    pub(crate) fn why_never(&self, asked: usize) -> AcquireError {
        if self.is_closed() { AcquireError::Closed } else { AcquireError::TooMany { asked, total: self.total.get() } }
    }
}

/// The rules of the line for permits. The request is how many, and so is the grant.
pub(crate) struct Acquiring;

impl Line for Acquiring {
    type Owner = Semaphore;
    type Request = usize;
    type Grant = usize;

    #[inline]
    fn queue(semaphore: &Semaphore) -> &WaitQueue<usize, usize> {
        &semaphore.queue
    }

    #[inline]
    fn attempt(semaphore: &Semaphore, asked: usize) -> Attempt<usize, usize> {
        let free = semaphore.free.get();
        if asked > semaphore.largest.get() {
            Attempt::Refused(asked)
        } else if asked <= free && (semaphore.queue.is_empty() || asked == 0) {
            semaphore.free.set(free - asked);
            Attempt::Granted(asked)
        } else {
            Attempt::Wait(asked)
        }
    }

    #[inline]
    fn serve(semaphore: &Semaphore) {
        while let Some(asked) = semaphore.queue.front().and_then(|asked| semaphore.take_free(asked)) {
            let _ = semaphore.queue.grant(asked);
        }
    }

    fn give_back(semaphore: &Semaphore, granted: usize) {
        semaphore.release(granted);
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .field("total_permits", &self.total_permits())
            .field("waiting", &self.waiting())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}
