//! The user's code where it is called: panics are caught, and go on where they can be awaited.

use evenkeel_executor::{Panic, UnhandledKind, combinator::report_unhandled};
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

/// What a panic brings.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Calls code that may be the user's. What it leaves half done is dropped, or nobody sees it again.
#[inline]
pub(crate) fn catch<R>(code: impl FnOnce() -> R) -> Result<R, Payload> {
    catch_unwind(AssertUnwindSafe(code))
}

/// The first of several panics, which goes on; the others are reported as they come.
#[derive(Default)]
pub(crate) struct FirstPanic(Option<Payload>);

impl FirstPanic {
    /// A panic: the first is kept, any other reported.
    #[cold]
    pub(crate) fn keep(&mut self, payload: Payload) {
        match self.0 {
            None => self.0 = Some(payload),
            Some(_) => report_unhandled(UnhandledKind::CleanupPanicked(Panic::new(payload))),
        }
    }

    /// Calls a destructor, and keeps its panic.
    pub(crate) fn catch(&mut self, destructor: impl FnOnce()) {
        if let Err(payload) = catch(destructor) {
            self.keep(payload);
        }
    }

    /// The panic, if there was one.
    pub(crate) fn take(&mut self) -> Option<Payload> {
        self.0.take()
    }

    /// Reports the panic, if there was one, as nobody awaits any more what has panicked.
    pub(crate) fn report(&mut self) {
        if let Some(payload) = self.0.take() {
            report_unhandled(UnhandledKind::CleanupPanicked(Panic::new(payload)));
        }
    }

    /// In a destructor: goes on with the panic, unless another is under way.
    pub(crate) fn go_on(self) {
        match self.0 {
            Some(payload) if std::thread::panicking() => report_destructor(payload),
            Some(payload) => resume_unwind(payload),
            None => {}
        }
    }
}

/// A destructor's panic that has nowhere to go on.
pub(crate) fn report_destructor(payload: Payload) {
    report_unhandled(UnhandledKind::DestructorPanicked(Panic::new(payload)));
}

/// Drops what may be the user's. A panic of its destructor is reported.
pub(crate) fn drop_quietly<T>(value: T) {
    if let Err(payload) = catch(|| drop(value)) {
        report_destructor(payload);
    }
}

/// What may be the user's, and is dropped [quietly](drop_quietly), so that its destructor costs nothing that is on its way: no outcome that is
/// being returned, and no panic that goes past it.
pub(crate) struct Quiet<T>(Option<T>);

impl<T> Quiet<T> {
    pub(crate) fn new(value: T) -> Quiet<T> {
        Quiet(Some(value))
    }

    pub(crate) fn get(&mut self) -> &mut T {
        self.0.as_mut().expect("it is there until this is dropped")
    }
}

impl<T> Drop for Quiet<T> {
    fn drop(&mut self) {
        drop_quietly(self.0.take());
    }
}

/// Calls a waker, which may be anybody's, or several. A panic is reported.
pub(crate) fn call(wake: impl FnOnce()) {
    if let Err(payload) = catch(wake) {
        report_unhandled(UnhandledKind::WakerPanicked(Panic::new(payload)));
    }
}
