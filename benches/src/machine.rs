//! The machine that something was measured on.

use serde::Serialize;
use std::{fs, thread};

/// What of the machine bears upon figures.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's own name.
    pub processor: String,
    /// How many threads it runs at a time.
    pub cores: usize,
    /// The system's kernel.
    pub kernel: String,
    /// How many threads wanted to run at a time, on average over the last minute.
    pub load: String,
    /// The compiler that made this program.
    pub rustc: String,
}

impl Machine {
    /// This one.
    pub fn here() -> Machine {
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Machine {
            processor: model.map_or("unknown", |(_, name)| name).to_owned(),
            cores: thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
            rustc: env!("RUSTC_VERSION").to_owned(),
        }
    }
}
