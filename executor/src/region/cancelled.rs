//! How a scope is cancelled: by its handles, by its deadline, from other threads.

use crate::{
    outcome::reason::CancelReason,
    region::{region::Region, timer::Timing},
    wake::call::call,
};

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
    pub(crate) fn has_come(&self, timing: &mut impl Timing) -> bool {
        if self.reason().is_some() {
            return true;
        }
        if timing.is_past(&self.limit) {
            self.cancel_once(CancelReason::DeadlineExceeded);
        } else {
            self.look();
        }
        self.reason().is_some()
    }
}
