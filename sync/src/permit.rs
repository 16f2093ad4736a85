//! Permits: how they are taken, and what is held of a semaphore.

use crate::{
    closed::Closed,
    semaphore::{AcquireError, Semaphore, TryAcquireError},
};
use std::{fmt, ops::Deref, rc::Rc};

impl Semaphore {
    /// Takes a permit, as soon as it is this one's turn.
    ///
    /// Cancel-safe: dropped in line it leaves the line; a permit that it had been given goes to the next one.
    ///
    /// # Errors
    ///
    /// [`Closed`] once the semaphore was closed, also for those who wait already.
    #[inline]
    pub fn acquire(&self) -> impl Future<Output = Result<Permit<'_>, Closed>> + Unpin {
        self.wait(1).then(|semaphore, outcome| match outcome {
            Ok(count) => Ok(Permit::new(semaphore, count)),
            Err(_) => Err(Closed),
        })
    }

    /// Takes `count` permits at once. Zero permits are had without waiting.
    ///
    /// Cancel-safe as [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// [`AcquireError::TooMany`] if there are not so many in all, [`AcquireError::Closed`] once the semaphore was closed.
    #[inline]
    pub fn acquire_many(&self, count: usize) -> impl Future<Output = Result<Permit<'_>, AcquireError>> + Unpin {
        self.wait(count).then(|semaphore, outcome| match outcome {
            Ok(count) => semaphore.granted(count).map(|count| Permit::new(semaphore, count)),
            Err(asked) => Err(semaphore.why_never(asked)),
        })
    }

    /// Takes permits as [`acquire`](Self::acquire) does, for guards that outlive the borrow: they can move into `'static` tasks. The future has a
    /// share of the semaphore, too. It is async-lock's `acquire_arc`.
    ///
    /// # Errors
    ///
    /// [`Closed`] once the semaphore was closed.
    ///
    /// ```
    /// use evenkeel::sync::Semaphore;
    /// use std::rc::Rc;
    ///
    /// let semaphore = Rc::new(Semaphore::new(1));
    /// let acquired = semaphore.clone().acquire_owned();
    /// evenkeel::run(async {
    ///     let permit = evenkeel::spawn(acquired).await.unwrap().unwrap();
    ///     assert!(semaphore.is_locked());
    ///     drop(permit);
    /// });
    /// assert!(!semaphore.is_locked());
    /// ```
    pub fn acquire_owned(self: &Rc<Self>) -> impl Future<Output = Result<OwnedPermit, Closed>> + Unpin + use<> {
        self.wait_owned(1).then(|semaphore, outcome| match outcome {
            Ok(count) => Ok(OwnedPermit::new(semaphore, count)),
            Err(_) => Err(Closed),
        })
    }

    /// Takes permits as [`acquire_many`](Self::acquire_many) does, for guards that outlive the borrow. The future has a share of the semaphore, too.
    ///
    /// # Errors
    ///
    /// The errors of [`acquire_many`](Self::acquire_many).
    pub fn acquire_many_owned(
        self: &Rc<Self>,
        count: usize,
    ) -> impl Future<Output = Result<OwnedPermit, AcquireError>> + Unpin + use<> {
        self.wait_owned(count).then(|semaphore, outcome| match outcome {
            Ok(count) => semaphore.granted(count).map(|count| OwnedPermit::new(semaphore, count)),
            Err(asked) => Err(semaphore.why_never(asked)),
        })
    }

    /// Takes a permit if one is free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError::NoPermits`] if there is none now, otherwise those of [`acquire_many`](Self::acquire_many).
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `count` permits if they are free and nobody waits.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    #[inline]
    pub fn try_acquire_many(&self, count: usize) -> Result<Permit<'_>, TryAcquireError> {
        self.attempt_now(count).map(|count| Permit::new(self, count))
    }

    /// Takes a permit as [`try_acquire`](Self::try_acquire) does, for a guard that outlives the borrow.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_owned(self: &Rc<Self>) -> Result<OwnedPermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// Takes `count` permits as [`try_acquire_many`](Self::try_acquire_many) does, for a guard that outlives the borrow.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_many_owned(self: &Rc<Self>, count: usize) -> Result<OwnedPermit, TryAcquireError> {
        self.attempt_now(count).map(|count| OwnedPermit::new(self.clone(), count))
    }
}

/// Permits of a [`Semaphore`], returned when this is dropped.
#[must_use = "a permit that is dropped at once is returned at once, and `let _ = …` drops it: bind it to a name, as in `let _permit = …`"]
pub struct Permit<'a>(Held<&'a Semaphore>);

