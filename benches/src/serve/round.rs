//! One server under one load, measured once.

use super::{
    child::Child,
    cpu_time::CpuTime,
    kind::Kind,
    load::{Limit, Load},
    server_name::ServerName,
};
use serde::Serialize;
use std::{error::Error, thread, time::Duration};

/// After so long without a request everybody sleeps, and the kernel has added up who has run for how long.
const REST: Duration = Duration::from_millis(10);

/// What was measured of one server under one load, once.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    /// How many requests were answered rightly.
    pub requests: usize,
    /// How many had another answer, or none.
    pub faults: usize,
    /// In how many seconds.
    pub seconds: f64,
    /// The server's CPU time for each, of all its threads, in user and system mode: microseconds.
    pub cpu: f64,
    /// How long half of the answers took at most: microseconds.
    pub p50: f64,
    /// How long 99 in 100 of the answers took at most: microseconds.
    pub p99: f64,
}

impl Round {
    /// Starts a server, measures it for about so long, and stops it. Also says how it waits, and what was wrong with answers.
    pub(crate) fn measure(
        server: ServerName,
        kind: Kind,
        connections: usize,
        long: Duration,
        core: Option<usize>,
    ) -> Result<(Round, String, Vec<String>), Box<dyn Error>> {
        let child = Child::start(server, kind, core, None)?;
        let mut load = Load::connect(child.port, kind, connections)?;
        let warm = long.div_f64(10.0).clamp(Duration::from_millis(50), Duration::from_millis(500));
        let mut warmed = load.run(Limit::For(warm))?;
        thread::sleep(REST);
        let before = CpuTime::of(child.id())?;
        let outcome = load.run(Limit::For(long))?;
        thread::sleep(REST);
        let cpu = CpuTime::of(child.id())?.since(&before);
        drop(load);
        let driver = child.driver.clone();
        child.stop()?;
        let [p50, p99] = outcome.latencies.percentiles([50, 99]);
        let round = Round {
            requests: outcome.answers,
            faults: warmed.faults + outcome.faults,
            seconds: outcome.elapsed.as_secs_f64(),
            cpu: cpu.as_nanos() as f64 / 1000.0 / outcome.answers as f64,
            p50,
            p99,
        };
        warmed.told.extend(outcome.told);
        Ok((round, driver, warmed.told))
    }

    /// How many requests were answered in a second.
    pub fn per_second(&self) -> f64 {
        self.requests as f64 / self.seconds
    }
}
