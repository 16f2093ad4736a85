//! Compares the peers in one process: nanoseconds per operation, in rounds that alternate between them.
//!
//! What disturbs a machine for a while disturbs both then; the minimum is what the work costs when nothing does.

use clap::Parser;
use evenkeel_benches::{Clock, PeerName, Table, Workload, catalogue};
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Compares evenkeel with its peers, in alternating rounds in one process")]
struct Arguments {
    /// Only workloads that have one of these in their name or group. Without any: all but the scale runs.
    only: Vec<String>,
    /// How often each peer runs each workload.
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// How long one run takes, about, in milliseconds.
    #[arg(long, default_value_t = 20)]
    millis: u64,
}

fn main() {
    let arguments = Arguments::parse();
    let mut headings = vec!["ns per operation".to_owned(), "clock".to_owned()];
    for peer in PeerName::ALL {
        headings.extend([format!("{peer} min"), "median".to_owned()]);
    }
    headings.push("ratio".to_owned());
    let mut table = Table::new(headings);
    for pair in pairs(&arguments.only) {
        eprint!("{} ", pair[0].name);
        let times = alternate(&pair, &arguments);
        let clock = match pair[0].clock {
            Clock::Wall => "wall",
            Clock::Thread => "thread",
            Clock::Process => "process",
        };
        let mut row = vec![pair[0].name.clone(), clock.to_owned()];
        for times in &times {
            row.push(format!("{:.1}", times[0]));
            row.push(format!("{:.1}", times[times.len() / 2]));
        }
        row.push(format!("{:.1}", times[1][0] / times[0][0]));
        table.row(row);
    }
    eprintln!();
    print!("{table}");
}

/// The wanted workloads, each under every peer.
fn pairs(only: &[String]) -> impl Iterator<Item = [Workload; 2]> {
    let [ours, theirs] = PeerName::ALL.map(catalogue);
    ours.into_iter().zip(theirs).map(|(ours, theirs)| [ours, theirs]).filter(move |[work, _]| match only {
        [] => work.group != "scale",
        only => only.iter().any(|part| work.name.contains(part) || work.group.contains(part)),
    })
}

/// Nanoseconds per operation of each round, sorted, for every peer.
fn alternate(works: &[Workload; 2], arguments: &Arguments) -> [Vec<f64>; 2] {
    let long = Duration::from_millis(arguments.millis);
    let counts = works.each_ref().map(|work| work.calibrate(long));
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..arguments.rounds.max(1) {
        for (index, work) in works.iter().enumerate() {
            let time = work.time(counts[index]);
            times[index].push(time.as_nanos() as f64 / counts[index] as f64);
        }
    }
    times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    times
}
