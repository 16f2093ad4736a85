//! A panic that waits.

use crate::outcome::{
    caught::Payload,
    panic::Panic,
    unhandled::{UnhandledKind, report_unhandled},
};
use std::panic::resume_unwind;

/// A panic that waits for clean-up before it goes on. Whoever owns it when it is dropped has not handed it out: it is reported then,
/// whatever way that came about.
pub(crate) struct Held(Option<Payload>);

impl Held {
    /// Keeps a panic.
    pub(crate) fn new(payload: Payload) -> Held {
        Held(Some(payload))
    }

    /// Hands the panic out: nobody reports it any more.
    pub(crate) fn into_payload(mut self) -> Payload {
        self.0.take().expect("it is taken out once, by value")
    }

    /// Has the panic go on.
    pub(crate) fn resume(self) -> ! {
        resume_unwind(self.into_payload())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(payload) = self.0.take() {
            report_unhandled(UnhandledKind::CleanupPanicked(Panic::new(payload)));
        }
    }
}

/// Of two panics the first goes on; the second is reported, as it is dropped here.
pub(crate) fn first_of(first: Option<Held>, second: Option<Held>) -> Option<Held> {
    first.or(second)
}
