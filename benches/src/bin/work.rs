//! Runs one workload once and measures nothing: for profilers, and for counting instructions from outside.

use clap::Parser;
use evenkeel_benches::{PeerName, Watch, Workload, catalogue, libraries};
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Runs one workload, for profilers and instruction counters")]
struct Arguments {
    /// The workload's name.
    #[arg(long, required_unless_present = "list")]
    work: Option<String>,
    /// Under which executor it runs.
    #[arg(long, value_enum, default_value_t = PeerName::Evenkeel)]
    peer: PeerName,
    /// With which library, on evenkeel.
    #[arg(long, conflicts_with = "peer")]
    library: Option<String>,
    /// How many operations it does.
    #[arg(long, default_value_t = 1_000_000)]
    count: u64,
    /// Prints the names of what that peer or library can do, and what each does.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> Result<(), String> {
    let (who, works) = match &arguments.library {
        None => (arguments.peer.name(), of_peer(arguments.peer)?),
        Some(name) => (&**name, of_library(name)?),
    };
    if arguments.list {
        works.iter().for_each(|work| println!("{:24} {}", work.name, work.about));
    }
    let Some(name) = arguments.work else { return Ok(()) };
    let Some(work) = works.iter().find(|work| work.name == name) else {
        return Err(format!("{who} has no workload `{name}`: see --list"));
    };
    work.run(arguments.count, &mut Watch::off());
    println!("{name} {who} {}", arguments.count);
    Ok(())
}

fn of_peer(peer: PeerName) -> Result<Vec<Workload>, String> {
    match peer.obstacle() {
        None => Ok(catalogue(peer)),
        Some(reason) => Err(format!("{peer} cannot run here: {reason}")),
    }
}

fn of_library(name: &str) -> Result<Vec<Workload>, String> {
    let mut libraries = libraries();
    let Some(index) = libraries.iter().position(|library| library.name == name) else {
        let known: Vec<&str> = libraries.iter().map(|library| library.name).collect();
        return Err(format!("there is no library `{name}`; there are {}", known.join(", ")));
    };
    Ok(libraries.swap_remove(index).workloads)
}
