//! Wakers that may be anybody's: code of theirs that panics costs nobody else anything.

use crate::{
    outcome::{
        join_error::Panic,
        unhandled::{UnhandledKind, report_unhandled as report},
    },
    raw::waker::number_of,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    task::Waker,
};

/// Drops wakers that may be anybody's. Their panics are reported.
#[inline]
pub(crate) fn drop_foreign(wakers: [Option<Waker>; 2]) {
    // Ours own nothing.
    if wakers.iter().flatten().any(|waker| number_of(waker).is_none()) {
        drop_each(wakers);
    } else {
        std::mem::forget(wakers);
    }
}

#[cold]
fn drop_each(wakers: [Option<Waker>; 2]) {
    for waker in wakers.into_iter().flatten() {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(waker))) {
            report(UnhandledKind::WakerPanicked(Panic::new(payload)));
        }
    }
}

/// Wakes a waker that may be anybody's. Its panic is reported.
pub(crate) fn wake_foreign(waker: Waker) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        report(UnhandledKind::WakerPanicked(Panic::new(payload)));
    }
}
