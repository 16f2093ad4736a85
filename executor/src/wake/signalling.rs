//! Which inboxes' signals a thread is giving.

use std::{cell::RefCell, mem::ManuallyDrop};

thread_local! {
    /// The addresses of the inboxes whose signals this thread is giving, one inside the other. It has no destructor, so that it is
    /// there to the very end of its thread; when it is empty it holds no memory.
    static SIGNALLING: RefCell<ManuallyDrop<Vec<usize>>> = const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// While this lives, its thread gives an inbox's signal.
pub(super) struct Signalling;

impl Signalling {
    /// This thread begins to give the signal of the inbox at that address.
    pub(super) fn begin(inbox: usize) -> Signalling {
        SIGNALLING.with_borrow_mut(|inboxes| inboxes.push(inbox));
        Signalling
    }

    /// Is this thread giving the signal of the inbox at that address?
    pub(super) fn is_here(inbox: usize) -> bool {
        SIGNALLING.with_borrow(|inboxes| inboxes.contains(&inbox))
    }
}

impl Drop for Signalling {
    fn drop(&mut self) {
        SIGNALLING.with_borrow_mut(|inboxes| {
            inboxes.pop();
            if inboxes.is_empty() {
                **inboxes = Vec::new();
            }
        });
    }
}
