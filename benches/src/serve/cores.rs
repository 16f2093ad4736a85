//! Which core a process runs on.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::io;

/// The cores of a comparison: one for whichever server runs, another for the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cores {
    /// All threads of the server run there.
    pub(crate) server: usize,
    /// The load runs there.
    pub(crate) load: usize,
}

impl Cores {
    /// Two of those that this process may use, if there are two.
    pub(crate) fn choose() -> Option<Cores> {
        let allowed = sched_getaffinity(None).ok()?;
        Cores::of((0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)))
    }

    /// The first and the last, which are hardly ever two halves of one.
    fn of(mut allowed: impl DoubleEndedIterator<Item = usize>) -> Option<Cores> {
        let load = allowed.next()?;
        Some(Cores { server: allowed.next_back()?, load })
    }
}

/// Lets this thread, and those that it starts, run on one core alone.
pub(crate) fn pin(core: usize) -> io::Result<()> {
    let mut only = CpuSet::new();
    only.set(core);
    Ok(sched_setaffinity(None, &only)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_and_load_have_different_cores_or_none() {
        assert_eq!(Cores::of([0, 1, 2, 3].into_iter()), Some(Cores { server: 3, load: 0 }));
        assert_eq!(Cores::of([4, 7].into_iter()), Some(Cores { server: 7, load: 4 }));
        assert_eq!((Cores::of([5].into_iter()), Cores::of([].into_iter())), (None, None));
    }
}
