//! Compares what several libraries have for the same end in one process: nanoseconds per operation, the minimum of rounds that
//! alternate between the libraries.

use clap::Parser;
use evenkeel_benches::{Table, libraries};
use std::{collections::BTreeMap, time::Duration};

#[derive(Parser)]
#[command(
    about = "Compares evenkeel's primitives and combinators with those of other libraries, in alternating rounds in one process"
)]
struct Arguments {
    /// Only workloads that have one of these in their name.
    only: Vec<String>,
    /// How often each library runs each workload.
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// How long one run takes, about, in milliseconds.
    #[arg(long, default_value_t = 10)]
    millis: u64,
}

fn main() {
    let arguments = Arguments::parse();
    let wanted = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|part| name.contains(part));
    let works: Vec<_> = libraries().into_iter().filter(|work| wanted(&work.name)).collect();
    let counts: Vec<_> = works.iter().map(|work| work.calibrate(Duration::from_millis(arguments.millis))).collect();
    let mut least = vec![f64::INFINITY; works.len()];
    for _ in 0..arguments.rounds.max(1) {
        for (index, work) in works.iter().enumerate() {
            let time = work.time(counts[index]).as_nanos() as f64 / counts[index] as f64;
            least[index] = least[index].min(time);
        }
    }
    let mut libraries: Vec<&str> = Vec::new();
    let mut rows: Vec<(&str, BTreeMap<&str, f64>)> = Vec::new();
    for (work, time) in works.iter().zip(least) {
        let (name, library) = work.name.split_once('/').expect("its name says whose it is");
        if !libraries.contains(&library) {
            libraries.push(library);
        }
        match rows.iter_mut().find(|(other, _)| *other == name) {
            Some((_, times)) => drop(times.insert(library, time)),
            None => rows.push((name, BTreeMap::from([(library, time)]))),
        }
    }
    let mut table = Table::new(std::iter::once("ns per operation").chain(libraries.iter().copied()));
    for (name, times) in rows {
        let cell = |library| times.get(library).map_or("–".to_owned(), |time| format!("{time:.1}"));
        table.row(std::iter::once(name.to_owned()).chain(libraries.iter().map(cell)));
    }
    print!("{table}");
}
