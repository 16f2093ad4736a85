//! Measuring all who can do a workload in turn.

use crate::{contest::Contest, row::Row, workload::Workload};
use std::{collections::HashMap, time::Duration};

/// From so many waiting tasks on, setting the scene takes longer than what is measured.
const LARGE: usize = 100_000;

/// What is measured less often than asked for, in words.
pub(crate) const EXCEPTION: &str = "3 rounds at most where there are 100 000 tasks or more";

/// How much is measured.
#[derive(Debug)]
pub struct Rounds {
    /// How often each entrant runs each workload.
    pub rounds: usize,
    /// About how long one run is.
    pub long: Duration,
    /// How many operations the entrants were found to do in that time, by kind of workload; for the large sizes.
    counts: HashMap<(&'static str, String), u64>,
}

impl Rounds {
    /// So many of such a length.
    pub fn new(rounds: usize, long: Duration) -> Rounds {
        Rounds { rounds: rounds.max(1), long, counts: HashMap::new() }
    }

    /// Runs A B C A B C …, so that what disturbs the machine for a while disturbs all.
    pub fn run(&mut self, contest: &Contest) -> Row {
        let mut row = Row::new(contest.work());
        let large = waiting(contest.work()).is_some_and(|(_, size)| size >= LARGE);
        let counts: Vec<u64> = contest.entrants().map(|(name, work)| self.count(name, work, large)).collect();
        let rounds = if large { self.rounds.min(3) } else { self.rounds };
        for _ in 0..rounds {
            for ((name, work), count) in contest.entrants().zip(&counts) {
                let time = work.time(*count).as_nanos() as f64 / *count as f64;
                row.times.entry(name).or_default().push(time);
            }
        }
        row
    }

    /// How many operations last long enough. In a large crowd that is not found out by trial.
    fn count(&mut self, name: &'static str, work: &Workload, large: bool) -> u64 {
        let Some((kind, _)) = waiting(work) else { return work.calibrate(self.long) };
        let key = (name, kind.to_owned());
        if let Some(count) = self.counts.get(&key).filter(|_| large) {
            return count.next_multiple_of(work.unit);
        }
        let count = work.calibrate(self.long);
        self.counts.insert(key, count);
        count
    }
}

/// The kind of a workload that runs among many tasks, and how many there are.
fn waiting(work: &Workload) -> Option<(&str, usize)> {
    let (kind, size) = work.name.rsplit_once('-')?;
    if kind.ends_with("-among") || kind == "yield-all" { Some((kind, size.parse().ok()?)) } else { None }
}
