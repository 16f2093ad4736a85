//! How many system calls a server makes for a request.

use super::{
    child::Child,
    kind::Kind,
    load::{Limit, Load},
    server_name::ServerName,
    strace::{self, Calls},
};
use std::{collections::BTreeMap, env, error::Error, fs, process::Command, thread, time::Duration};

/// After so long without a request even a server that is being counted sleeps.
const REST: Duration = Duration::from_millis(4);

/// What `strace` is missing for, if it cannot be used here.
pub(crate) fn obstacle() -> Option<String> {
    match Command::new("strace").args(["-f", "-c", "-qq", "-o", "/dev/null", "true"]).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("strace fails: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Some(format!("there is no strace ({error})")),
    }
}

/// The system calls of a server for each request, by name: the difference of two runs, so that its start, its end and those of
/// the connections do not count.
pub(crate) fn per_request(
    server: ServerName,
    kind: Kind,
    connections: usize,
    core: Option<usize>,
) -> Result<BTreeMap<String, f64>, Box<dyn Error>> {
    let turns = (100 / connections).max(5);
    let fewer = count(server, kind, connections, turns, core)?;
    let more = count(server, kind, connections, 2 * turns, core)?;
    Ok(difference(&fewer, &more, turns * connections))
}

/// All system calls of a server under a load in step: all connections send, and do so again when all have their answers and the
/// server sleeps. Under a load without pauses a server that strace slows down would find a request wherever it looks.
fn count(
    server: ServerName,
    kind: Kind,
    connections: usize,
    turns: usize,
    core: Option<usize>,
) -> Result<Calls, Box<dyn Error>> {
    let file = env::temp_dir().join(format!("evenkeel-serve-{}", std::process::id()));
    let child = Child::start(server, kind, core, Some(&file))?;
    let mut load = Load::connect(child.port, kind, connections)?;
    for _ in 0..turns {
        let outcome = load.run(Limit::Requests(connections))?;
        if outcome.faults > 0 {
            return Err(format!("{} faults under strace: {}", outcome.faults, outcome.told.join("; ")).into());
        }
        thread::sleep(REST);
    }
    drop(load);
    child.stop()?;
    let summary = fs::read_to_string(&file)?;
    fs::remove_file(&file)?;
    Ok(strace::parse(&summary)?)
}

/// What so many requests more have cost, without what was no more often done.
fn difference(fewer: &Calls, more: &Calls, requests: usize) -> BTreeMap<String, f64> {
    let grown = |(name, count): (&String, &u64)| {
        let before = fewer.get(name).copied().unwrap_or(0);
        (name.clone(), (*count as f64 - before as f64) / requests as f64)
    };
    more.iter().map(grown).filter(|(_, calls)| *calls > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_runs_did_once_does_not_count() {
        let calls = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let fewer = calls(&[("accept4", 64), ("epoll_wait", 500), ("mmap", 30), ("recvfrom", 1064)]);
        let more = calls(&[("accept4", 64), ("epoll_wait", 1500), ("futex", 20), ("mmap", 29), ("recvfrom", 3064)]);
        let each = difference(&fewer, &more, 2000);
        let expected = [("epoll_wait", 0.5), ("futex", 0.01), ("recvfrom", 1.0)];
        assert_eq!(each, expected.map(|(name, calls)| (name.to_owned(), calls)).into());
    }
}
