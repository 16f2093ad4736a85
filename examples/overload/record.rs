//! What is counted.

use evenkeel::Instant;
use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

/// What a caller would wait for; later answers are for nobody.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);

/// What happened under one policy.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) offered: Cell<usize>,
    pub(crate) rejected: Cell<usize>,
    pub(crate) tasks: Peak,
    pub(crate) queued: Peak,
    /// When requests were done, and how long they took from their coming.
    pub(crate) done: RefCell<Vec<(Duration, Duration)>>,
    /// How many tasks there were, over time.
    pub(crate) samples: RefCell<Vec<(Duration, usize)>>,
}

/// A number that goes up and down, and the most that it was.
#[derive(Default)]
pub(crate) struct Peak {
    now: Cell<usize>,
    most: Cell<usize>,
}

impl Peak {
    pub(crate) fn set(&self, now: usize) {
        self.now.set(now);
        self.most.set(self.most.get().max(now));
    }

    pub(crate) fn now(&self) -> usize {
        self.now.get()
    }

    pub(crate) fn most(&self) -> usize {
        self.most.get()
    }
}

impl Record {
    /// A task begins; it ends when what comes back is dropped.
    pub(crate) fn task(&self) -> impl Drop + '_ {
        struct Ends<'a>(&'a Peak);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.now() - 1);
            }
        }
        self.tasks.set(self.tasks.now() + 1);
        Ends(&self.tasks)
    }

    pub(crate) fn reject(&self) {
        self.rejected.set(self.rejected.get() + 1);
    }

    pub(crate) fn done(&self, came_at: Duration) {
        let now = Instant::now().since_origin();
        self.done.borrow_mut().push((now, now - came_at));
    }

    /// How many were done while somebody still wanted them.
    pub(crate) fn in_time(&self) -> usize {
        self.done.borrow().iter().filter(|(_, took)| *took <= PATIENCE).count()
    }

    /// So many of a hundred took no longer.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let mut took: Vec<_> = self.done.borrow().iter().map(|(_, took)| *took).collect();
        took.sort_unstable();
        took.get((took.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
    }
}
