//! Calling a waker that may be anybody's: code of theirs that panics costs nobody else anything.

use crate::outcome::{
    panic::Panic,
    unhandled::{UnhandledKind, report_unhandled as report},
};
use std::task::Waker;

/// Wakes a waker that may be anybody's. Its panic is reported to `on_unhandled`, and ends there. For drivers and others that wake several:
/// nobody's wake-up is lost for another's panic.
///
/// ```
/// use evenkeel::combinator::call_waker;
/// use std::task::Waker;
///
/// call_waker(Waker::noop().clone());
/// ```
pub fn call_waker(waker: Waker) {
    call(waker);
}

/// Drops a waker that may be anybody's, uncalled. Its panic is reported to `on_unhandled`, and ends there.
///
/// ```
/// use evenkeel::combinator::discard_waker;
/// use std::task::Waker;
///
/// discard_waker(Waker::noop().clone());
/// ```
pub fn discard_waker(waker: Waker) {
    drop_waker(waker);
}

/// Wakes a waker that may be anybody's. Its panic is reported.
pub(crate) fn call(waker: Waker) {
    if let Err(panic) = Panic::catch(|| waker.wake()) {
        report(UnhandledKind::WakerPanicked(panic));
    }
}

/// Drops a waker that may be anybody's. Its panic is reported.
#[cold]
pub(crate) fn drop_waker(waker: Waker) {
    if let Err(panic) = Panic::catch(|| drop(waker)) {
        report(UnhandledKind::WakerPanicked(panic));
    }
}
