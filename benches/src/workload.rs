//! A workload: a program that does a given number of operations.

use crate::watch::{Clock, Watch};
use std::{fmt, time::Duration};

/// A program that does a number of equal operations, under one peer.
pub struct Workload {
    /// Its name on command lines and in reports.
    pub name: String,
    /// What it is about; each group is one criterion benchmark.
    pub group: &'static str,
    /// What it does, and what one operation is.
    pub about: &'static str,
    /// The fewest operations that show what is to be seen: a batch, or one for each task.
    pub unit: u64,
    /// By which clock it is measured.
    pub clock: Clock,
    pub(crate) body: Body,
}

/// Does so many operations, and returns how many it counted.
pub(crate) type Body = Box<dyn Fn(u64, &mut Watch) -> u64>;

impl Workload {
    /// Does `count` operations and checks that they were done: every operation gives a one, and the program adds them up.
    ///
    /// # Panics
    ///
    /// If the sum is another.
    pub fn run(&self, count: u64, watch: &mut Watch) {
        let done = (self.body)(count, watch);
        assert_eq!(done, count, "{} lost operations", self.name);
    }

    /// The time that `count` operations take, by the workload's own clock.
    pub fn time(&self, count: u64) -> Duration {
        let mut watch = Watch::new(self.clock);
        self.run(count, &mut watch);
        watch.total()
    }

    /// How many operations last about `long`, in whole units. It warms everything up on the way.
    pub fn calibrate(&self, long: Duration) -> u64 {
        let mut count = self.unit;
        loop {
            let time = self.time(count).max(Duration::from_nanos(1));
            if time * 2 >= long {
                return count;
            }
            // Short runs say little about long ones, so it takes some steps to get there.
            let factor = (long.as_secs_f64() / time.as_secs_f64()).clamp(2.0, 100.0);
            count = (count as f64 * factor) as u64;
            count = count.next_multiple_of(self.unit);
        }
    }
}

impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workload")
            .field("name", &self.name)
            .field("group", &self.group)
            .field("unit", &self.unit)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
