//! Who is alive in a group, in the order of their spawn.

use evenkeel_executor::TaskRef;

/// A child finds its own entry, so that its end costs the same however many there are. Their order is asked for only when they are
/// cancelled, and found out then.
#[derive(Default)]
pub(super) struct Roster {
    /// By key.
    entries: Vec<Entry>,
    /// The key of the first entry that is nobody's, or of one that does not exist yet.
    free: u32,
    /// How many there ever were.
    spawned: usize,
    /// How many there are that the group waits for, and how many in the background.
    awaited: usize,
    background: usize,
}

struct Entry {
    task: TaskRef,
    /// How many came before it, modulo 2³²; of an entry that is nobody's, the key of the next such entry.
    number: u32,
    /// `None`: nobody's.
    membership: Option<Membership>,
    /// The child ends badly, and is not to be cancelled any more.
    is_leaving: bool,
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

/// Room for so many is kept while the group goes on.
const KEPT: usize = 1024;

/// Room for so many is little.
const LITTLE: usize = 64;

impl Roster {
    /// All have ended, and the roster is another group's.
    #[inline]
    pub(super) fn renew(&mut self) {
        debug_assert_eq!(self.len(), 0);
        self.spawned = 0;
    }

    /// All have ended: keeps little room only.
    pub(super) fn trim(&mut self) {
        if self.entries.capacity() > LITTLE {
            self.give_back();
        }
    }

    /// A new child. Returns its key.
    #[inline]
    pub(super) fn add(&mut self, task: TaskRef, membership: Membership) -> u32 {
        let key = self.free;
        let entry = Entry { task, number: self.spawned as u32, membership: Some(membership), is_leaving: false };
        match self.entries.get_mut(key as usize) {
            Some(free) => self.free = std::mem::replace(free, entry).number,
            None => self.push(entry),
        }
        self.spawned += 1;
        match membership {
            Membership::Background => self.background += 1,
            _ => self.awaited += 1,
        }
        key
    }

    /// Appends an entry: none was nobody's.
    #[cold]
    fn push(&mut self, entry: Entry) {
        assert!(self.entries.len() < u32::MAX as usize, "no executor has so many tasks");
        self.entries.push(entry);
        self.free += 1;
    }

    /// The child is not to be cancelled any more.
    pub(super) fn leaves(&mut self, key: u32) {
        if let Some(entry) = self.entries.get_mut(key as usize) {
            entry.is_leaving = true;
        }
    }

    /// How the child belonged to the group; `None` if it did not any more.
    #[inline]
    pub(super) fn remove(&mut self, key: u32) -> Option<Membership> {
        let free = self.free;
        let entry = self.entries.get_mut(key as usize)?;
        let membership = entry.membership.take()?;
        entry.number = free;
        self.free = key;
        match membership {
            Membership::Background => self.background -= 1,
            _ => self.awaited -= 1,
        }
        if self.awaited == 0 && self.entries.len() > KEPT && self.background == 0 {
            self.give_back();
        }
        Some(membership)
    }

    /// A group that lives long does not keep the room of its busiest moment.
    #[cold]
    fn give_back(&mut self) {
        (self.entries, self.free) = (Vec::new(), 0);
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
        self.sorted(|entry, membership| {
            !entry.is_leaving && (whom == Whom::Everybody || membership == Membership::Background)
        })
    }

    /// All children, the oldest first.
    pub(super) fn oldest_first(&self) -> Vec<TaskRef> {
        let mut found = self.sorted(|_, _| true);
        found.reverse();
        found
    }

    /// The children that are meant, the newest first.
    fn sorted(&self, is_meant: impl Fn(&Entry, Membership) -> bool) -> Vec<TaskRef> {
        // Where more than 2³² were spawned since the oldest, that one counts as younger than it is.
        let age = |entry: &Entry| (self.spawned as u32).wrapping_sub(entry.number);
        let is_there = |entry: &&Entry| entry.membership.is_some_and(|membership| is_meant(entry, membership));
        let entries = self.entries.iter().filter(is_there);
        let mut found: Vec<_> = entries.map(|entry| (age(entry), entry.task)).collect();
        found.sort_unstable_by_key(|(age, _)| *age);
        found.into_iter().map(|(_, task)| task).collect()
    }

    pub(super) fn has_slot(&self, task: TaskRef) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.membership == Some(Membership::InSlot) && entry.task == task && !entry.is_leaving)
    }
}
