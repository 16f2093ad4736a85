//! What was measured of one workload.

use crate::{peer_name::PeerName, watch::Clock, workload::Workload};
use serde::Serialize;
use std::collections::BTreeMap;

/// What was measured of one workload.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub workload: String,
    /// Its group.
    pub group: &'static str,
    /// What it does.
    pub about: &'static str,
    /// By which clock it was measured.
    pub clock: Clock,
    /// For each peer and library that can do it: nanoseconds per operation, of each round.
    pub times: BTreeMap<&'static str, Vec<f64>>,
}

impl Row {
    /// A row for this workload, without times.
    pub fn new(work: &Workload) -> Row {
        Row {
            workload: work.name.clone(),
            group: work.group,
            about: work.about,
            clock: work.clock,
            times: BTreeMap::new(),
        }
    }

    /// Those of these names that could do it.
    pub fn of<'a>(&self, names: &[&'a str]) -> Vec<&'a str> {
        names.iter().copied().filter(|name| self.times.contains_key(name)).collect()
    }

    /// The fastest round of an entrant.
    pub fn least(&self, name: &str) -> Option<f64> {
        self.times.get(name)?.iter().copied().min_by(f64::total_cmp)
    }

    /// The round of an entrant that half of its rounds are faster than.
    pub fn median(&self, name: &str) -> Option<f64> {
        let mut times = self.times.get(name)?.clone();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied()
    }

    /// A figure of tokio: that of the faster of its flavours that ran.
    pub fn tokio(&self, figure: impl Fn(&Row, &str) -> Option<f64>) -> Option<f64> {
        PeerName::FLAVOURS.iter().filter_map(|peer| figure(self, peer.name())).min_by(f64::total_cmp)
    }

    /// How many times as fast as tokio this project is, by the fastest rounds.
    pub fn ratio(&self) -> Option<f64> {
        self.ratio_of(PeerName::Evenkeel.name())
    }

    /// The same of another entrant.
    pub fn ratio_of(&self, name: &str) -> Option<f64> {
        Some(self.tokio(Row::least)? / self.least(name)?)
    }

    /// The fastest that is neither this project nor tokio.
    pub fn best_other(&self) -> Option<(&'static str, f64)> {
        let known =
            |name: &str| PeerName::FLAVOURS.iter().any(|peer| peer.name() == name) || name.starts_with("evenkeel");
        let others = self.times.keys().filter(|name| !known(name));
        others.filter_map(|name| Some((*name, self.least(name)?))).min_by(|a, b| a.1.total_cmp(&b.1))
    }
}
