//! What a comparison found.

use crate::{machine::Machine, peer_name::PeerName, row::Row, shelf::Library, versions::version};
use serde::Serialize;

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

impl Report {
    /// The names of the peers that ran.
    pub fn ran(&self) -> impl Iterator<Item = &'static str> {
        self.peers.iter().filter(|peer| peer.skipped.is_none()).map(|peer| peer.name)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::watch::Clock;

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
}
