//! Who is alive in a group, in the order of their spawn.

use evenkeel_executor::TaskRef;
use slab::Slab;
use std::cmp::Reverse;

/// A child finds its own entry, so that its end costs the same however many there are. Their order is asked for only when they are
/// cancelled, and found out then.
pub(super) struct Roster {
    entries: Slab<Entry>,
    /// How many there ever were.
    spawned: usize,
    background: usize,
}

struct Entry {
    /// `None` while it is being spawned.
    task: Option<TaskRef>,
    /// How many came before it.
    number: usize,
    membership: Membership,
}

/// How a child belongs to its group.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    /// The group waits for its end.
    Awaited,
    /// The group waits for its end, and the child came through a slot, which is free again then.
    InSlot,
    /// The group ends it when all others have ended.
    Background,
}

/// Some of a group's children.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whom {
    Everybody,
    Background,
}

/// Room for so many is kept.
const KEPT: usize = 64;

impl Roster {
    pub(super) fn new() -> Roster {
        Roster { entries: Slab::new(), spawned: 0, background: 0 }
    }

    pub(super) fn add(&mut self, membership: Membership) -> usize {
        let number = self.spawned;
        self.spawned += 1;
        if membership == Membership::Background {
            self.background += 1;
        }
        self.entries.insert(Entry { task: None, number, membership })
    }

    pub(super) fn set_task(&mut self, key: usize, task: Option<TaskRef>) {
        // It may have ended in its spawn.
        if let Some(entry) = self.entries.get_mut(key) {
            entry.task = task;
        }
    }

    /// `true` if the child had a slot.
    pub(super) fn remove(&mut self, key: usize) -> bool {
        let Some(gone) = self.entries.try_remove(key) else { return false };
        if gone.membership == Membership::Background {
            self.background -= 1;
        }
        if self.entries.is_empty() && self.entries.capacity() > KEPT {
            // A group that lives long does not keep the room of its busiest moment.
            self.entries = Slab::new();
        }
        gone.membership == Membership::InSlot
    }

    /// How many children there ever were.
    pub(super) fn spawned(&self) -> usize {
        self.spawned
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn background(&self) -> usize {
        self.background
    }

    /// Some of the children, the newest first.
    pub(super) fn newest_first(&self, whom: Whom) -> Vec<TaskRef> {
        let is_meant = |entry: &Entry| whom == Whom::Everybody || entry.membership == Membership::Background;
        let entries = self.entries.iter().filter(|(_, entry)| is_meant(entry));
        let mut found: Vec<_> = entries.filter_map(|(_, entry)| Some((entry.number, entry.task?))).collect();
        found.sort_unstable_by_key(|(number, _)| Reverse(*number));
        found.into_iter().map(|(_, task)| task).collect()
    }

    pub(super) fn has_slot(&self, task: TaskRef) -> bool {
        self.entries.iter().any(|(_, entry)| entry.membership == Membership::InSlot && entry.task == Some(task))
    }
}
