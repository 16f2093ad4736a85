//! Who is alive in a group, in the order of their spawn.

use evenkeel_executor::TaskRef;
use std::cmp::Reverse;

/// A child finds its own entry, so that its end costs the same however many there are. Their order is asked for only when they are
/// cancelled, and found out then.
pub(super) struct Roster {
    /// The entry with the key 0, so that a group of one has no list.
    first: Entry,
    /// The others.
    more: Vec<Entry>,
    /// The first entry that is nobody's, or one that does not exist yet.
    free: usize,
    /// How many there ever were.
    spawned: usize,
    /// How many there are that the group waits for, and how many in the background.
    awaited: usize,
    background: usize,
}

struct Entry {
    /// `None` while the child is being spawned, or nobody's.
    task: Option<TaskRef>,
    /// How many came before it; of an entry that is nobody's, the next such entry.
    number: usize,
    /// `None`: nobody's.
    membership: Option<Membership>,
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
        let first = Entry { task: None, number: 1, membership: None };
        Roster { first, more: Vec::new(), free: 0, spawned: 0, awaited: 0, background: 0 }
    }

    #[inline]
    pub(super) fn add(&mut self, membership: Membership) -> usize {
        let (key, number) = (self.free, self.spawned);
        self.spawned += 1;
        match membership {
            Membership::Background => self.background += 1,
            _ => self.awaited += 1,
        }
        let entry = Entry { task: None, number, membership: Some(membership) };
        match self.entry(key) {
            Some(free) => self.free = std::mem::replace(free, entry).number,
            None => {
                self.more.push(entry);
                self.free = key + 1;
            }
        }
        key
    }

    #[inline]
    fn entry(&mut self, key: usize) -> Option<&mut Entry> {
        match key.checked_sub(1) {
            None => Some(&mut self.first),
            Some(key) => self.more.get_mut(key),
        }
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        std::iter::once(&self.first).chain(&self.more)
    }

    #[inline]
    pub(super) fn set_task(&mut self, key: usize, task: Option<TaskRef>) {
        // It may have ended in its spawn.
        if let Some(entry) = self.entry(key).filter(|entry| entry.membership.is_some()) {
            entry.task = task;
        }
    }

    /// How the child belonged to the group; `None` if it did not any more.
    #[inline]
    pub(super) fn remove(&mut self, key: usize) -> Option<Membership> {
        let free = self.free;
        let entry = self.entry(key)?;
        let membership = entry.membership.take()?;
        entry.number = free;
        self.free = key;
        match membership {
            Membership::Background => self.background -= 1,
            _ => self.awaited -= 1,
        }
        if self.awaited == 0 && self.more.len() > KEPT && self.background == 0 {
            self.give_back();
        }
        Some(membership)
    }

    /// A group that lives long does not keep the room of its busiest moment.
    #[cold]
    fn give_back(&mut self) {
        (self.more, self.free, self.first.number) = (Vec::new(), 0, 1);
    }

    /// How many children there ever were.
    pub(super) fn spawned(&self) -> usize {
        self.spawned
    }

    pub(super) fn len(&self) -> usize {
        self.awaited + self.background
    }

    /// Are there none that the group waits for?
    #[inline]
    pub(super) fn awaits_nobody(&self) -> bool {
        self.awaited == 0
    }

    pub(super) fn background(&self) -> usize {
        self.background
    }

    /// Some of the children, the newest first.
    pub(super) fn newest_first(&self, whom: Whom) -> Vec<TaskRef> {
        let is_meant = |entry: &&Entry| match entry.membership {
            None => false,
            Some(membership) => whom == Whom::Everybody || membership == Membership::Background,
        };
        let entries = self.entries().filter(is_meant);
        let mut found: Vec<_> = entries.filter_map(|entry| Some((entry.number, entry.task?))).collect();
        found.sort_unstable_by_key(|(number, _)| Reverse(*number));
        found.into_iter().map(|(_, task)| task).collect()
    }

    pub(super) fn has_slot(&self, task: TaskRef) -> bool {
        self.entries().any(|entry| entry.membership == Some(Membership::InSlot) && entry.task == Some(task))
    }
}
