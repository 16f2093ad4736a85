//! Who is alive in a group, in the order of their spawn.

use evenkeel_executor::TaskRef;
use slab::Slab;

/// A list in which a child finds its own entry, so that its end costs the same however many there are.
pub(crate) struct Roster {
    entries: Slab<Entry>,
    oldest: usize,
    newest: usize,
    background: usize,
}

struct Entry {
    /// `None` while it is being spawned.
    task: Option<TaskRef>,
    is_background: bool,
    /// It came through a slot, which is free again at its end.
    has_slot: bool,
    older: usize,
    newer: usize,
}

/// Room for so many is kept.
const KEPT: usize = 64;

const NOBODY: usize = usize::MAX;

impl Roster {
    pub(crate) fn new() -> Roster {
        Roster { entries: Slab::new(), oldest: NOBODY, newest: NOBODY, background: 0 }
    }

    pub(crate) fn add(&mut self, is_background: bool, has_slot: bool) -> usize {
        let older = self.newest;
        let key = self.entries.insert(Entry { task: None, is_background, has_slot, older, newer: NOBODY });
        match self.entries.get_mut(older) {
            Some(entry) => entry.newer = key,
            None => self.oldest = key,
        }
        self.newest = key;
        self.background += usize::from(is_background);
        key
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
        match self.entries.get_mut(gone.older) {
            Some(entry) => entry.newer = gone.newer,
            None => self.oldest = gone.newer,
        }
        match self.entries.get_mut(gone.newer) {
            Some(entry) => entry.older = gone.older,
            None => self.newest = gone.older,
        }
        self.background -= usize::from(gone.is_background);
        if self.entries.is_empty() && self.entries.capacity() > KEPT {
            // A group that lives long does not keep the room of its busiest moment.
            self.entries = Slab::new();
        }
        gone.has_slot
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn background(&self) -> usize {
        self.background
    }

    /// The children, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = (TaskRef, bool)> {
        let mut next = self.newest;
        std::iter::from_fn(move || {
            loop {
                let entry = self.entries.get(next)?;
                next = entry.older;
                if let Some(task) = entry.task {
                    return Some((task, entry.is_background));
                }
            }
        })
    }

    pub(crate) fn has_slot(&self, task: TaskRef) -> bool {
        self.entries.iter().any(|(_, entry)| entry.has_slot && entry.task == Some(task))
    }
}
