//! The process-wide registry: from an executor's id, which every waker carries, to that executor's inbox.
//!
//! Inboxes are made once and never freed, so a look-up is two loads and hands out a plain reference: no count, no lock,
//! and nothing to touch too late. An id whose executor has ended leads to a closed inbox, which takes nothing.
//!
//! Ids are recycled, least recently used first, and a new executor begins its generations where the last one with the
//! same id ended. So a number that outlived its executor does not fit the next one's tasks either.

use crate::{
    raw::number::{EXECUTOR_IDS, Number},
    wake::{
        inbox::{Inbox, Signal},
        local_callback::LocalKey,
    },
};
use std::{
    collections::VecDeque,
    sync::{Mutex, OnceLock, PoisonError},
};

const CHUNK: usize = 64;
static INBOXES: [OnceLock<Box<[Inbox]>>; EXECUTOR_IDS.div_ceil(CHUNK)] =
    [const { OnceLock::new() }; EXECUTOR_IDS.div_ceil(CHUNK)];

static IDS: Mutex<Ids> = Mutex::new(Ids { fresh: 1, free: VecDeque::new() });

struct Ids {
    /// Ids from here on were never given out.
    fresh: usize,
    /// Ids that came back, oldest first, each as the number that its next executor begins with.
    free: VecDeque<Number>,
}

/// An executor's place in the registry, until [`Registration::end`].
pub(crate) struct Registration {
    pub(crate) inbox: &'static Inbox,
    /// The number that the executor's first task gets in slot 0.
    pub(crate) first: Number,
}

/// The inbox for wake-ups of this number, if there ever was an executor with its id.
pub(crate) fn inbox_of(number: Number) -> Option<&'static Inbox> {
    let id = number.executor();
    INBOXES[id / CHUNK].get().map(|chunk| &chunk[id % CHUNK])
}

impl Registration {
    /// `None` if every id is in use.
    pub(crate) fn new(signal: Signal, local: Option<LocalKey>) -> Option<Registration> {
        let first = {
            let mut ids = IDS.lock().unwrap_or_else(PoisonError::into_inner);
            if ids.fresh < EXECUTOR_IDS {
                ids.fresh += 1;
                Number::first(ids.fresh - 1, 1)
            } else {
                ids.free.pop_front()?
            }
        };
        let id = first.executor();
        let chunk = INBOXES[id / CHUNK].get_or_init(|| (0..CHUNK).map(|_| Inbox::new()).collect());
        let inbox = &chunk[id % CHUNK];
        inbox.open(signal, local);
        Some(Registration { inbox, first })
    }

    /// The executor has ended; `next` is a number whose generation none of its tasks had yet. The inbox is closed by now, or is
    /// so then: its signal is handed out, as it may be of the user's, and the id is given back whatever that one does.
    pub(crate) fn end(self, next: Number) -> Option<Signal> {
        let signal = self.inbox.close();
        let next = Number::first(next.executor(), next.generation());
        IDS.lock().unwrap_or_else(PoisonError::into_inner).free.push_back(next);
        signal
    }
}
