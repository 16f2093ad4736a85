//! Runs one workload once and measures nothing: for profilers, and for counting instructions from outside.

use clap::Parser;
use evenkeel_benches::{PeerName, Watch, catalogue, find, libraries};

#[derive(Parser)]
#[command(about = "Runs one workload, for profilers and instruction counters")]
struct Arguments {
    /// The workload's name, or `WORKLOAD/LIBRARY`.
    #[arg(long, required_unless_present = "list")]
    work: Option<String>,
    /// Under which executor it runs.
    #[arg(long, value_enum, default_value_t = PeerName::Evenkeel)]
    peer: PeerName,
    /// How many operations it does.
    #[arg(long, default_value_t = 1_000_000)]
    count: u64,
    /// Prints the workloads' names, and what each does.
    #[arg(long)]
    list: bool,
}

fn main() {
    let arguments = Arguments::parse();
    if arguments.list {
        for work in catalogue(arguments.peer).into_iter().chain(libraries()) {
            println!("{:40} {}", work.name, work.about);
        }
    }
    let Some(name) = arguments.work else { return };
    let of_library = || libraries().into_iter().find(|work| work.name == name);
    let Some(work) = find(arguments.peer, &name).or_else(of_library) else {
        eprintln!("there is no workload {name}: see --list");
        std::process::exit(2);
    };
    work.run(arguments.count, &mut Watch::off());
    println!("{name} {} {}", arguments.peer, arguments.count);
}
