//! How the cost of an operation grows from a thousand tasks or timers to a million.

use clap::Parser;
use evenkeel_benches::{PeerName, Table, Workload, catalogue};
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Nanoseconds per operation with 1 000 to 1 000 000 live tasks or armed timers")]
struct Arguments {
    /// Only under this executor.
    #[arg(long, value_enum)]
    peer: Option<PeerName>,
    /// Of how many runs the fastest counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

fn main() {
    let arguments = Arguments::parse();
    let mut table = Table::new(["ns", "peer", "1 000", "10 000", "100 000", "1 000 000", "growth"]);
    for peer in PeerName::ALL {
        if arguments.peer.is_some_and(|only| only != peer) || peer.obstacle().is_some() {
            continue;
        }
        let works = catalogue(peer);
        let works: Vec<_> =
            works.iter().filter(|work| ["scale", "crowd"].contains(&work.group) || in_table(work)).collect();
        // The sizes of one kind of work follow each other.
        for sizes in works.chunk_by(|a, b| kind(a) == kind(b)) {
            let times: Vec<_> = sizes.iter().map(|work| fastest(work, arguments.rounds)).collect();
            let mut row = vec![kind(sizes[0]).to_owned(), peer.to_string()];
            row.extend(times.iter().map(|time| format!("{time:.1}")));
            row.push(format!("{:.1}", times[times.len() - 1] / times[0]));
            table.row(row);
        }
    }
    eprintln!();
    print!("{table}");
}

/// Of a curve the table has the points that the scale runs have.
fn in_table(work: &Workload) -> bool {
    work.group == "curve" && size(work).is_some_and(|size| size >= 1_000)
}

fn size(work: &Workload) -> Option<u64> {
    work.name.rsplit_once('-')?.1.parse().ok()
}

fn kind(work: &Workload) -> &str {
    work.name.rsplit_once('-').map_or("", |(kind, _)| kind)
}

fn fastest(work: &Workload, rounds: usize) -> f64 {
    eprint!("{} ", work.name);
    let count = work.calibrate(Duration::from_millis(20));
    let times = (0..rounds.max(1)).map(|_| work.time(count).as_nanos() as f64 / count as f64);
    times.fold(f64::INFINITY, f64::min)
}
