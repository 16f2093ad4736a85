//! The panics of several calls, of which the first goes on.

use crate::outcome::caught::{Payload, caught, forget_if_it_panics};
use std::panic::resume_unwind;

/// The first of several panics, which goes on when everything is done; the others are handed out, to be reported.
#[derive(Default)]
pub(crate) struct Panics(Option<Payload>);

impl Panics {
    /// Is there a panic that is to go on?
    pub(crate) fn has_one(&self) -> bool {
        self.0.is_some()
    }

    /// Calls foreign code. Its panic is kept if it is the first; otherwise `late` gets it.
    pub(crate) fn catch(&mut self, call: impl FnOnce(), late: impl FnOnce(Payload)) {
        if let Some(payload) = caught(call).err().and_then(|payload| self.keep(payload)) {
            late(payload);
        }
    }

    /// Keeps a panic if it is the first; otherwise hands it back.
    #[must_use]
    pub(crate) fn keep(&mut self, payload: Payload) -> Option<Payload> {
        match self.0 {
            Some(_) => Some(payload),
            None => {
                self.0 = Some(payload);
                None
            }
        }
    }

    /// Keeps a panic if it is the first; otherwise it goes nowhere.
    pub(crate) fn keep_or_forget(&mut self, payload: Payload) {
        forget_if_it_panics(self.keep(payload));
    }

    /// Goes on with the panic, if there was one.
    pub(crate) fn go_on(self) {
        if let Some(payload) = self.0 {
            resume_unwind(payload);
        }
    }
}
