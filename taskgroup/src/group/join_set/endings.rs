//! How the children of a set have ended.

use super::super::roster::{Membership, Roster, Whom};
use crate::caught::drop_quietly;
use evenkeel_executor::{
    CancelReason, JoinError, TaskId, TaskRef, UnhandledKind,
    combinator::{WakerCell, report_unhandled_of, unread_error},
};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt::Debug,
    panic::Location,
};

/// What a set and its children share: who runs, and how those have ended that were not joined, first come, first served.
pub(super) struct Endings<T> {
    running: RefCell<Roster>,
    ended: RefCell<VecDeque<Ending<T>>>,
    /// Wakes whoever joins.
    pub(super) waker: WakerCell,
    /// The set is gone.
    is_closed: Cell<bool>,
    /// What is told of a value that nobody has read.
    unread: fn(&T) -> Option<Box<str>>,
}

/// How one child has ended.
pub(super) struct Ending<T> {
    pub(super) id: TaskId,
    /// The child's name as it ended.
    pub(super) name: Option<String>,
    pub(super) location: &'static Location<'static>,
    pub(super) outcome: Result<T, JoinError>,
}

impl<T: Debug> Endings<T> {
    pub(super) fn new() -> Endings<T> {
        Endings {
            running: RefCell::default(),
            ended: RefCell::default(),
            waker: WakerCell::default(),
            is_closed: Cell::new(false),
            unread: unread_error,
        }
    }
}

impl<T> Endings<T> {
    /// A child is being spawned, and will have that task. Returns its key.
    pub(super) fn enroll(&self, task: TaskRef) -> u32 {
        self.running.borrow_mut().add(task, Membership::Awaited)
    }

    /// A child has ended.
    pub(super) fn add(&self, key: u32, ending: Ending<T>) {
        self.running.borrow_mut().remove(key);
        if self.is_closed.get() {
            return self.is_unread(ending);
        }
        self.ended.borrow_mut().push_back(ending);
        self.waker.wake();
    }

    /// Is there no outcome to be joined, but somebody who runs?
    pub(super) fn is_none_ready(&self) -> bool {
        self.ended.borrow().is_empty() && self.running.borrow().len() > 0
    }

    /// The child that has ended first.
    pub(super) fn next(&self) -> Option<Ending<T>> {
        let mut ended = self.ended.borrow_mut();
        let next = ended.pop_front();
        if ended.is_empty() {
            // A set that lives long does not keep the room of its busiest moment.
            ended.shrink_to(KEPT);
        }
        next
    }

    pub(super) fn len(&self) -> usize {
        self.running.borrow().len() + self.ended.borrow().len()
    }

    /// Who runs, the newest first, in a copy: what is called meanwhile may do anything.
    pub(super) fn running(&self) -> Vec<TaskRef> {
        self.running.borrow().newest_first(Whom::Everybody)
    }

    pub(super) fn cancel_all(&self, reason: &CancelReason) {
        for task in self.running() {
            task.cancel(reason.clone());
        }
    }

    /// The set is gone: cancels who runs, and tells what nobody has read.
    pub(super) fn close(&self) {
        self.is_closed.set(true);
        // Its destructor is its owner's, and not to run in a child's last poll.
        self.waker.clear();
        self.cancel_all(&CancelReason::OwnerDropped);
        for ending in self.ended.take() {
            self.is_unread(ending);
        }
    }

    /// Nobody reads how a child has ended: an `Err` and a panic are reported, in its name.
    pub(super) fn is_unread(&self, ending: Ending<T>) {
        let Ending { id, name, location, outcome } = ending;
        match outcome {
            Ok(value) => {
                if let Some(text) = (self.unread)(&value) {
                    report_unhandled_of(Some(id), name, location, UnhandledKind::Error(text));
                }
                drop_quietly(value);
            }
            Err(JoinError::Panicked(panic)) => {
                report_unhandled_of(Some(id), name, location, UnhandledKind::TaskPanicked(panic));
            }
            Err(_) => {}
        }
    }
}

/// Room for so many outcomes is kept.
const KEPT: usize = 1024;
