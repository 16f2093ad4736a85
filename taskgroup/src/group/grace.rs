//! How long clean-up may take once a group is cancelled.

use crate::caught::{Payload, catch};
use evenkeel_executor::{Sleep, sleep};
use std::{cell::Cell, pin::Pin, task::Context, time::Duration};

/// The grace period of a group. It is counted from the first poll of the group's future that sees the cancellation: that is the
/// one place which knows the time by the clock that the period is measured with. Who cancels may be anywhere.
pub(super) struct Grace {
    period: Duration,
    timer: Cell<Option<Pin<Box<Sleep>>>>,
    is_over: Cell<bool>,
}

impl Grace {
    pub(super) fn new(period: Duration) -> Grace {
        Grace { period, timer: Cell::new(None), is_over: Cell::new(false) }
    }

    /// The group's future is polled, and is to be woken when the time is over. `true` when it is, once.
    ///
    /// # Errors
    ///
    /// The clock's panic, or the waker's. The next call tries it again.
    pub(super) fn ends(&self, cx: &mut Context<'_>) -> Result<bool, Payload> {
        if self.is_over.get() {
            return Ok(false);
        }
        let mut timer = self.timer.take().unwrap_or_else(|| Box::pin(sleep(self.period)));
        let polled = catch(|| timer.as_mut().poll(cx).is_ready());
        match polled {
            Ok(true) => self.is_over.set(true),
            _ => self.timer.set(Some(timer)),
        }
        polled
    }
}
