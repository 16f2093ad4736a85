//! Panics of others, caught.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Calls foreign code. What it was doing when it panicked is not looked at again, or says itself what became of it.
#[inline]
pub(crate) fn caught<R>(call: impl FnOnce() -> R) -> Result<R, Payload> {
    catch_unwind(AssertUnwindSafe(call))
}

/// Drops something; a panic in its destructor goes nowhere, nor does one in that panic's.
pub(crate) fn forget_if_it_panics<T>(value: T) {
    if let Err(payload) = caught(|| drop(value)) {
        std::mem::forget(payload);
    }
}
