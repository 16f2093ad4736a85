//! Silent waits, told of: an executor that waits at its end, and jobs for which no thread is free.
//!
//! What waits here may be right to wait. But whoever sees a program stand still is to know what for, so each is one line through
//! `on_unhandled`, once. They are looked for where the loop sleeps in real time, and before the inbox is armed, as the hook may do anything.

use crate::{
    core::Core,
    outcome::unhandled::{Unhandled, UnhandledKind},
    threads::shortage::Shortage,
};
use std::time::Duration;

impl Core {
    /// The loop is about to sleep in real time. How long it may sleep before something is to be told; `None` if something was told just now.
    #[cold]
    pub(crate) fn tell_of_waits(&self, max: Option<Duration>) -> Option<Option<Duration>> {
        let at_most = |max: Option<Duration>, left| Some(max.map_or(left, |max: Duration| max.min(left)));
        let mut max = max;
        if let Some(left) = self.notices.end_in() {
            if left.is_zero() {
                self.notices.end_is_told();
                return self.tell(UnhandledKind::EndWaits(self.who_keeps_the_end().into()));
            }
            max = at_most(max, left);
        }
        match self.threads.shortage(self.notices.after) {
            Shortage::None => {}
            Shortage::In(left) => max = at_most(max, left),
            Shortage::Now(jobs) => {
                let jobs: Vec<_> = jobs.iter().map(|job| format!("that of the to_thread at {job}")).collect();
                return self.tell(UnhandledKind::JobsWait(jobs.join(", ").into()));
            }
        }
        Some(max)
    }

    fn who_keeps_the_end(&self) -> String {
        let tasks = Some(self.tasks.who_lives()).filter(|tasks| !tasks.is_empty());
        let jobs = self.threads.jobs_at_work().into_iter().map(|job| Unhandled::at(job, UnhandledKind::JobLeft).task());
        tasks.into_iter().chain(jobs).collect::<Vec<_>>().join(", ")
    }

    fn tell<T>(&self, kind: UnhandledKind) -> Option<T> {
        self.tasks.clear_current();
        self.tasks.unhandler.report(Unhandled::new(kind));
        None
    }
}
