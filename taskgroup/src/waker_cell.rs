//! The newest waker of one who waits.

use crate::caught::wake;
use std::{cell::Cell, task::Waker};

/// Keeps the newest waker of one who waits. Nothing is borrowed while wakers are cloned, called or dropped, which may be foreign code.
#[derive(Default)]
pub(crate) struct WakerCell(Cell<Option<Waker>>);

impl WakerCell {
    /// Keeps that waker. While it is cloned nobody can be woken: what is waited for is to be looked at again after this.
    pub(crate) fn keep(&self, newest: &Waker) {
        let stored = self.0.take();
        if stored.as_ref().is_some_and(|stored| stored.will_wake(newest)) {
            self.0.set(stored);
        } else {
            let old = self.0.replace(Some(newest.clone()));
            drop((stored, old));
        }
    }

    /// Calls the waker, if there is one. It is called once.
    pub(crate) fn wake(&self) {
        if let Some(waker) = self.0.take() {
            wake(waker);
        }
    }
}
