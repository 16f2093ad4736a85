//! Calls of wakers, which are foreign code and may panic.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    task::Waker,
    thread,
};

/// Calls a waker outside a line.
#[inline(always)]
pub(crate) fn call(waker: Waker) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        go_on(payload);
    }
}

/// The payload of a panic.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Lets a panic go on that was caught, unless another is under way: two at a time would end the process.
#[cold]
pub(crate) fn go_on(payload: Payload) {
    if thread::panicking() {
        // Its destructor could panic as well.
        std::mem::forget(payload);
    } else {
        resume_unwind(payload);
    }
}
