//! The timer: the time, as an executor gives it.

use std::{rc::Rc, time::Duration};

/// A source of time. This crate has none of its own, so that it works under every executor: implement this for yours.
///
/// Points in time are distances from an origin of the timer's choice. They should not go back; nothing worse happens then than
/// that somebody waits longer. [`RateLimiter::with_timer`](crate::RateLimiter::with_timer) and
/// [`AdaptiveLimiter::with_timer`](crate::AdaptiveLimiter::with_timer) take one.
///
/// ```
/// use evenkeel::sync::Timer;
/// use std::{cell::Cell, future::{Ready, ready}, rc::Rc, time::Duration};
///
/// /// Time that jumps to wherever somebody waits for.
/// #[derive(Clone, Default)]
/// struct Jumping(Rc<Cell<Duration>>);
///
/// impl Timer for Jumping {
///     type Sleep = Ready<()>;
///
///     fn now(&self) -> Duration {
///         self.0.get()
///     }
///
///     fn sleep_until(&self, at: Duration) -> Ready<()> {
///         self.0.set(at.max(self.0.get()));
///         ready(())
///     }
/// }
///
/// let time = Jumping::default();
/// futures::executor::block_on(time.sleep_until(Duration::from_secs(3)));
/// assert_eq!(time.now(), Duration::from_secs(3));
/// ```
pub trait Timer {
    /// The future of [`sleep_until`](Self::sleep_until).
    type Sleep: Future<Output = ()>;

    /// The present time.
    fn now(&self) -> Duration;

    /// Waits until the time is `at`, or a little longer.
    fn sleep_until(&self, at: Duration) -> Self::Sleep;
}

impl<C: Timer + ?Sized> Timer for &C {
    type Sleep = C::Sleep;

    fn now(&self) -> Duration {
        C::now(self)
    }

    fn sleep_until(&self, at: Duration) -> Self::Sleep {
        C::sleep_until(self, at)
    }
}

impl<C: Timer + ?Sized> Timer for Rc<C> {
    type Sleep = C::Sleep;

    fn now(&self) -> Duration {
        C::now(self)
    }

    fn sleep_until(&self, at: Duration) -> Self::Sleep {
        C::sleep_until(self, at)
    }
}
