//! A whole comparison.

use super::{
    arguments::{Arguments, Field, Plan},
    calls,
    child::Child,
    cores::{Cores, pin},
    kind::Kind,
    load::{Limit, Load, Outcome},
    open_files::make_room,
    report::{Cell, Report, Server, page},
    round::Round,
    server_name::ServerName,
    servers,
};
use crate::machine::Machine;
use std::{error::Error, fs, path::Path, time::Duration};
use time::OffsetDateTime;

/// So many requests are checked at least on each server.
const CHECKED: usize = 300;

/// Does what the arguments ask for, and returns what was wrong with answers.
pub fn run(arguments: Arguments) -> Result<Vec<String>, Box<dyn Error>> {
    match arguments.plan()? {
        Plan::Serve(server, kind, core) => {
            core.map_or(Ok(()), pin)?;
            servers::serve(server, kind)?;
            Ok(Vec::new())
        }
        Plan::Check(field) => check(&field),
        Plan::Measure { field, long, rounds, out, strace } => measure(&field, long, rounds, &out, strace),
    }
}

/// The servers, with why some of them do not run, which is told.
fn subjects(field: &Field) -> Vec<Server> {
    let servers: Vec<Server> =
        field.servers.iter().map(|server| Server { subject: server.subject(), driver: None }).collect();
    for subject in servers.iter().map(|server| &server.subject) {
        if let Some(reason) = &subject.skipped {
            eprintln!("{} is skipped: {reason}", subject.name);
        }
    }
    servers
}

/// All loads on all servers that run, with the servers' places in the field: servers alternate.
fn combinations(field: &Field, servers: &[Server]) -> Vec<(usize, ServerName, Kind, usize)> {
    let mut combinations = Vec::new();
    for kind in &field.kinds {
        for connections in &field.connections {
            let able = field.servers.iter().enumerate().filter(|(index, _)| servers[*index].subject.skipped.is_none());
            combinations.extend(able.map(|(index, server)| (index, *server, *kind, *connections)));
        }
    }
    combinations
}

/// Room for as many connections as there are at most.
fn room(field: &Field) -> Result<(), String> {
    make_room(field.connections.iter().copied().max().unwrap_or_default())
}

fn check(field: &Field) -> Result<Vec<String>, Box<dyn Error>> {
    room(field)?;
    let mut faults = Vec::new();
    for (_, server, kind, connections) in combinations(field, &subjects(field)) {
        let outcome = checked(server, kind, connections).map_err(naming(server, kind, connections))?;
        println!("{server}, {}: {} answers are right", kind.over(connections), outcome.answers);
        faults.extend(told(server, kind, connections, outcome.faults, &outcome.told));
    }
    Ok(faults)
}

fn checked(server: ServerName, kind: Kind, connections: usize) -> Result<Outcome, Box<dyn Error>> {
    let child = Child::start(server, kind, None, None)?;
    let mut load = Load::connect(child.port, kind, connections)?;
    let outcome = load.run(Limit::Requests(CHECKED.max(2 * connections)))?;
    drop(load);
    child.stop()?;
    Ok(outcome)
}