/// Permits of a [`Semaphore`] that keep it alive: they can move into `'static` tasks. Made by
/// [`Semaphore::acquire_owned`].
///
/// ```
/// use evenkeel::sync::Semaphore;
/// use std::rc::Rc;
///
/// let semaphore = Rc::new(Semaphore::new(1));
/// let permit = semaphore.try_acquire_owned().unwrap();
/// let job = async move {
///     // … work …
///     drop(permit);
/// };
/// assert!(semaphore.is_locked());
/// futures::executor::block_on(job);
/// assert!(!semaphore.is_locked());
/// ```
#[must_use = "a permit that is dropped at once is returned at once, and `let _ = …` drops it: bind it to a name, as in `let _permit = …`"]
pub struct OwnedPermit(Held<Rc<Semaphore>>);

impl<'a> Permit<'a> {
    #[inline]
    pub(crate) fn new(semaphore: &'a Semaphore, count: usize) -> Permit<'a> {
        Permit(Held { semaphore, count })
    }

    /// How many permits this guard holds: tokio's `num_permits`.
    pub fn count(&self) -> usize {
        self.0.count
    }

    /// Takes these permits out of the world: the semaphore has so many less from now on. If more are out than there
    /// [are to be](Semaphore::set_total_permits), these count as come back first.
    ///
    /// Requests in line that ask for more than is left are refused, see [`Semaphore`].
    pub fn forget(mut self) {
        self.0.forget();
    }

    /// Moves `count` permits to a guard of their own. `None` if there are fewer here.
    ///
    /// ```
    /// let semaphore = evenkeel::sync::Semaphore::new(5);
    /// let mut permit = semaphore.try_acquire_many(5).unwrap();
    /// let two = permit.split(2).unwrap();
    /// drop(permit);
    /// assert_eq!((semaphore.available_permits(), two.count()), (3, 2));
    /// ```
    pub fn split(&mut self, count: usize) -> Option<Permit<'a>> {
        self.0.split(count).map(Permit)
    }

    /// Takes over the permits of another guard.
    ///
    /// # Panics
    ///
    /// If they are of another semaphore.
    #[track_caller]
    pub fn merge(&mut self, other: Permit<'a>) {
        self.0.merge(other.0);
    }

    /// The semaphore whose permits these are.
    pub fn semaphore(&self) -> &'a Semaphore {
        self.0.semaphore
    }
}

impl OwnedPermit {
    pub(crate) fn new(semaphore: Rc<Semaphore>, count: usize) -> OwnedPermit {
        OwnedPermit(Held { semaphore, count })
    }

    /// How many permits this guard holds.
    pub fn count(&self) -> usize {
        self.0.count
    }

    /// Takes these permits out of the world, as [`Permit::forget`] does.
    pub fn forget(mut self) {
        self.0.forget();
    }

    /// Moves `count` permits to a guard of their own, as [`Permit::split`] does.
    pub fn split(&mut self, count: usize) -> Option<OwnedPermit> {
        self.0.split(count).map(OwnedPermit)
    }

    /// Takes over the permits of another guard, as [`Permit::merge`] does.
    ///
    /// # Panics
    ///
    /// If they are of another semaphore.
    #[track_caller]
    pub fn merge(&mut self, other: OwnedPermit) {
        self.0.merge(other.0);
    }

    /// The semaphore whose permits these are.
    pub fn semaphore(&self) -> &Rc<Semaphore> {
        &self.0.semaphore
    }
}

/// What both kinds of permits are: a count, and the way to the semaphore.
struct Held<P: Deref<Target = Semaphore>> {
    semaphore: P,
    count: usize,
}

impl<P: Deref<Target = Semaphore> + Clone> Held<P> {
    fn split(&mut self, count: usize) -> Option<Self> {
        self.count = self.count.checked_sub(count)?;
        Some(Held { semaphore: self.semaphore.clone(), count })
    }

    #[track_caller]
    fn merge(&mut self, mut other: Self) {
        assert!(std::ptr::eq(&*self.semaphore, &*other.semaphore), "permits of two semaphores cannot be merged");
        self.count += std::mem::take(&mut other.count);
    }
}

impl<P: Deref<Target = Semaphore>> Held<P> {
    fn forget(&mut self) {
        self.semaphore.forget(std::mem::take(&mut self.count));
    }
}

impl<P: Deref<Target = Semaphore>> Drop for Held<P> {
    #[inline]
    fn drop(&mut self) {
        self.semaphore.release(self.count);
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.count()).finish()
    }
}

impl fmt::Debug for OwnedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedPermit").field(&self.count()).finish()
    }
}
