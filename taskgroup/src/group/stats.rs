//! What is going on in a group.

use super::group_core::GroupCore;

/// What is going on in a group: see [`TaskGroup::stats`](crate::TaskGroup::stats).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupStats {
    /// Children that have not ended, those in the background included.
    pub children: usize,
    /// Children in the background that have not ended.
    pub background: usize,
    /// Slots that are taken.
    pub slots_used: usize,
    /// Who waits for a slot.
    pub slots_waiting: usize,
    /// Children that were ever spawned.
    pub spawned: usize,
    /// Failures so far, of runs that were followed by another one, too. A restarting child at its limit counts once, with its last failure.
    pub failed: usize,
}

impl GroupStats {
    pub(super) fn of(core: &GroupCore) -> GroupStats {
        let (spawned, failed) = core.counts();
        let (slots_used, slots_waiting) = core.slots();
        GroupStats {
            children: core.children(),
            background: core.background(),
            slots_used,
            slots_waiting,
            spawned,
            failed,
        }
    }
}
