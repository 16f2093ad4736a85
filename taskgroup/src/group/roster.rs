//! Who is alive in a group, in the order of their spawn.

use evenkeel_executor::TaskRef;
use slab::Slab;
use std::cmp::Reverse;

/// A child finds its own entry, so that its end costs the same however many there are. Their order is asked for only when they are
/// cancelled, and found out then.
pub(crate) struct Roster {
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
    is_background: bool,
    /// It came through a slot, which is free again at its end.
    has_slot: bool,
}

/// Room for so many is kept.
const KEPT: usize = 64;

impl Roster {
    pub(crate) fn new() -> Roster {
        Roster { entries: Slab::new(), spawned: 0, background: 0 }
    }

    pub(crate) fn add(&mut self, is_background: bool, has_slot: bool) -> usize {
        let number = self.spawned;
        self.spawned += 1;
        self.background += usize::from(is_background);
        self.entries.insert(Entry { task: None, number, is_background, has_slot })
    }

    pub(crate) fn set_task(&mut self, key: usize, task: Option<TaskRef>) {
        // It may have ended in its spawn.
        if let Some(entry) = self.entries.get_mut(key) {
            entry.task = task;
        }
    }

    /// `true` if the child had a slot.
    pub(crate) fn remove(&mut self, key: usize) -> bool {
        let Some(gone) = self.entries.try_remove(key) else { return false };
        self.background -= usize::from(gone.is_background);
        if self.entries.is_empty() && self.entries.capacity() > KEPT {
            // A group that lives long does not keep the room of its busiest moment.
            self.entries = Slab::new();
        }
        gone.has_slot
    }

    /// How many children there ever were.
    pub(crate) fn spawned(&self) -> usize {
        self.spawned
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn background(&self) -> usize {
        self.background
    }

    /// The children of whom `which` is true, which is told whether they are in the background; newest first.
    pub(crate) fn newest_first(&self, which: impl Fn(bool) -> bool) -> Vec<TaskRef> {
        let entries = self.entries.iter().filter(|(_, entry)| which(entry.is_background));
        let mut found: Vec<_> = entries.filter_map(|(_, entry)| Some((entry.number, entry.task?))).collect();
        found.sort_unstable_by_key(|(number, _)| Reverse(*number));
        found.into_iter().map(|(_, task)| task).collect()
    }

    pub(crate) fn has_slot(&self, task: TaskRef) -> bool {
        self.entries.iter().any(|(_, entry)| entry.has_slot && entry.task == Some(task))
    }
}
