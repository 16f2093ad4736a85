//! The epoch: how often something was cancelled on this thread.

use std::cell::Cell;

/// How often something was cancelled on this thread. What was found out about regions in an older epoch may be wrong.
pub(crate) type Epoch = u64;

/// It is never this one.
pub(crate) const NO_EPOCH: Epoch = 0;

thread_local! {
    static EPOCH: Cell<Epoch> = const { Cell::new(NO_EPOCH + 1) };
}

/// The epoch that it is now.
#[inline(always)]
pub(crate) fn epoch() -> Epoch {
    EPOCH.get()
}

/// Begins an epoch: something is cancelled.
#[inline]
pub(crate) fn new_epoch() {
    EPOCH.with(|epoch| epoch.set(epoch.get() + 1));
}
