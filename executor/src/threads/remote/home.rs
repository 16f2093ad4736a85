//! Where a receiver is at home.

use crate::{handle::Shared, raw::enter};
use std::{
    sync::{Arc, Weak},
    thread::{self, ThreadId},
};

/// What is known of the thread on which items will be received next. It is noted at every use of the receiver.
///
/// A receiver can move to another thread at any time, which nobody sees before it is used there. But a thread that blocks in an
/// executor keeps all that lives there from running; so a receiver that was used in an executor is taken to be there as long as that
/// executor lives. Where it was used outside of ours, it is on that thread for certain only while it waits there. Of one that was
/// never used, or whose executor has ended, nothing is known.
pub(super) enum Home {
    Unknown,
    Executor(Weak<Shared>),
    /// It waits, in somebody else's executor.
    Thread(ThreadId),
}

impl Home {
    /// The receiver is used here. Dropping what was noted before runs nothing foreign.
    pub(super) fn note(&mut self, waits: bool) {
        enter::with_current(|core| match (core, &*self) {
            (Some(core), Home::Executor(home)) if home.as_ptr() == Arc::as_ptr(&core.shared) => {}
            (Some(core), _) => *self = Home::Executor(Arc::downgrade(&core.shared)),
            (None, _) if waits => *self = Home::Thread(thread::current().id()),
            (None, _) => *self = Home::Unknown,
        });
    }

    /// The receiver waits here no more.
    pub(super) fn leave(&mut self) {
        if let Home::Thread(_) = self {
            *self = Home::Unknown;
        }
    }

    /// The executor's end, if that is what there is to ask. It is not to be asked under a lock.
    pub(super) fn here(&self) -> impl FnOnce() -> bool + use<> {
        let executor = match self {
            Home::Executor(executor) => executor.upgrade(),
            _ => None,
        };
        let is_here = matches!(self, Home::Thread(thread) if *thread == thread::current().id());
        move || is_here || executor.is_some_and(|executor| executor.lives_here())
    }
}
