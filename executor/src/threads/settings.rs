//! What a builder says about threads.

use std::{thread, time::Duration};

/// What a builder says about threads.
#[derive(Clone)]
pub(crate) struct Settings {
    /// `None`: by the number of cores.
    pub(crate) max: Option<usize>,
    /// How long a thread waits for a job before it ends.
    pub(crate) keep_alive: Duration,
    pub(crate) name: String,
    pub(crate) stack_size: Option<usize>,
}

impl Default for Settings {
    fn default() -> Settings {
        const KEEP_ALIVE: Duration = Duration::from_secs(5);
        Settings { max: None, keep_alive: KEEP_ALIVE, name: "evenkeel".to_owned(), stack_size: None }
    }
}

impl Settings {
    /// How many may be at work at a time.
    pub(crate) fn max(&self) -> usize {
        // As asyncio does: jobs wait more than they compute.
        let by_cores = || thread::available_parallelism().map_or(1, Into::into).saturating_add(4).min(32);
        self.max.unwrap_or_else(by_cores)
    }
}
