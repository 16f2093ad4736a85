//! A point in time.

use std::{
    fmt,
    ops::{Add, AddAssign, Sub, SubAssign},
    time::Duration,
};

/// A point in time, in nanoseconds from the origin of its clock.
///
/// std's `Instant` cannot be made from a number, which virtual clocks and hosts (a browser's, say) need; this one can.
/// All arithmetic saturates: the far end is [`Instant::NEVER`], 584 years from the origin, and means what it says.
///
/// ```
/// use evenkeel::Instant;
/// use std::time::Duration;
///
/// let start = Instant::from_origin(Duration::from_secs(1));
/// assert_eq!(start + Duration::from_millis(5) - start, Duration::from_millis(5));
/// assert_eq!(start + Duration::MAX, Instant::NEVER);
/// assert_eq!(start - Duration::MAX, Instant::from_origin(Duration::ZERO));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub(crate) u64);

impl Instant {
    /// Later than everything: who waits for it waits for ever.
    pub const NEVER: Instant = Instant(u64::MAX);

    /// The point that lies `distance` behind the clock's origin.
    pub const fn from_origin(distance: Duration) -> Instant {
        Instant(saturating_nanos(distance))
    }

    /// How far this point lies behind its clock's origin.
    pub const fn since_origin(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// The time from `earlier` to this point; zero if `earlier` is later.
    pub const fn saturating_duration_since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time from `earlier` to this point; zero if `earlier` is later, as std's and tokio's `duration_since` has it.
    pub const fn duration_since(self, earlier: Instant) -> Duration {
        self.saturating_duration_since(earlier)
    }

    /// The time from `earlier` to this point; `None` if `earlier` is later.
    ///
    /// ```
    /// use evenkeel::Instant;
    /// use std::time::Duration;
    ///
    /// let [one, two] = [1, 2].map(|seconds| Instant::from_origin(Duration::from_secs(seconds)));
    /// assert_eq!(two.checked_duration_since(one), Some(Duration::from_secs(1)));
    /// assert_eq!(one.checked_duration_since(two), None);
    /// ```
    pub const fn checked_duration_since(self, earlier: Instant) -> Option<Duration> {
        match self.0.checked_sub(earlier.0) {
            Some(nanos) => Some(Duration::from_nanos(nanos)),
            None => None,
        }
    }

    /// The point that lies `later` behind this one; `None` if that could not be told from [`Instant::NEVER`], as from there nothing can.
    ///
    /// ```
    /// use evenkeel::Instant;
    /// use std::time::Duration;
    ///
    /// let start = Instant::from_origin(Duration::from_secs(1));
    /// assert_eq!(start.checked_add(Duration::from_millis(5)), Some(start + Duration::from_millis(5)));
    /// assert_eq!(start.checked_add(Duration::MAX), None);
    /// ```
    pub const fn checked_add(self, later: Duration) -> Option<Instant> {
        match self.0.saturating_add(saturating_nanos(later)) {
            u64::MAX => None,
            nanos => Some(Instant(nanos)),
        }
    }

    /// The point that lies `earlier` before this one; `None` if that lies before the clock's origin.
    ///
    /// ```
    /// use evenkeel::Instant;
    /// use std::time::Duration;
    ///
    /// let start = Instant::from_origin(Duration::from_secs(1));
    /// assert_eq!(start.checked_sub(Duration::from_secs(1)), Some(Instant::from_origin(Duration::ZERO)));
    /// assert_eq!(start.checked_sub(Duration::from_secs(2)), None);
    /// ```
    pub const fn checked_sub(self, earlier: Duration) -> Option<Instant> {
        let nanos = earlier.as_nanos();
        if nanos > self.0 as u128 { None } else { Some(Instant(self.0 - nanos as u64)) }
    }
}

/// 2⁶⁴ − 1 stands for everything longer than 584 years.
pub(crate) const fn saturating_nanos(duration: Duration) -> u64 {
    match duration.as_secs().checked_mul(1_000_000_000) {
        Some(nanos) => nanos.saturating_add(duration.subsec_nanos() as u64),
        None => u64::MAX,
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, later: Duration) -> Instant {
        Instant(self.0.saturating_add(saturating_nanos(later)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, later: Duration) {
        *self = *self + later;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    fn sub(self, earlier: Duration) -> Instant {
        Instant(self.0.saturating_sub(saturating_nanos(earlier)))
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, earlier: Duration) {
        *self = *self - earlier;
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// As [`Instant::saturating_duration_since`].
    fn sub(self, earlier: Instant) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Instant::NEVER => f.write_str("Instant::NEVER"),
            Instant(nanos) => write!(f, "Instant({:?})", Duration::from_nanos(nanos)),
        }
    }
}
