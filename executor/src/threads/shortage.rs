//! Jobs for which no thread is free.

use std::{
    panic::Location,
    time::{Duration, Instant},
};

/// Does a job wait for a thread, while none comes free?
pub(crate) enum Shortage {
    None,
    /// It is to be told of after that time, if it lasts.
    In(Duration),
    /// It is to be told of. Where the jobs were asked for that keep the threads.
    Now(Vec<&'static Location<'static>>),
}

/// Since when no thread has come free for a job in line.
#[derive(Default)]
pub(super) struct Scarce {
    since: Option<Instant>,
    is_told: bool,
}

impl Scarce {
    /// A job has found no thread that is free.
    pub(super) fn begin(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// A thread has taken a job; others wait, or not.
    pub(super) fn go_on(&mut self, others_wait: bool) {
        *self = Scarce { since: others_wait.then(Instant::now), is_told: false };
    }

    /// All threads are at work, and jobs wait. How long that may last still; `None` once that was told.
    pub(super) fn look(&mut self, after: Duration) -> Option<Duration> {
        let left = after.saturating_sub(self.since?.elapsed());
        if self.is_told {
            return None;
        }
        self.is_told = left.is_zero();
        Some(left)
    }
}
