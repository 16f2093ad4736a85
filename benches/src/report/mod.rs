//! What a comparison found.

pub mod markdown;
pub mod plot;

use crate::{
    machine::Machine, peer_name::PeerName, shelf::Library, versions::version, watch::Clock, workload::Workload,
};
use serde::Serialize;
use std::{collections::BTreeMap, error::Error, fs, path::Path};

/// All that a comparison found, and how.
#[derive(Debug, Serialize)]
pub struct Report {
    /// When it began, as `YYYY-MM-DD`.
    pub date: String,
    /// How often each entrant ran each workload.
    pub rounds: usize,
    /// About how long each run was, in milliseconds.
    pub millis: u64,
    /// Where it ran.
    pub machine: Machine,
    /// The executors that took part.
    pub peers: Vec<Subject>,
    /// The libraries that took part.
    pub libraries: Vec<Subject>,
    /// What was measured.
    pub rows: Vec<Row>,
}

/// A peer or a library in a report.
#[derive(Debug, Serialize)]
pub struct Subject {
    /// Its name.
    pub name: &'static str,
    /// The package that it comes from.
    pub package: &'static str,
    /// That package's version.
    pub version: &'static str,
    /// How it was set up.
    pub about: &'static str,
    /// Why it did not run.
    pub skipped: Option<String>,
}

impl Subject {
    /// A peer, if it can run here.
    pub fn new(peer: PeerName) -> Subject {
        Subject {
            name: peer.name(),
            package: peer.package(),
            version: version(peer.package()).unwrap_or("unknown"),
            about: peer.about(),
            skipped: peer.obstacle(),
        }
    }

    /// A library.
    pub fn library(library: &Library) -> Subject {
        let &Library { name, package, about, .. } = library;
        Subject { name, package, version: version(package).unwrap_or("unknown"), about, skipped: None }
    }
}

/// A workload in a report.
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

impl Report {
    /// Writes `report.md`, `report.json` and the plots into a folder, which it makes.
    pub fn write(&self, folder: &Path) -> Result<(), Box<dyn Error>> {
        fs::create_dir_all(folder)?;
        let plots = plot::draw(self, folder)?;
        fs::write(folder.join("report.md"), markdown::page(self, &plots))?;
        fs::write(folder.join("report.json"), serde_json::to_string_pretty(self)? + "\n")?;
        Ok(())
    }

    /// The names of the peers that ran.
    pub fn ran(&self) -> impl Iterator<Item = &'static str> {
        self.peers.iter().filter(|peer| peer.skipped.is_none()).map(|peer| peer.name)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small report with every kind of gap.
    pub(crate) fn sample() -> Report {
        let subject = |peer| Subject { version: "1.2.3", skipped: None, ..Subject::new(peer) };
        let row = |workload: &str, group, times: &[(&'static str, &[f64])]| Row {
            workload: workload.to_owned(),
            group,
            about: "one is an operation",
            clock: if group == "threads" { Clock::Wall } else { Clock::Thread },
            times: times.iter().map(|(name, times)| (*name, times.to_vec())).collect(),
        };
        Report {
            date: "2001-02-03".to_owned(),
            rounds: 3,
            millis: 5,
            machine: Machine {
                processor: "P".into(),
                cores: 2,
                kernel: "K".into(),
                load: "0.00".into(),
                rustc: "R".into(),
            },
            peers: vec![
                subject(PeerName::Evenkeel),
                subject(PeerName::Tokio),
                subject(PeerName::Compio),
                Subject { skipped: Some("no io_uring".into()), ..subject(PeerName::Glommio) },
            ],
            libraries: ["kanal", "flume"]
                .map(|name| Subject { name, package: name, version: "1.2.3", about: "channels", skipped: None })
                .into(),
            rows: vec![
                row(
                    "yield-1",
                    "yield",
                    &[("evenkeel", &[7.0, 5.0, 6.0]), ("tokio", &[50.0, 80.0, 51.0]), ("compio", &[20.0, 20.0, 21.0])],
                ),
                row("spawn", "spawn", &[("evenkeel", &[9.0, 9.0, 9.5])]),
                row(
                    "remote-1",
                    "threads",
                    &[("evenkeel", &[40.0]), ("tokio", &[80.0]), ("kanal", &[30.0]), ("flume", &[50.0])],
                ),
                row(
                    "remote-2",
                    "threads",
                    &[("evenkeel", &[40.0]), ("tokio", &[80.0]), ("kanal", &[20.0]), ("flume", &[60.0])],
                ),
                row("wake", "family", &[("flume", &[7.0])]),
                row("yield-among-1", "curve", &[("evenkeel", &[5.0]), ("tokio", &[50.0])]),
                row("yield-among-10", "curve", &[("evenkeel", &[6.0]), ("tokio", &[60.0])]),
            ],
        }
    }

    #[test]
    fn minima_medians_and_ratios() {
        let report = sample();
        let row = &report.rows[0];
        assert_eq!((row.least("evenkeel"), row.median("evenkeel")), (Some(5.0), Some(6.0)));
        assert_eq!((row.ratio(), row.ratio_of("compio")), (Some(10.0), Some(2.5)));
        assert_eq!(row.best_other(), Some(("compio", 20.0)));
        assert_eq!((report.rows[1].ratio(), report.rows[1].best_other()), (None, None));
    }

    #[test]
    fn the_ratio_is_to_the_faster_flavour_of_tokio() {
        let mut report = sample();
        report.rows[0].times.insert("tokio-local-runtime", vec![41.0, 40.0]);
        assert_eq!((report.rows[0].ratio(), report.rows[0].ratio_of("tokio")), (Some(8.0), Some(0.8)));
    }

    #[test]
    fn everything_is_written() {
        let folder = std::env::temp_dir().join(format!("evenkeel-report-{}", std::process::id()));
        sample().write(&folder).unwrap();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&read("report.json")).unwrap();
        assert_eq!(json["rows"][0]["times"]["tokio"], serde_json::json!([50.0, 80.0, 51.0]));
        assert_eq!(json["peers"][3]["skipped"], "no io_uring");
        assert!(read("report.md").contains("(ratio.svg)"));
        for (plot, name) in [("ratio.svg", "compio"), ("libraries.svg", "kanal"), ("yield-among.svg", "tokio")] {
            assert!(read(plot).contains("evenkeel") && read(plot).contains(name), "{plot}");
        }
        assert!(!folder.join("spawn-among.svg").exists(), "there was nothing to draw");
        fs::remove_dir_all(folder).unwrap();
    }
}
