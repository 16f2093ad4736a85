//! When a child is run again, and how soon.

use crate::error::Failure;
use evenkeel_executor::combinator::choose_jitter;
use std::time::Duration;

/// When a child is run again that has ended, how soon, and how often: what [`TaskGroup::spawn_restarting`](crate::TaskGroup::spawn_restarting)
/// is told.
///
/// | Erlang's word | here | it is run again |
/// |---|---|---|
/// | `permanent` | [`Restart::always`] | however it has ended |
/// | `transient` | [`Restart::on_failure`] | after an `Err` or a panic |
/// | `temporary` | [`Restart::never`] | never |
///
/// A child that was cancelled is never run again, whoever has cancelled it.
///
/// Without further words a child is run again in the next turn, and at most 3 times in 5 seconds (as in Elixir); then the group fails.
///
/// ```
/// use evenkeel::group::Restart;
/// use std::time::Duration;
///
/// let second = Duration::from_secs(1);
/// // After 1 s, 2 s, 4 s, 8 s, and so on up to a minute. For ever: 100 restarts in a minute cannot be.
/// let feed = Restart::on_failure().backoff(second, 2, 60 * second).jitter().limit(100, 60 * second);
/// assert_ne!(feed, Restart::on_failure());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "this says how a child is restarted: give it to spawn_restarting()"]
pub struct Restart {
    after: After,
    initial: Duration,
    factor: u32,
    max: Duration,
    has_jitter: bool,
    /// How often within which time. `None`: as often as it comes.
    limit: Option<(usize, Duration)>,
    steady: Option<Duration>,
    in_background: bool,
}

/// After what a child is run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    AnyEnd,
    Failure,
    Nothing,
}

/// In how many steps a wait with jitter is chosen.
const STEPS: u32 = 1 << 16;

impl Restart {
    const fn new(after: After) -> Restart {
        Restart {
            after,
            initial: Duration::ZERO,
            factor: 1,
            max: Duration::ZERO,
            has_jitter: false,
            limit: Some((3, Duration::from_secs(5))),
            steady: None,
            in_background: false,
        }
    }

    /// The child is run again whenever it has ended, also with a value, which is dropped: Erlang's `permanent`. It ends when it is cancelled.
    pub const fn always() -> Restart {
        Restart::new(After::AnyEnd)
    }

    /// The child is run again when it has failed, by an `Err` or a panic: Erlang's `transient`.
    pub const fn on_failure() -> Restart {
        Restart::new(After::Failure)
    }

    /// The child is not run again: Erlang's `temporary`.
    pub const fn never() -> Restart {
        Restart::new(After::Nothing)
    }

    /// How long the child waits before it is run again: `initial` at first, then `factor` times as long each time, but at most `max`.
    ///
    /// A `factor` of 1 (or 0) waits for `initial` each time. The waits begin anew when a run was [steady](Restart::steady_after).
    pub const fn backoff(mut self, initial: Duration, factor: u32, max: Duration) -> Restart {
        (self.initial, self.factor, self.max) = (initial, factor, max);
        self
    }

    /// Chooses each wait at random between half of the [backoff](Restart::backoff) and all of it, so that children which have failed together do
    /// not come back together, those of other processes included. On an executor with a schedule or a
    /// virtual clock the run can be repeated.
    pub const fn jitter(mut self) -> Restart {
        self.has_jitter = true;
        self
    }

    /// The child may be run again so often in any span of `period`; Erlang calls it the intensity. Once more, and the group fails, the
    /// child named in its error. What counts is when a run after the first begins, or would begin: after the [backoff](Restart::backoff).
    /// A limit of 0 fails it at the first end that would be followed by a restart.
    ///
    /// This is each child's own; Erlang counts those of a supervisor together.
    pub const fn limit(mut self, restarts: usize, period: Duration) -> Restart {
        self.limit = Some((restarts, period));
        self
    }

    /// The child may be run again as often as it comes. Give it a [backoff](Restart::backoff), as otherwise a child that fails at once is run
    /// again in every turn: on a virtual clock time stands still then.
    pub const fn unlimited(mut self) -> Restart {
        self.limit = None;
        self
    }

    /// A run that lasts at least so long was a good one: after it the [backoff](Restart::backoff) begins anew. Without this, that is the
    /// longest wait of the backoff.
    pub const fn steady_after(mut self, duration: Duration) -> Restart {
        self.steady = Some(duration);
        self
    }

    /// The group does not wait for the child: when the others have ended, it is cancelled, as one of
    /// [`spawn_background`](crate::TaskGroup::spawn_background) is.
    pub const fn in_background(mut self) -> Restart {
        self.in_background = true;
        self
    }

    pub(super) fn is_background(&self) -> bool {
        self.in_background
    }

    /// Is a child run again that has ended so?
    pub(super) fn applies(&self, has_failed: bool) -> bool {
        match self.after {
            After::AnyEnd => true,
            After::Failure => has_failed,
            After::Nothing => false,
        }
    }

    pub(super) fn limit_of_restarts(&self) -> Option<(usize, Duration)> {
        self.limit
    }

    /// Was a run that has lasted so long a good one?
    pub(super) fn is_steady(&self, lasted: Duration) -> bool {
        lasted >= self.steady.unwrap_or(self.max)
    }

    /// How long to wait before the next run, when so many in a row were none that was steady.
    pub(super) fn wait(&self, in_a_row: u32) -> Duration {
        let whole = match self.factor.max(1).checked_pow(in_a_row) {
            Some(times) => self.initial.saturating_mul(times).min(self.max),
            None if self.initial.is_zero() => Duration::ZERO,
            None => self.max,
        };
        if !self.has_jitter {
            return whole;
        }
        let half = whole / 2;
        // Both halves are so long that this loses less than a step.
        let step = choose_jitter(STEPS as usize + 1) as u32;
        half + half.mul_f64(f64::from(step) / f64::from(STEPS))
    }

    /// The child was restarted as often as it may be.
    pub(super) fn limit_failure<E>(&self) -> Failure<E> {
        let (restarts, period) = self.limit.unwrap_or_default();
        Failure::RestartLimit { restarts, period }
    }
}
