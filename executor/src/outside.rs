//! Functions and futures that need an executor, used where none is.

use std::fmt;

/// Nothing is current where a future was polled that needs it.
#[cold]
#[track_caller]
pub(crate) fn polled_outside(what: &str) -> ! {
    panic!("{what} was polled outside an executor: await it in a future that evenkeel::run drives")
}

/// Nothing is current where a function was called that needs it. `what` says which one, and `of` what it was called outside of.
#[cold]
#[track_caller]
pub(crate) fn called_outside(what: impl fmt::Display, of: &str) -> ! {
    panic!("{what} outside {of}: call it in a future that evenkeel::run drives")
}
