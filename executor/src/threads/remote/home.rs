//! Where a receiver is at home.

use crate::{
    raw::lent::OnThread,
    threads::pool::{THREADS, Threads},
    wake::calls::Calls,
};
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
    /// The address of its calls, for a quick look. It is no other's as long as the reference lives.
    Executor(usize, Weak<Calls>),
    /// The receiver waits there, in somebody else's executor.
    Thread(ThreadId),
}

impl Home {
    /// The receiver is used here, and waits or not. Dropping what was noted before runs nothing foreign.
    #[inline(always)]
    pub(super) fn note(&mut self, waits: bool) {
        THREADS.look(|threads| match (threads, &*self) {
            (Some(threads), Home::Executor(noted, _)) if *noted == Arc::as_ptr(&threads.calls).addr() => {}
            _ => self.note_newly(threads, waits),
        });
    }

    #[cold]
    fn note_newly(&mut self, threads: Option<&Threads>, waits: bool) {
        *self = match threads {
            Some(Threads { calls, .. }) => Home::Executor(Arc::as_ptr(calls).addr(), Arc::downgrade(calls)),
            None if waits => Home::Thread(thread::current().id()),
            None => Home::Unknown,
        }
    }

    /// The receiver waits here no more.
    pub(super) fn leave(&mut self) {
        if let Home::Thread(_) = self {
            *self = Home::Unknown;
        }
    }

    /// The executor, if that is what is known.
    pub(super) fn executor(&self) -> Option<Arc<Calls>> {
        match self {
            Home::Executor(_, executor) => executor.upgrade(),
            _ => None,
        }
    }

    /// Does the receiver wait in somebody else's executor?
    pub(super) fn is_foreign(&self) -> bool {
        matches!(self, Home::Thread(_))
    }

    /// The executor's end, if that is what there is to ask. It is not to be asked under a lock.
    pub(super) fn here(&self) -> impl FnOnce() -> bool + use<> {
        let executor = self.executor();
        let is_here = matches!(self, Home::Thread(thread) if *thread == thread::current().id());
        move || is_here || executor.is_some_and(|executor| executor.lives_here())
    }
}
