//! Runs one workload of evenkeel once and measures nothing, as `work` does; compiled without any peer.

use clap::Parser;
use evenkeel_benches::{Watch, evenkeel_alone, evenkeel_libraries};

#[derive(Parser)]
#[command(about = "Runs one workload of evenkeel, for instruction counters")]
struct Arguments {
    /// The workload's name.
    #[arg(long)]
    work: String,
    /// With which library of evenkeel, `evenkeel gather` for one.
    #[arg(long)]
    library: Option<String>,
    /// How many operations it does.
    #[arg(long, default_value_t = 1_000_000)]
    count: u64,
}

fn main() -> Result<(), String> {
    let Arguments { work, library, count } = Arguments::parse();
    let works = match library {
        None => evenkeel_alone(),
        Some(name) => {
            let library = evenkeel_libraries().into_iter().find(|library| library.name == name);
            library.ok_or(format!("evenkeel has no library `{name}`"))?.workloads
        }
    };
    let found = works.iter().find(|found| found.name == work);
    found.ok_or(format!("there is no workload `{work}`"))?.run(count, &mut Watch::off());
    Ok(())
}
