//! How a scope is cancelled: by its handles, by its deadline, from other threads.

use crate::{
    outcome::reason::CancelReason,
    region::{region::Region, timer::Timing},
    wake::call::call,
};

/// What a scope finds when it is polled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Come {
    Nothing,
    /// It was cancelled.
    Cancelled,
    /// Its own deadline has come: it is cancelled from now on.
    Due,
}

impl Region {
    /// Cancels the scope, for its handles on this thread and on others. The first reason stays; `false` if there was one.
    pub(crate) fn cancel_once(&self, reason: CancelReason) -> bool {
        self.look();
        if self.reason().is_some() {
            return false;
        }
        // Where other threads may cancel it too, their lock decides who was first.
        let is_first = self.limit.remote.get().is_none_or(|remote| remote.cancel(reason.clone()));
        if is_first {
            self.cancel(reason);
        } else {
            self.look();
        }
        if let Some(waker) = self.limit.take_waker() {
            call(waker);
        }
        is_first
    }

    /// Has another thread cancelled the scope? Then it is cancelled here, too.
    #[inline]
    pub(crate) fn look(&self) {
        let remote = self.limit.remote.get().filter(|_| self.reason().is_none());
        if let Some(reason) = remote.and_then(|remote| remote.reason()) {
            self.cancel(reason);
        }
    }

    /// Is the scope cancelled? If its time has come, or another thread has cancelled it, it is from now on.
    #[inline]
    pub(crate) fn come(&self, timing: &mut impl Timing) -> Come {
        if self.reason().is_some() {
            return Come::Cancelled;
        }
        if timing.is_past(&self.limit) {
            return self.come_due();
        }
        self.look();
        if self.reason().is_some() { Come::Cancelled } else { Come::Nothing }
    }

    /// The scope's own deadline has come.
    #[cold]
    pub(crate) fn come_due(&self) -> Come {
        if self.cancel_once(CancelReason::DeadlineExceeded) { Come::Due } else { Come::Cancelled }
    }
}
