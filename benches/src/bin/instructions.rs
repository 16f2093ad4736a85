//! Counts instructions per operation, which are repeatable where times are not; and compares them with what they were.

use clap::Parser;
use evenkeel_benches::{Callgrind, Column, Figure, Ledger, Machine, PeerName, Table, history, libraries};
use std::{error::Error, fs, path::Path, process::ExitCode};

/// The figures that must not rise.
const GATE: &str = "benches/instructions.txt";

/// The figures of each version.
const HISTORY: &str = "benches/history.txt";

/// The page that shows the history.
const PAGE: &str = "docs/src/figures.md";

/// How to accept that a figure rose.
const ACCEPT: &str =
    "If that is what you want: `benches/callgrind.sh --write`, and say in the commit what it is paid for.";

/// What is counted without any names.
const WORKLOADS: [&str; 33] = [
    "yield-main",
    "yield-1",
    "yield-100",
    "yield-10000",
    "yield-deep",
    "ping-pong",
    "spawn-join-1000",
    "spawn-join-100000",
    "spawn-join-single",
    "spawn-detached-100",
    "abort-drain",
    "cancel-await",
    "sleep-arm-0",
    "sleep-turn-0",
    "sleep-turn-10000",
    "timeout-0",
    "queue-1-by-1",
    "queue-1-by-10",
    "queue-100-by-1",
    "queue-100-by-10",
    "queue-unbounded-by-1",
    "queue-unbounded-by-10",
    "channel-ping-pong",
    "semaphore-alone",
    "semaphore-crowd",
    "mutex-alone",
    "mutex-crowd",
    "oneshot-ready",
    "oneshot-pending",
    "family-1",
    "family-10",
    "family-1000",
    "wake-nested-4",
];

