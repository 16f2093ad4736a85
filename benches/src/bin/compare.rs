//! Compares peers and libraries in one process: nanoseconds per operation, in rounds that alternate between them.
//!
//! What disturbs a machine for a while disturbs all then; the minimum is what the work costs when nothing does.

use clap::Parser;
use evenkeel_benches::{
    Contest, Library, Machine, PeerName, Report, Rounds, Row, Subject, Thresholds, libraries, markdown_tables,
};
use std::{error::Error, fs, path::PathBuf, process::ExitCode, time::Duration};
use time::OffsetDateTime;

#[derive(Parser)]
#[command(
    about = "Compares evenkeel with other executors and libraries, in alternating rounds in one process, and writes a report"
)]
struct Arguments {
    /// Only workloads that have one of these in their name or group. Without any: all but the longest scale runs.
    parts: Vec<String>,
    /// Only these peers, separated by commas; then libraries run only in workloads that are named.
    #[arg(long, value_enum, value_delimiter = ',')]
    peers: Vec<PeerName>,
    /// How often each runs each workload.
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// How long one run takes, about, in milliseconds.
    #[arg(long, default_value_t = 15)]
    millis: u64,
    /// The folder for the report.
    #[arg(long, default_value = "report")]
    out: PathBuf,
    /// A file of thresholds, lines of `WORKLOAD RATIO`: fails if evenkeel is not so many times as fast as tokio's faster flavour.
    #[arg(long)]
    check: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(unmet) if unmet.is_empty() => ExitCode::SUCCESS,
        Ok(unmet) => {
            eprintln!("These ratios fell short:");
            unmet.iter().for_each(|line| eprintln!("  {line}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Measures, writes the report, and returns the thresholds that were not met.
fn run(arguments: Arguments) -> Result<Vec<String>, Box<dyn Error>> {
    let with_libraries = arguments.peers.is_empty() || !arguments.parts.is_empty();
    let wanted = if arguments.peers.is_empty() { PeerName::ALL.to_vec() } else { arguments.peers };
    let subjects: Vec<Subject> = wanted.iter().map(|peer| Subject::new(*peer)).collect();
    for subject in &subjects {
        if let Some(reason) = &subject.skipped {
            eprintln!("{} is skipped: {reason}", subject.name);
        }
    }
    let able = |(peer, subject): (PeerName, &Subject)| subject.skipped.is_none().then_some(peer);
    let peers: Vec<PeerName> = wanted.into_iter().zip(&subjects).filter_map(able).collect();
    let contests = if with_libraries { Contest::of_all(&peers) } else { Contest::of_peers(&peers) };
    let known = Contest::names(&contests);
    let thresholds = match &arguments.check {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            Some(Thresholds::parse(&text, &known).map_err(|error| format!("{}, {error}", path.display()))?)
        }
        None => None,
    };
    let contests = Contest::select(contests, &arguments.parts)?;
    let takes_part = |library: &&Library| contests.iter().any(|contest| contest.of(library.name).is_some());
    let mut rounds = Rounds::new(arguments.rounds, Duration::from_millis(arguments.millis));
    let mut report = Report {
        date: OffsetDateTime::now_utc().date().to_string(),
        rounds: rounds.rounds,
        millis: arguments.millis,
        machine: Machine::here(),
        peers: subjects,
        libraries: libraries().iter().filter(takes_part).map(Subject::library).collect(),
        rows: Vec::new(),
    };
    for (index, contest) in contests.iter().enumerate() {
        eprint!("[{}/{}] {:24}", index + 1, contests.len(), contest.work().name);
        let row = rounds.run(contest);
        for (name, _) in contest.entrants() {
            if let Some(time) = row.least(name) {
                eprint!(" {name} {time:.1}");
            }
        }
        eprintln!();
        report.rows.push(row);
    }
    report.write(&arguments.out)?;
    print!("{}", markdown_tables(&report, Row::least));
    eprintln!("The report is in {}", arguments.out.display());
    let Some(thresholds) = thresholds else { return Ok(Vec::new()) };
    let unmeasured = thresholds.unmeasured(&report);
    if !unmeasured.is_empty() {
        eprintln!("Not measured, so not checked: {}", unmeasured.join(", "));
    }
    Ok(thresholds.unmet(&report))
}
