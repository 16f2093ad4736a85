//! The timer: the time, as an executor gives it.

use std::{rc::Rc, time::Duration};

/// A source of time. This crate has none of its own, so that it works under every executor: implement this for yours.
///
/// Points in time are distances from an origin of the timer's choice. They should not go back; nothing worse happens then than
/// that somebody waits longer.
///
/// ```
/// use evenkeel_sync::{RateLimiter, Timer};
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
/// let limiter = RateLimiter::with_timer(10, Duration::from_secs(1), time.clone());
/// futures::executor::block_on(async {
///     for _ in 0..25 {
///         limiter.acquire(1).await;
///     }
/// });
/// assert_eq!(time.now(), Duration::from_millis(1500)); // ten at once, then one each 100 ms
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
