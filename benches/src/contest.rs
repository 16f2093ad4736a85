//! A workload, with all who can do it.

use crate::{catalogue::catalogue, peer_name::PeerName, shelf::libraries, workload::Workload};
use std::fmt;

/// A workload, with all who can do it: peers, and behind them libraries.
#[derive(Debug)]
pub struct Contest {
    entrants: Vec<(&'static str, Workload)>,
}

impl Contest {
    /// All that these peers can do, in the order of the catalogue.
    pub fn of_peers(peers: &[PeerName]) -> Vec<Contest> {
        let mut contests = Vec::new();
        for peer in peers {
            enter(&mut contests, peer.name(), catalogue(*peer));
        }
        contests
    }

    /// The same, with the libraries, and with what only they can do.
    pub fn of_all(peers: &[PeerName]) -> Vec<Contest> {
        let mut contests = Contest::of_peers(peers);
        for library in libraries() {
            enter(&mut contests, library.name, library.workloads);
        }
        contests
    }

    /// Those that have one of these parts in their name or group; without any, all but the longest.
    pub fn select(mut contests: Vec<Contest>, parts: &[String]) -> Result<Vec<Contest>, UnknownPart> {
        let hits =
            |contest: &Contest, part: &str| contest.work().name.contains(part) || contest.work().group.contains(part);
        for part in parts {
            if !contests.iter().any(|contest| hits(contest, part)) {
                return Err(UnknownPart { part: part.clone(), known: Contest::names(&contests) });
            }
        }
        contests.retain(|contest| match parts {
            [] => contest.work().group != "scale",
            parts => parts.iter().any(|part| hits(contest, part)),
        });
        Ok(contests)
    }

    /// The names of their workloads.
    pub fn names(contests: &[Contest]) -> Vec<String> {
        contests.iter().map(|contest| contest.work().name.clone()).collect()
    }

    /// The same for one entrant, if it can do it.
    pub fn of(&self, name: &str) -> Option<&Workload> {
        self.entrants.iter().find(|(other, _)| *other == name).map(|(_, work)| work)
    }

    /// Everyone who can do it.
    pub fn entrants(&self) -> impl Iterator<Item = (&'static str, &Workload)> {
        self.entrants.iter().map(|(name, work)| (*name, work))
    }

    /// The workload; one entrant's speaks for all.
    pub fn work(&self) -> &Workload {
        &self.entrants[0].1
    }
}

fn enter(contests: &mut Vec<Contest>, name: &'static str, works: Vec<Workload>) {
    for work in works {
        match contests.iter_mut().find(|contest| contest.work().name == work.name) {
            Some(contest) => contest.entrants.push((name, work)),
            None => contests.push(Contest { entrants: vec![(name, work)] }),
        }
    }
}

/// No workload has this in its name.
#[derive(Debug)]
pub struct UnknownPart {
    part: String,
    known: Vec<String>,
}

impl fmt::Display for UnknownPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (part, known) = (&self.part, self.known.join(", "));
        write!(f, "no workload has `{part}` in its name or group; there are {known}")
    }
}

impl std::error::Error for UnknownPart {}

#[cfg(test)]
mod tests {
    use super::*;

    const PEERS: [PeerName; 2] = [PeerName::Evenkeel, PeerName::Tokio];

    fn selected(parts: &[&str]) -> Result<Vec<String>, String> {
        let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        let selected = Contest::select(Contest::of_all(&PEERS), &parts).map_err(|error| error.to_string())?;
        Ok(Contest::names(&selected))
    }

    #[test]
    fn a_part_selects_by_name_and_by_group() {
        assert_eq!(selected(&["mutex"]).unwrap(), ["mutex-alone", "mutex-crowd"]);
        assert_eq!(
            selected(&["ping-pong", "oneshot-ready"]).unwrap(),
            ["ping-pong", "channel-ping-pong", "oneshot-ready"]
        );
        assert!(selected(&["primitives"]).unwrap().contains(&"queue-1-by-10".to_owned()));
    }

    #[test]
    fn without_a_part_the_longest_are_left_out_and_nothing_else() {
        let everything = Contest::names(&Contest::of_all(&PEERS));
        let usual = selected(&[]).unwrap();
        let left_out: Vec<_> = everything.iter().filter(|name| !usual.contains(name)).collect();
        let long = ["sleep-among-", "sleepers-"];
        assert!(left_out.iter().all(|name| long.iter().any(|kind| name.starts_with(kind))), "{left_out:?}");
        assert_eq!(left_out.len(), 4 * long.len());
    }

    #[test]
    fn a_part_that_hits_nothing_is_an_error_that_lists_what_there_is() {
        let error = selected(&["yield-1", "mutexes"]).unwrap_err();
        assert!(error.starts_with("no workload has `mutexes` in its name or group; there are yield-main, "), "{error}");
    }

    #[test]
    fn libraries_compete_with_the_peers_and_alone() {
        let contests = Contest::of_all(&PEERS);
        let entrants = |name: &str| -> Vec<&str> {
            let contest = contests.iter().find(|contest| contest.work().name == name).unwrap();
            contest.entrants().map(|(name, _)| name).collect()
        };
        assert_eq!(entrants("remote-100"), ["evenkeel", "tokio", "kanal", "flume"]);
        assert_eq!(entrants("wake-nested-4"), ["evenkeel scope", "evenkeel gather", "FuturesUnordered"]);
        let alone = Contest::of_peers(&PEERS);
        assert!(alone.iter().all(|contest| contest.entrants().count() == 2), "a library is no peer");
    }
}
