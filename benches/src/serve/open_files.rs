//! How many files a process may have open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a process has open besides its connections, at most.
const OTHERS: u64 = 100;

/// Makes room for so many connections, in this process and in those that it starts.
pub(crate) fn make_room(connections: usize) -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = raised(limit.current, limit.maximum, connections)? else { return Ok(()) };
    let raised = Rlimit { current: Some(current), maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).map_err(|error| format!("the limit of open files cannot be raised: {error}"))
}

/// What the limit must be raised to, if it must be.
fn raised(current: Option<u64>, maximum: Option<u64>, connections: usize) -> Result<Option<u64>, String> {
    let wanted = connections as u64 + OTHERS;
    if current.is_none_or(|current| current >= wanted) {
        return Ok(None);
    }
    match maximum {
        Some(maximum) if maximum < wanted => Err(format!(
            "{connections} connections need {wanted} open files, and no more than {maximum} are allowed: raise the hard limit \
             (`ulimit -Hn`), or ask for fewer with `--connections`"
        )),
        _ => Ok(Some(wanted)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_must_be_and_can_be() {
        assert_eq!(raised(Some(1024), Some(4096), 1000), Ok(Some(1100)));
        assert_eq!(raised(Some(1024), None, 1000), Ok(Some(1100)));
        assert_eq!(raised(Some(1100), Some(1100), 1000), Ok(None));
        assert_eq!(raised(None, None, 1_000_000), Ok(None));
    }

    #[test]
    fn what_cannot_be_raised_says_what_to_do() {
        let error = raised(Some(256), Some(1024), 1000).unwrap_err();
        let start = "1000 connections need 1100 open files, and no more than 1024 are allowed: raise the hard limit";
        assert!(error.starts_with(start) && error.contains("--connections"), "{error}");
    }
}
