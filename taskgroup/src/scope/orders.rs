//! What is asked of the future of a scope by those who may not touch its children.

use crate::in_place::Roll;
use evenkeel_executor::CancelReason;
use std::cell::{Cell, OnceCell, RefCell};

/// What handles and the body ask of a scope's future, whatever its error type: only that future polls children and cancels them.
pub(super) struct Orders {
    roll: Roll,
    /// Why the scope is ending early.
    reason: OnceCell<CancelReason>,
    /// The scope was cancelled, as opposed to: something failed.
    is_asked: Cell<bool>,
    /// Children that are to be cancelled alone, by number.
    requests: RefCell<Vec<(u64, CancelReason)>>,
    depth: Cell<usize>,
}

impl Orders {
    /// On the roll is the body, and nobody else.
    pub(super) fn new() -> Orders {
        let roll = Roll::of(0);
        // Who is added has a number, as it will hardly stay the only one.
        roll.add();
        Orders {
            roll,
            reason: OnceCell::new(),
            is_asked: Cell::new(false),
            requests: RefCell::default(),
            depth: Cell::new(0),
        }
    }

    /// Who is in the scope.
    pub(super) fn roll(&self) -> &Roll {
        &self.roll
    }

    /// Why the scope is ending early, if it is.
    pub(super) fn reason(&self) -> Option<&CancelReason> {
        self.reason.get()
    }

    /// Why the scope was cancelled, if it was before anything failed.
    pub(super) fn asked(&self) -> Option<&CancelReason> {
        self.reason().filter(|_| self.is_asked.get())
    }

    /// Is the scope ending early?
    pub(super) fn is_ending(&self) -> bool {
        self.reason().is_some()
    }

    /// Asks for the scope to end early. `false` if it was ending already.
    pub(super) fn cancel(&self, reason: CancelReason) -> bool {
        let is_first = self.reason.set(reason).is_ok();
        if is_first {
            self.is_asked.set(true);
            self.roll.set().wake_owner();
        }
        is_first
    }

    /// Something in the scope has failed, in a poll of the scope's future, which sees to the rest.
    pub(super) fn fail(&self) {
        let _ = self.reason.set(CancelReason::SiblingFailed { task: None });
    }

    /// Asks for the child with that number to be cancelled alone.
    pub(super) fn cancel_child(&self, number: u64, reason: CancelReason) {
        self.requests.borrow_mut().push((number, reason));
        self.roll.set().wake_owner();
    }

    /// Is any child to be cancelled alone?
    #[inline]
    pub(super) fn has_requests(&self) -> bool {
        !self.requests.borrow().is_empty()
    }

    /// The numbers of the children that are to be cancelled alone, and why.
    pub(super) fn take_requests(&self) -> Vec<(u64, CancelReason)> {
        self.requests.take()
    }

    /// How many regions lay around the scope's future when it was polled last.
    pub(super) fn depth(&self) -> usize {
        self.depth.get()
    }

    /// The scope's future is polled with so many regions around it.
    pub(super) fn set_depth(&self, depth: usize) {
        self.depth.set(depth);
    }
}
