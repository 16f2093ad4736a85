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

/// Calls a waker, if there is one.
#[inline(always)]
pub(crate) fn call_any(waker: Option<Waker>) {
    if let Some(waker) = waker {
        call(waker);
    }
}

/// Wakers to be called, in order, when this is dropped: mostly there is one at most. If some of them panic, the others are called all the
/// same, and the first panic goes on.
#[derive(Default)]
pub(crate) struct Calls {
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Calls {
    pub(crate) fn push(&mut self, waker: Option<Waker>) {
        match self.first {
            None => self.first = waker,
            Some(_) => self.others.extend(waker),
        }
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        let mut panic = None;
        for waker in self.first.take().into_iter().chain(self.others.drain(..)) {
            let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) else { continue };
            match panic {
                None => panic = Some(payload),
                // Its destructor could panic as well.
                Some(_) => std::mem::forget(payload),
            }
        }
        if let Some(payload) = panic {
            go_on(payload);
        }
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
