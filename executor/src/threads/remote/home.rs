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

/// What is known of the thread on which items will be received next. It is noted whenever the receiver looks into the channel, which it
/// does not for items that it has taken before, many at a time.
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

    /// The executor, or the thread on which the receiver waits in somebody else's: what is known of them. An executor is not to be asked
    /// anything under a lock.
    pub(super) fn known(&self) -> (Option<Arc<Calls>>, Option<ThreadId>) {
        match self {
            Home::Unknown => (None, None),
            Home::Executor(_, executor) => (executor.upgrade(), None),
            Home::Thread(thread) => (None, Some(*thread)),
        }
    }
}
