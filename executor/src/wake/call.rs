//! Calling a waker that may be anybody's: code of theirs that panics costs nobody else anything.

use crate::outcome::{
    panic::Panic,
    unhandled::{UnhandledKind, report_unhandled as report},
};
use std::task::Waker;

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