#[derive(Parser)]
#[command(about = "Instructions per operation, counted by valgrind's callgrind; run it from the project's folder")]
struct Arguments {
    /// These workloads; without any, those that have a budget, and more.
    workloads: Vec<String>,
    /// Only these peers, separated by commas; then libraries only if they are named.
    #[arg(long, value_enum, value_delimiter = ',')]
    peers: Vec<PeerName>,
    /// Only these libraries, separated by commas; then peers only if they are named.
    #[arg(long, value_delimiter = ',')]
    libraries: Vec<String>,
    /// Counts what stands in `benches/instructions.txt`, and fails if a figure rose.
    #[arg(long, group = "mode", conflicts_with_all = ["workloads", "peers", "libraries"])]
    check: bool,
    /// Counts it, and renews that file.
    #[arg(long, group = "mode", conflicts_with_all = ["workloads", "peers", "libraries"])]
    write: bool,
    /// Adds a column of that name to `benches/history.txt`, and to the page that shows it.
    #[arg(long, group = "mode", value_name = "VERSION", conflicts_with_all = ["workloads", "peers", "libraries"])]
    record: Option<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    if !Callgrind::is_there() {
        if arguments.check {
            println!("skipped: no valgrind");
            return Ok(ExitCode::SUCCESS);
        }
        return Err("there is no valgrind".into());
    }
    let program = std::env::current_exe()?;
    let mut callgrind = Callgrind::new(program.parent().ok_or("a program lies in a folder")?.to_owned());
    if arguments.check {
        return check(&mut callgrind);
    }
    if arguments.write {
        let mut gate = read(GATE)?;
        let figures: Vec<_> = gate.figures().into_iter().cloned().collect();
        gate.columns = vec![column(&mut callgrind, Machine::here().rustc, &figures)];
        fs::write(GATE, gate.to_string())?;
    } else if let Some(version) = &arguments.record {
        let mut ledger = read(HISTORY)?;
        let figures: Vec<_> = ledger.figures().into_iter().cloned().collect();
        ledger.columns.push(column(&mut callgrind, version.clone(), &figures));
        fs::write(HISTORY, ledger.to_string())?;
        let page = history::renewed(&fs::read_to_string(PAGE)?, &ledger);
        fs::write(PAGE, page.ok_or("the page shows no history")?)?;
    } else {
        tables(&mut callgrind, arguments);
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &str) -> Result<Ledger, String> {
    let text = fs::read_to_string(Path::new(path)).map_err(|error| format!("{path}: {error}"))?;
    Ledger::parse(&text).map_err(|error| format!("{path}, {error}"))
}

/// Counts these figures.
fn column(callgrind: &mut Callgrind, heading: String, figures: &[Figure]) -> Column {
    let mut counts = Vec::new();
    for figure in figures {
        match callgrind.count(figure) {
            Some(count) => {
                println!("{figure:32} {count:>6}");
                counts.push((figure.clone(), count));
            }
            None => eprintln!("{figure} could not be counted"),
        }
    }
    Column { heading, counts }
}

/// Compares what is counted with what stands in the file.
fn check(callgrind: &mut Callgrind) -> Result<ExitCode, Box<dyn Error>> {
    let gate = read(GATE)?;
    let [then] = &gate.columns[..] else { return Err(format!("{GATE} must have one column").into()) };
    let rustc = Machine::here().rustc;
    if then.heading != rustc {
        println!("not compared: {GATE} was counted with {}, and this is {rustc}", then.heading);
        return Ok(ExitCode::SUCCESS);
    }
    let figures: Vec<_> = gate.figures().into_iter().cloned().collect();
    let now = column(callgrind, rustc, &figures);
    let (risen, fallen) = then.changes(&now);
    if !fallen.is_empty() {
        println!("These can be lowered, with `benches/callgrind.sh --write`:");
        fallen.iter().for_each(|line| println!("  {line}"));
    }
    if risen.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("These cost more than {GATE} says:");
    risen.iter().for_each(|line| println!("  {line}"));
    println!("{ACCEPT}");
    Ok(ExitCode::FAILURE)
}

/// Prints a table of the peers, and tables of the libraries.
fn tables(callgrind: &mut Callgrind, arguments: &Arguments) {
    let works: Vec<&str> = match &arguments.workloads[..] {
        [] => WORKLOADS.to_vec(),
        workloads => workloads.iter().map(|work| &**work).collect(),
    };
    let mut peers: Vec<&str> = arguments.peers.iter().map(|peer| peer.name()).collect();
    let mut others: Vec<&str> = arguments.libraries.iter().map(|name| &**name).collect();
    if peers.is_empty() && others.is_empty() {
        // The two executors of async-executor differ in what a task costs to spawn alone.
        let columns = PeerName::ALL.into_iter().filter(|peer| *peer != PeerName::StaticLocalExecutor);
        peers = columns.map(PeerName::name).collect();
        others = libraries().iter().map(|library| library.name).collect();
    }
    for names in [&mut peers, &mut others] {
        names.retain(|name| match callgrind.obstacle(name) {
            None => true,
            Some(reason) => {
                eprintln!("{name} is skipped: {reason}");
                false
            }
        });
    }
    let able = |names: &[&str], work: &str| -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).filter(|name| callgrind.can(&Figure::new(work, name))).collect()
    };
    let rows: Vec<&str> = works.iter().copied().filter(|work| !able(&peers, work).is_empty()).collect();
    let mut tables = vec![(peers.iter().map(|name| (*name).to_owned()).collect(), rows)];
    // Those that the same libraries can do share a table, with those beside them that all are compared with.
    peers.retain(|name| ["evenkeel", "tokio", "tokio-local-runtime"].contains(name));
    for work in works.into_iter().filter(|work| !able(&others, work).is_empty()) {
        let mut columns = able(&peers, work);
        columns.extend(able(&others, work));
        match tables.last_mut() {
            Some((last, rows)) if *last == columns => rows.push(work),
            _ => tables.push((columns, vec![work])),
        }
    }
    for (columns, rows) in tables.iter().filter(|(_, rows)| !rows.is_empty()) {
        println!("{}", table(callgrind, columns, rows));
    }
}

/// A line for each workload, whose last column names the fewest of another's.
fn table(callgrind: &mut Callgrind, columns: &[String], rows: &[&str]) -> Table {
    let mut headings = vec!["instructions per operation"];
    headings.extend(columns.iter().map(|name| &**name));
    headings.push("fewest of another");
    let mut table = Table::new(headings);
    for work in rows {
        eprint!("{work} ");
        let mut row = vec![(*work).to_owned()];
        let mut fewest: Option<(u64, &str)> = None;
        for name in columns {
            let count = callgrind.count(&Figure::new(work, name));
            row.push(count.map_or("–".to_owned(), |count| count.to_string()));
            if let Some(count) = count.filter(|_| !name.starts_with("evenkeel")) {
                fewest = fewest.into_iter().chain([(count, &**name)]).min();
            }
        }
        row.push(fewest.map_or("–".to_owned(), |(count, name)| format!("{count} {name}")));
        table.row(row);
    }
    eprintln!();
    table
}
