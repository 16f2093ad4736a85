//! Counting instructions with valgrind's callgrind.

use crate::{catalogue::catalogue, ledger::Figure, peer_name::PeerName, shelf::libraries, workload::Workload};
use clap::ValueEnum;
use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    process::{Command, Stdio},
};

/// Counts the instructions of programs that do one workload: `alone` for evenkeel's, `work` for all others.
#[derive(Debug)]
pub struct Callgrind {
    folder: PathBuf,
    able: BTreeMap<String, Vec<Workload>>,
    counted: HashMap<Figure, Option<u64>>,
}

impl Callgrind {
    /// With the programs in that folder.
    pub fn new(folder: PathBuf) -> Callgrind {
        let peers = PeerName::ALL.into_iter().filter(|peer| peer.obstacle().is_none());
        let peers = peers.map(|peer| (peer.name().to_owned(), catalogue(peer)));
        let libraries = libraries().into_iter().map(|library| (library.name.to_owned(), library.workloads));
        Callgrind { folder, able: peers.chain(libraries).collect(), counted: HashMap::new() }
    }

    /// Whether there is a valgrind.
    pub fn is_there() -> bool {
        let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    }

    /// Whether someone has such a workload.
    pub fn can(&self, figure: &Figure) -> bool {
        self.able.get(&figure.entrant).is_some_and(|works| works.iter().any(|work| work.name == figure.work))
    }

    /// Why someone cannot be counted at all: valgrind does not know every system call, and not everyone runs here.
    pub fn obstacle(&self, entrant: &str) -> Option<String> {
        let Some(works) = self.able.get(entrant) else {
            let peer = PeerName::from_str(entrant, false).ok().and_then(PeerName::obstacle);
            return Some(peer.unwrap_or("there is no peer and no library of that name".to_owned()));
        };
        let probe = works.iter().find(|work| work.name == "spawn-join-100").or(works.first())?;
        let run = self.valgrind(&["--tool=none"], &Figure::new(&probe.name, entrant), 1).output();
        let runs = run.is_ok_and(|output| output.status.success());
        (!runs).then(|| "it does not run under valgrind".to_owned())
    }

    /// Instructions per operation: the difference of two runs, divided by the difference of their counts, which leaves out what
    /// is needed once. `None`, if it cannot be done.
    pub fn count(&mut self, figure: &Figure) -> Option<u64> {
        if !self.can(figure) {
            return None;
        }
        if let Some(counted) = self.counted.get(figure) {
            return *counted;
        }
        // Large batches need counts that hold several of them; the first one grows the executor's tables.
        let size = figure.work.rsplit_once('-').and_then(|(_, size)| size.parse::<u64>().ok()).unwrap_or(0);
        let (fewer, more) = if size >= 100_000 { (2 * size, 4 * size) } else { (30_000, 90_000) };
        let counted = self.instructions(figure, fewer).zip(self.instructions(figure, more));
        let counted =
            counted.map(|(first, second)| (second.saturating_sub(first) as f64 / (more - fewer) as f64).round() as u64);
        self.counted.insert(figure.clone(), counted);
        counted
    }

    fn instructions(&self, figure: &Figure, count: u64) -> Option<u64> {
        let tool = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
        let output = self.valgrind(&tool, figure, count).output().ok()?;
        let said = String::from_utf8_lossy(&output.stderr);
        said.lines().find_map(|line| line.split_once(" Collected : ")?.1.trim().parse().ok())
    }

    /// The program under one of valgrind's tools.
    fn valgrind(&self, tool: &[&str], figure: &Figure, count: u64) -> Command {
        let name = &*figure.entrant;
        let program = if name.starts_with("evenkeel") { "alone" } else { "work" };
        let mut command = Command::new("valgrind");
        command.args(tool).arg(self.folder.join(program)).args(["--work", &figure.work, "--count", &count.to_string()]);
        match PeerName::from_str(name, false) {
            Ok(PeerName::Evenkeel) => &mut command,
            Ok(_) => command.args(["--peer", name]),
            Err(_) => command.args(["--library", name]),
        };
        command
    }
}
