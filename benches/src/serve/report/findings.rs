//! What a comparison of servers found.

use crate::{
    machine::Machine,
    report::Subject,
    serve::{kind::Kind, round::Round},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// All that a comparison of servers found, and how.
#[derive(Debug, Serialize)]
pub struct Report {
    /// When it began, as `YYYY-MM-DD`.
    pub date: String,
    /// How long each round measured, about, in seconds.
    pub seconds: f64,
    /// How often each server was measured under each load.
    pub rounds: usize,
    /// Where it ran.
    pub machine: Machine,
    /// Whether the servers had one core, and the load another.
    pub pinned: bool,
    /// Why no system calls were counted, if they were not.
    pub uncounted: Option<String>,
    /// The servers that took part.
    pub servers: Vec<Server>,
    /// What was measured.
    pub cells: Vec<Cell>,
}

/// A server in a report.
#[derive(Debug, Serialize)]
pub struct Server {
    /// Its name, its executor's package, and how it is set up.
    #[serde(flatten)]
    pub subject: Subject,
    /// How it waits for its sockets, as it says itself; not known of one that did not run.
    pub driver: Option<String>,
}

/// What was measured of one server under one load.
#[derive(Debug, Serialize)]
pub struct Cell {
    /// Its name.
    pub server: &'static str,
    /// What it does.
    pub kind: Kind,
    /// How many connections there were.
    pub connections: usize,
    /// Each round.
    pub rounds: Vec<Round>,
    /// Its system calls for each request, by name, if they were counted.
    pub calls: Option<BTreeMap<String, f64>>,
}

impl Cell {
    /// The round that counts: the one with the least CPU time for a request, of those in which requests were answered.
    pub fn best(&self) -> Option<&Round> {
        self.rounds.iter().filter(|round| round.requests > 0).min_by(|a, b| a.cpu.total_cmp(&b.cpu))
    }

    /// All system calls for a request.
    pub fn all_calls(&self) -> Option<f64> {
        // A sum of nothing would be −0.
        Some(self.calls.as_ref()?.values().fold(0.0, |all, calls| all + calls))
    }
}

impl Report {
    /// The loads, in the order in which they were measured, each with what was measured under it.
    pub fn loads(&self) -> Vec<(Kind, usize, Vec<&Cell>)> {
        let mut loads: Vec<(Kind, usize, Vec<&Cell>)> = Vec::new();
        for cell in &self.cells {
            match loads.iter_mut().find(|(kind, connections, _)| (*kind, *connections) == (cell.kind, cell.connections))
            {
                Some((_, _, cells)) => cells.push(cell),
                None => loads.push((cell.kind, cell.connections, vec![cell])),
            }
        }
        loads
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A small report with every kind of gap.
    pub(crate) fn sample() -> Report {
        let subject = |name, skipped| Subject { name, package: name, version: "1.2.3", about: "a loop", skipped };
        let round = |requests, cpu| Round { requests, faults: 0, seconds: 0.5, cpu, p50: 40.25, p99: 1234.5 };
        let cell = |server, kind, connections, rounds, calls: Option<&[(&str, f64)]>| Cell {
            server,
            kind,
            connections,
            rounds,
            calls: calls.map(|calls| calls.iter().map(|(name, calls)| ((*name).to_owned(), *calls)).collect()),
        };
        let plain = [("recvfrom", 1.0), ("sendto", 1.0), ("epoll_wait", 0.25), ("munmap", 1.0 / 4096.0)];
        Report {
            date: "2001-02-03".to_owned(),
            seconds: 0.5,
            rounds: 2,
            machine: Machine {
                processor: "P".into(),
                cores: 2,
                kernel: "K".into(),
                load: "0.00".into(),
                rustc: "R".into(),
            },
            pinned: true,
            uncounted: None,
            servers: vec![
                Server { subject: subject("evenkeel", None), driver: Some("epoll".into()) },
                Server { subject: subject("tokio", None), driver: Some("epoll".into()) },
                Server { subject: subject("glommio", Some("no io_uring".into())), driver: None },
            ],
            cells: vec![
                cell(
                    "evenkeel",
                    Kind::Echo,
                    1,
                    vec![round(5000, 6.5), round(6000, 5.0), round(0, f64::NAN)],
                    Some(&plain),
                ),
                cell("tokio", Kind::Echo, 1, vec![round(5500, 7.125)], None),
                cell("evenkeel", Kind::Http, 64, vec![round(9000, 4.0)], Some(&plain[..2])),
                cell("tokio", Kind::Http, 64, vec![round(0, f64::NAN)], None),
            ],
        }
    }

    #[test]
    fn the_round_with_the_least_cpu_time_counts_and_one_without_answers_never() {
        let report = sample();
        let best = report.cells[0].best().unwrap();
        assert_eq!((best.requests, best.cpu, best.per_second()), (6000, 5.0, 12_000.0));
        assert!(report.cells[3].best().is_none());
    }

    #[test]
    fn calls_are_summed_where_they_were_counted() {
        let mut report = sample();
        assert_eq!(
            report.cells.iter().map(Cell::all_calls).collect::<Vec<_>>(),
            [Some(2.25 + 1.0 / 4096.0), None, Some(2.0), None]
        );
        report.cells[0].calls = Some(BTreeMap::new());
        assert_eq!(report.cells[0].all_calls().map(f64::to_bits), Some(0), "no call is counted, and none below zero");
    }

    #[test]
    fn cells_of_one_load_stand_together() {
        let report = sample();
        let loads: Vec<(Kind, usize, usize)> =
            report.loads().into_iter().map(|(kind, connections, cells)| (kind, connections, cells.len())).collect();
        assert_eq!(loads, [(Kind::Echo, 1, 2), (Kind::Http, 64, 2)]);
    }
}
