//! How many system calls a server makes for a request.

use super::{
    child::Child,
    kind::Kind,
    load::{Limit, Load},
    server_name::ServerName,
    strace::{self, Calls},
};
use std::{collections::BTreeMap, env, error::Error, fs, process::Command};

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
) -> Result<BTreeMap<String, f64>, Box<dyn Error>> {
    let requests = (4 * connections).max(1000);
    let fewer = count(server, kind, connections, requests)?;
    let more = count(server, kind, connections, 2 * requests)?;
    Ok(difference(&fewer, &more, requests))
}

fn count(server: ServerName, kind: Kind, connections: usize, requests: usize) -> Result<Calls, Box<dyn Error>> {
    let file = env::temp_dir().join(format!("evenkeel-serve-{}", std::process::id()));
    let child = Child::start(server, kind, Some(&file))?;
    let mut load = Load::connect(child.port, kind, connections)?;
    let outcome = load.run(Limit::Requests(requests))?;
    drop(load);
    child.stop()?;
    if outcome.faults > 0 {
        return Err(format!("{} faults under strace: {}", outcome.faults, outcome.told.join("; ")).into());
    }
    let summary = fs::read_to_string(&file)?;
    fs::remove_file(&file)?;
    Ok(strace::parse(&summary)?)
}

/// What so many requests more have cost. What is rarer than once in two hundred requests is left out.
fn difference(fewer: &Calls, more: &Calls, requests: usize) -> BTreeMap<String, f64> {
    let grown = |(name, count): (&String, &u64)| {
        let before = fewer.get(name).copied().unwrap_or(0);
        (name.clone(), (*count as f64 - before as f64) / requests as f64)
    };
    more.iter().map(grown).filter(|(_, calls)| *calls >= 0.005).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_runs_did_once_does_not_count() {
        let calls = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let fewer = calls(&[("accept4", 64), ("epoll_wait", 500), ("mmap", 30), ("recvfrom", 1064)]);
        let more = calls(&[("accept4", 64), ("epoll_wait", 1000), ("futex", 20), ("mmap", 31), ("recvfrom", 2064)]);
        let each = difference(&fewer, &more, 1000);
        let expected = [("epoll_wait", 0.5), ("futex", 0.02), ("recvfrom", 1.0)];
        assert_eq!(each, expected.map(|(name, calls)| (name.to_owned(), calls)).into());
    }
}
