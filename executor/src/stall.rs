//! A run that can never go on: found, and ended.
//!
//! Where time passes by itself, a loop that has nothing to do and waits for nothing but a wake-up from elsewhere may wait for ever, and so
//! does whoever waits for the run: a test, as a rule. Its clock says how long that is to be borne ([`Clock::patience`](crate::Clock)). Then
//!
//! 1. the main future is cancelled, with a list of those that wait, so that clean-up runs;
//! 2. if it waits in vain again, for its clean-up then, it is stopped hard;
//! 3. without a main future the executor closes, and what it waits for is stopped hard.
//!
//! Each step leaves less than there was, so this comes to an end.

use crate::{core::Core, outcome::reason::CancelReason, raw::number::Number, real_time::real_now, task::tasks::Stop};
use std::time::Duration;

impl Core {
    /// The inbox is armed, and nothing can end this but a wake-up from elsewhere, or the end of the patience.
    #[cold]
    pub(crate) fn park_patiently(&self, patience: Duration) {
        // Where there is no clock there is no patience either.
        let begun = if patience.is_zero() { None } else { real_now() };
        while self.tasks.ready().is_empty() && !self.time.timers.has_fresh() && !self.tasks.inbox.is_pending() {
            let left = begun.map_or(Duration::ZERO, |begun| patience.saturating_sub(begun.elapsed()));
            if left.is_zero() {
                return self.stalled();
            }
            self.park(Some(left));
        }
    }

    /// Nothing can go on any more.
    fn stalled(&self) {
        let main = self.main.get();
        if main == Number::NONE {
            self.is_stalled.set(true);
        } else if self.tasks.is_cancelled(main) {
            self.tasks.end_grace(main);
        } else {
            let who = self.tasks.who_lives().into();
            self.tasks.request_number(main, Stop::Cancel, CancelReason::Stalled(who));
        }
    }
}
