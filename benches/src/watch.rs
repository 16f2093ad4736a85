//! The stopwatch that a workload starts and stops around what counts.

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::time::Duration;

/// What a [`Watch`] goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// Time on the wall. It counts what others do to this machine as well.
    Wall,
    /// The time that this thread was on a processor: the steadiest, for work that one thread does.
    Thread,
    /// The time that all threads of this process were on a processor.
    Process,
}

impl Clock {
    fn now(self) -> Duration {
        let id = match self {
            Clock::Wall => ClockId::Monotonic,
            Clock::Thread => ClockId::ThreadCPUTime,
            Clock::Process => ClockId::ProcessCPUTime,
        };
        clock_gettime(id).try_into().expect("these clocks begin at zero")
    }
}

/// A stopwatch. Making the executor and setting the scene is left out of what it counts.
#[derive(Debug)]
pub struct Watch {
    /// `None`: the instructions are counted from outside, and not those of looking at a clock.
    clock: Option<Clock>,
    started: Duration,
    total: Duration,
}

impl Watch {
    /// A watch that goes by `clock`.
    pub fn new(clock: Clock) -> Watch {
        Watch { clock: Some(clock), started: Duration::ZERO, total: Duration::ZERO }
    }

    /// A watch that stands still.
    pub fn off() -> Watch {
        Watch { clock: None, started: Duration::ZERO, total: Duration::ZERO }
    }

    /// From here on time counts.
    pub fn start(&mut self) {
        if let Some(clock) = self.clock {
            self.started = clock.now();
        }
    }

    /// Up to here it did.
    pub fn stop(&mut self) {
        if let Some(clock) = self.clock {
            self.total += clock.now() - self.started;
        }
    }

    /// What was counted.
    pub fn total(&self) -> Duration {
        self.total
    }
}