fn measure(
    field: &Field,
    long: Duration,
    rounds: usize,
    out: &Path,
    strace: bool,
) -> Result<Vec<String>, Box<dyn Error>> {
    room(field)?;
    // Before minutes are spent on what could not be written.
    let made = fs::create_dir_all(out);
    made.map_err(|error| format!("the folder {} cannot be made: {error}; name another with `--out`", out.display()))?;
    let uncounted = if strace { calls::obstacle() } else { Some("`--no-strace` was given".to_owned()) };
    if let Some(reason) = &uncounted {
        eprintln!("System calls are not counted: {reason}");
    }
    let cores = Cores::choose();
    let servers = subjects(field);
    let combinations = combinations(field, &servers);
    let cell = |(_, server, kind, connections): &(usize, ServerName, Kind, usize)| Cell {
        server: server.name(),
        kind: *kind,
        connections: *connections,
        rounds: Vec::new(),
        calls: None,
    };
    let mut report = Report {
        date: OffsetDateTime::now_utc().date().to_string(),
        seconds: long.as_secs_f64(),
        rounds,
        machine: Machine::here(),
        pinned: cores.is_some(),
        uncounted,
        servers,
        cells: combinations.iter().map(cell).collect(),
    };
    // From here on, since the machine is described by what was there before.
    cores.map_or(Ok(()), |cores| pin(cores.load))?;
    let core = cores.map(|cores| cores.server);
    let mut faults = Vec::new();
    for number in 1..=rounds {
        let mut turns: Vec<_> = combinations.iter().zip(&mut report.cells).collect();
        // Nobody comes first always.
        if number % 2 == 0 {
            turns.reverse();
        }
        for ((place, server, kind, connections), cell) in turns {
            let (round, driver, words) = Round::measure(*server, *kind, *connections, long, core).map_err(naming(
                *server,
                *kind,
                *connections,
            ))?;
            eprintln!("[{number}/{rounds}] {}: {server} {:.2} µs", kind.over(*connections), round.cpu);
            faults.extend(told(*server, *kind, *connections, round.faults, &words));
            report.servers[*place].driver = Some(driver);
            cell.rounds.push(round);
        }
    }
    if report.uncounted.is_none() {
        for ((_, server, kind, connections), cell) in combinations.iter().zip(&mut report.cells) {
            cell.calls = Some(calls::per_request(*server, *kind, *connections, core).map_err(naming(
                *server,
                *kind,
                *connections,
            ))?);
            eprintln!("{}: {server} {:.2} system calls", kind.over(*connections), cell.all_calls().unwrap_or_default());
        }
    }
    report.write(out)?;
    print!("{}", page::tables(&report));
    eprintln!("The report is in {}", out.display());
    Ok(faults)
}

/// Says of a fault which server it was, and under which load.
fn naming(server: ServerName, kind: Kind, connections: usize) -> impl Fn(Box<dyn Error>) -> String {
    move |error| format!("{server}, {}: {error}", kind.over(connections))
}

/// What was wrong with the answers of a server, in a line, if anything was.
fn told(server: ServerName, kind: Kind, connections: usize, faults: usize, words: &[String]) -> Option<String> {
    let words = words.join("; ");
    (faults > 0).then(|| format!("{server}, {}: {faults} faults ({words})", kind.over(connections)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_alternate_under_each_load_and_none_runs_that_cannot() {
        let field = Field {
            servers: vec![ServerName::Tokio, ServerName::Smol, ServerName::EvenkeelAsyncIo],
            kinds: vec![Kind::Http, Kind::Echo],
            connections: vec![64, 1],
        };
        let mut servers = subjects(&field);
        servers[1].subject.skipped = Some("it is tired".to_owned());
        let loads = [(Kind::Http, 64), (Kind::Http, 1), (Kind::Echo, 64), (Kind::Echo, 1)];
        let expected = loads.into_iter().flat_map(|(kind, connections)| {
            [(0, ServerName::Tokio), (2, ServerName::EvenkeelAsyncIo)]
                .map(|(place, server)| (place, server, kind, connections))
        });
        assert_eq!(combinations(&field, &servers), expected.collect::<Vec<_>>());
    }

    #[test]
    fn an_error_names_its_server_and_its_load() {
        let error = naming(ServerName::Smol, Kind::Http, 1)("the server does not end".into());
        assert_eq!(error, "smol, http, 1 connection: the server does not end");
    }

    #[test]
    fn faults_are_told_in_a_line_and_nothing_is_told_without() {
        let tell = |faults| told(ServerName::Tokio, Kind::Echo, 64, faults, &["a".to_owned(), "b".to_owned()]);
        assert_eq!(tell(0), None);
        assert_eq!(tell(7).as_deref(), Some("tokio, echo, 64 connections: 7 faults (a; b)"));
    }
}
