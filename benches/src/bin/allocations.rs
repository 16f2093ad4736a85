//! Counts allocations per operation, which are repeatable where times are not.
//!
//! Each workload runs with two counts of operations; the difference of the allocations, divided by the difference of the
//! counts, leaves out what is needed once.

use clap::Parser;
use evenkeel_benches::{Contest, PeerName, Table, Watch, Workload};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::{alloc::System, process::ExitCode};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[derive(Parser)]
#[command(about = "Allocations and bytes per operation, of each workload and peer")]
struct Arguments {
    /// Only workloads that have one of these in their name or group. Without any: all but the longest.
    only: Vec<String>,
    /// Only these peers, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    peers: Vec<PeerName>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let wanted = |peer: &PeerName| arguments.peers.is_empty() || arguments.peers.contains(peer);
    let able = |peer: &PeerName| peer.obstacle().is_none();
    let peers: Vec<_> = PeerName::ALL.into_iter().filter(wanted).filter(able).collect();
    let mut contests = match Contest::select(Contest::of_peers(&peers), &arguments.only) {
        Ok(contests) => contests,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    if arguments.only.is_empty() {
        contests.retain(|contest| contest.work().group != "crowd");
    }
    let headings = ["allocations (bytes) per operation"].into_iter().chain(peers.iter().map(|peer| peer.name()));
    let mut table = Table::new(headings);
    for contest in &contests {
        eprint!("{} ", contest.work().name);
        let mut row = vec![contest.work().name.clone()];
        for peer in &peers {
            let cell = contest.of(peer.name()).map(|work| {
                let (allocations, bytes) = per_operation(work);
                format!("{allocations:.2} ({bytes:.0})")
            });
            row.push(cell.unwrap_or("–".to_owned()));
        }
        table.row(row);
    }
    eprintln!();
    print!("{table}");
    ExitCode::SUCCESS
}

/// Allocations, and bytes in them; that a block grew is an allocation.
fn per_operation(work: &Workload) -> (f64, f64) {
    // Some cost much at first, and some wait for the wall's clock.
    let fewer = (work.unit * 2).max(2_000);
    let more = fewer * 2;
    let [first, second] = [fewer, more].map(|count| {
        let region = Region::new(ALLOCATOR);
        work.run(count, &mut Watch::off());
        let change = region.change();
        ((change.allocations + change.reallocations) as f64, change.bytes_allocated as f64)
    });
    // Less in the longer run is chance.
    let per_operation = |first: f64, second: f64| (second - first).max(0.0) / (more - fewer) as f64;
    (per_operation(first.0, second.0), per_operation(first.1, second.1))
}
