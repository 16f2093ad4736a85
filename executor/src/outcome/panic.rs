//! A panic, caught.

use crate::outcome::{
    caught::{Payload, caught},
    flat::{drop_flat, report_destructor},
};
use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

/// What a panic carried: its message, and the payload to go on with.
///
/// ```
/// use evenkeel::{JoinError, run, spawn};
///
/// let error = run(async { spawn(async { panic!("out of cheese") }).await }).unwrap_err();
/// let JoinError::Panicked(panic) = error else { unreachable!() };
/// assert_eq!(panic.message(), "out of cheese");
/// ```
pub struct Panic(
    /// It is there until the panic is dropped. That is done in a call: what may hold a panic is dropped far more often without one.
    Option<Box<Carried>>,
);

struct Carried {
    message: Box<str>,
    /// In a lock so that errors that hold it are `Sync`; nobody ever waits for it.
    payload: Mutex<Payload>,
}

impl Panic {
    /// From what `catch_unwind` gives.
    pub fn new(payload: Payload) -> Panic {
        let message = if let Some(text) = payload.downcast_ref::<&'static str>() {
            Box::from(*text)
        } else if let Some(text) = payload.downcast_ref::<String>() {
            text.as_str().into()
        } else {
            Box::from("(a payload that is not text)")
        };
        Panic(Some(Box::new(Carried { message, payload: Mutex::new(payload) })))
    }

    /// Calls foreign code. What it was doing when it panicked is not looked at again, or says itself what became of it.
    #[inline]
    pub(crate) fn catch<R>(call: impl FnOnce() -> R) -> Result<R, Panic> {
        caught(call).map_err(Panic::new)
    }

    /// The text that the panic was raised with.
    pub fn message(&self) -> &str {
        self.0.as_ref().map_or("", |carried| &carried.message)
    }

    /// What [`catch_unwind`](std::panic::catch_unwind) would have given.
    pub fn into_payload(mut self) -> Payload {
        self.take_payload()
    }

    /// Drops it. Where its payload's destructor panics, that one goes nowhere: what tells of panics may not go on for ever.
    pub(crate) fn end_here(mut self) {
        drop_flat(self.take_payload(), std::mem::forget);
    }

    /// Takes the payload. What is left is nothing.
    fn take_payload(&mut self) -> Payload {
        self.0.as_mut().map_or_else(|| Box::new(()) as Payload, |carried| carried.take_payload())
    }

    /// Panics again with the same payload.
    pub fn resume(self) -> ! {
        std::panic::resume_unwind(self.into_payload())
    }
}

impl Drop for Panic {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(carried) = self.0.take() {
            drop_carried(carried);
        }
    }
}

#[cold]
#[inline(never)]
fn drop_carried(carried: Box<Carried>) {
    drop(carried);
}

impl Carried {
    /// Takes the payload. What is left is nothing, and takes no memory.
    fn take_payload(&mut self) -> Payload {
        std::mem::replace(self.payload.get_mut().unwrap_or_else(PoisonError::into_inner), Box::new(()))
    }
}

/// Drops the payload flat: a panic may carry an error that holds another one, and so on.
impl Drop for Carried {
    fn drop(&mut self) {
        drop_flat(self.take_payload(), report_destructor);
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panic").field(&self.message()).finish()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}
