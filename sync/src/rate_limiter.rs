//! The rate limiter: so many in a time, by a token bucket.

use crate::{semaphore::Semaphore, timer::Timer};
use evenkeel_coop::consume_budget;
use std::{cell::Cell, fmt, time::Duration};

/// Lets through `n` per period on average, and at most a *burst* at once: a token bucket.
///
/// The bucket holds `n` tokens at first (another number with [`burst`](Self::burst)), is filled again evenly, and
/// never holds more. Who asks for tokens is served in order; only the first in line waits for time to pass.
///
/// The limiter bounds how often something begins, not how much goes on at a time: that is a
/// [`Semaphore`]'s or an [`AdaptiveLimiter`](crate::AdaptiveLimiter)'s business.
///
/// The time comes from a [`Timer`]; `evenkeel::sync::RateLimiter` is this type with the loop's.
///
/// # Implementation notes
///
/// What is stored is not a number of tokens but the time at which the bucket will be full (the *generic cell rate algorithm* of
/// ATM networks): nothing has to be refilled. It is kept in units of 1/n of a nanosecond, so that rates do not drift; a wait
/// ends up to a nanosecond late, never early.
pub struct RateLimiter<C> {
    timer: C,
    rate: u32,
    period: u128,
    burst: u32,
    /// The time when the bucket is full, in units of 1/rate of a nanosecond.
    full_at: Cell<u128>,
    turn: Semaphore,
}

impl<C: Timer> RateLimiter<C> {
    /// A limiter that lets through `n` in each `per`, on a timer of the default kind.
    ///
    /// # Panics
    ///
    /// If `n` or `per` is zero: nothing, or everything, would get through.
    #[track_caller]
    pub fn new(n: u32, per: Duration) -> Self
    where
        C: Default,
    {
        Self::with_timer(n, per, C::default())
    }

    /// A limiter that lets through `n` in each `per`, on that timer.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    #[track_caller]
    pub fn with_timer(n: u32, per: Duration, timer: C) -> Self {
        assert!(n > 0, "a rate of nothing lets nobody through: use a closed Semaphore");
        assert!(!per.is_zero(), "a rate needs a period longer than zero");
        RateLimiter {
            timer,
            rate: n,
            period: per.as_nanos(),
            burst: n,
            full_at: Cell::new(0),
            turn: Semaphore::named(1, "RateLimiter::acquire"),
        }
    }

    /// Makes room for `burst` tokens, all of them there at first. With 1, what it lets through is evenly
    /// spaced.
    ///
    /// # Panics
    ///
    /// If `burst` is zero.
    #[track_caller]
    pub fn burst(mut self, burst: u32) -> Self {
        assert!(burst > 0, "a bucket without room never holds a token");
        self.burst = burst;
        self
    }

    /// Takes `n` tokens, as soon as they are there and it is this one's turn. Zero tokens are had without waiting.
    ///
    /// A request for more tokens than the bucket holds is served when the bucket is full, and those who come after it wait
    /// until the tokens that were missing have come: the rate holds.
    ///
    /// Cancel-safe: tokens are taken when this returns, and not before.
    pub async fn acquire(&self, n: u32) {
        if n == 0 {
            return consume_budget().await;
        }
        // It is never closed.
        let _turn = self.turn.acquire().await;
        while let Err(at) = self.take(n, self.timer.now()) {
            self.timer.sleep_until(at).await;
        }
    }

    /// Takes `n` tokens if they are there and nobody waits. Returns whether it did.
    pub fn try_acquire(&self, n: u32) -> bool {
        if n == 0 {
            return true;
        }
        // The timer is foreign code: somebody may wait after it who did not before.
        let now = self.timer.now();
        !self.turn.is_locked() && self.take(n, now).is_ok()
    }

    /// How many tokens are there.
    pub fn available(&self) -> u32 {
        let missing = self.full_at.get().saturating_sub(self.scaled(self.timer.now()));
        let there = (u128::from(self.burst) * self.period).saturating_sub(missing) / self.period;
        u32::try_from(there).unwrap_or(u32::MAX)
    }

    /// How many wait behind the one who waits for time to pass.
    pub fn waiting(&self) -> usize {
        self.turn.waiting()
    }

    /// Takes tokens, or says when they will be there.
    fn take(&self, n: u32, now: Duration) -> Result<(), Duration> {
        let now = self.scaled(now);
        let full_at = self.full_at.get().max(now);
        // From an empty bucket to a full one takes `burst` periods' shares; so many of them must have passed.
        let room = u128::from(self.burst - n.min(self.burst)) * self.period;
        if full_at - now > room {
            let at = (full_at - room).div_ceil(u128::from(self.rate));
            return Err(nanos(at));
        }
        self.full_at.set(full_at.saturating_add(u128::from(n) * self.period));
        Ok(())
    }

    fn scaled(&self, time: Duration) -> u128 {
        time.as_nanos() * u128::from(self.rate)
    }
}

/// A duration of so many nanoseconds. It saturates: the far end is later than anything that a timer knows.
fn nanos(nanos: u128) -> Duration {
    let seconds = u64::try_from(nanos / 1_000_000_000);
    seconds.map_or(Duration::MAX, |seconds| Duration::new(seconds, (nanos % 1_000_000_000) as u32))
}

impl<C: Timer> fmt::Debug for RateLimiter<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("rate", &self.rate)
            .field("period", &nanos(self.period))
            .field("burst", &self.burst)
            .field("available", &self.available())
            .field("waiting", &self.waiting())
            .finish()
    }
}
