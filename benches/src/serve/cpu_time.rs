//! The CPU time of another process.

use std::{collections::BTreeMap, fs, io, time::Duration};

/// How long each thread of a process has run until now, in user and in system mode, in nanoseconds.
#[derive(Debug, PartialEq)]
pub(crate) struct CpuTime(BTreeMap<String, u64>);

impl CpuTime {
    /// Of the process with this number. What a thread does just now may be missing for some milliseconds.
    pub(crate) fn of(process: u32) -> io::Result<CpuTime> {
        let mut times = BTreeMap::new();
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            let thread = thread?;
            let text = fs::read_to_string(thread.path().join("schedstat"))?;
            let nanos =
                first(&text).ok_or_else(|| io::Error::other(format!("a schedstat of the kernel's is `{text}`")))?;
            times.insert(thread.file_name().to_string_lossy().into_owned(), nanos);
        }
        Ok(CpuTime(times))
    }

    /// How long the threads have run since then.
    pub(crate) fn since(&self, before: &CpuTime) -> Duration {
        let grown = |(thread, nanos): (&String, &u64)| nanos.saturating_sub(before.0.get(thread).copied().unwrap_or(0));
        Duration::from_nanos(self.0.iter().map(grown).sum())
    }
}

/// The time on a CPU, which stands before the time in the queue and the number of turns.
fn first(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times<const N: usize>(threads: [(&str, u64); N]) -> CpuTime {
        CpuTime(threads.map(|(thread, nanos)| (thread.to_owned(), nanos)).into())
    }

    #[test]
    fn all_threads_count_and_those_that_came_later_from_their_start() {
        let before = times([("1", 1000), ("2", 500), ("3", 7)]);
        let after = times([("1", 1500), ("2", 500), ("4", 30)]);
        assert_eq!(after.since(&before), Duration::from_nanos(530));
        assert_eq!(after.since(&after), Duration::ZERO);
    }

    #[test]
    fn the_time_is_the_first_of_three_figures() {
        assert_eq!(first("123456 789 3\n"), Some(123_456));
        assert_eq!((first(""), first("much 1 2")), (None, None));
    }

    #[test]
    fn this_process_has_run_for_some_time() {
        let now = CpuTime::of(std::process::id()).unwrap();
        assert!(!now.0.is_empty());
        assert!(now.since(&times([])) > Duration::ZERO);
    }
}
