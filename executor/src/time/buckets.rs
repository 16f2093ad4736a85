//! The wheel's buckets: arrays whose memory stays in proportion to the timers that there are.
//!
//! Crowds of timers come to other buckets each time, so an array must not stay where one crowd has left it. Small ones do, so that most
//! buckets never allocate again. A larger one that was emptied is the spare of the next bucket that grows. And what removals have left
//! behind is looked for when all arrays together have room for much more than there are timers; this is found out when one grows, so
//! that a timer that finds room, or goes, pays nothing for it.

/// Arrays of up to so many entries stay with their bucket.
const FEW: usize = 32;
/// Larger arrays may have room for so many entries, and for [`SHARE`] times as many as there are timers.
const ALWAYS: usize = 4096;
const SHARE: usize = 4;

/// A timer in the wheel, ordered as it will fire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TimerEntry {
    pub(super) when: u64,
    /// Counts the timers that were started, and decides between equal deadlines. (It comes round after 2³².)
    pub(super) order: u32,
    pub(super) key: u32,
}

pub(super) struct Buckets {
    count: usize,
    /// Made when the first entry comes.
    lists: Vec<Vec<TimerEntry>>,
    /// What an emptied bucket has left behind.
    spare: Vec<TimerEntry>,
    /// How many entries the lists have room for that are larger than [`FEW`].
    room: usize,
}

impl Buckets {
    pub(super) fn new(count: usize) -> Buckets {
        Buckets { count, lists: Vec::new(), spare: Vec::new(), room: 0 }
    }

    /// Returns the entry's index. There are `timers` in all.
    #[inline]
    pub(super) fn push(&mut self, bucket: usize, entry: TimerEntry, timers: usize) -> u32 {
        match self.lists.get_mut(bucket) {
            Some(list) if list.len() != list.capacity() => list.push(entry),
            _ => return self.push_slowly(bucket, entry, timers),
        }
        self.lists[bucket].len() as u32 - 1
    }

    #[cold]
    fn push_slowly(&mut self, bucket: usize, entry: TimerEntry, timers: usize) -> u32 {
        if self.lists.is_empty() {
            self.lists = vec![Vec::new(); self.count];
        }
        if self.room > ALWAYS + SHARE * timers {
            self.shrink();
        }
        let list = &mut self.lists[bucket];
        let before = counted(list);
        if list.len() >= FEW && self.spare.capacity() > list.len() {
            let mut wider = std::mem::take(&mut self.spare);
            wider.append(list);
            *list = wider;
        }
        list.push(entry);
        self.room += counted(list) - before;
        list.len() as u32 - 1
    }

    pub(super) fn get(&self, bucket: usize) -> &[TimerEntry] {
        &self.lists[bucket]
    }

    /// Removes an entry. The last one comes to its place.
    pub(super) fn swap_remove(&mut self, bucket: usize, index: u32) -> &[TimerEntry] {
        let list = &mut self.lists[bucket];
        list.swap_remove(index as usize);
        list
    }

    /// Takes all entries, with their array. It comes back by [`Buckets::leave`].
    pub(super) fn take(&mut self, bucket: usize) -> Vec<TimerEntry> {
        let list = std::mem::take(&mut self.lists[bucket]);
        self.room -= counted(&list);
        list
    }

    /// The array of a bucket whose entries have gone elsewhere.
    pub(super) fn leave(&mut self, bucket: usize, list: Vec<TimerEntry>) {
        debug_assert!(list.is_empty());
        if counted(&list) == 0 {
            self.lists[bucket] = list;
        } else if list.capacity() > self.spare.capacity() {
            self.spare = list;
        }
    }

    /// Frees what large arrays have too much, and the spare.
    pub(super) fn shrink(&mut self) {
        self.spare = Vec::new();
        if self.room == 0 {
            return;
        }
        self.room = 0;
        for list in &mut self.lists {
            if counted(list) > 0 && list.len() < list.capacity() / 2 {
                list.shrink_to(list.len());
            }
            self.room += counted(list);
        }
    }
}

fn counted(list: &Vec<TimerEntry>) -> usize {
    if list.capacity() > FEW { list.capacity() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = if cfg!(miri) { 3 } else { 100 };

    fn push(buckets: &mut Buckets, bucket: usize, count: usize, timers: usize) {
        let entry = TimerEntry { when: 1, order: 0, key: 0 };
        (0..count).for_each(|_| _ = buckets.push(bucket, entry, timers));
    }

    /// What is allocated, in entries.
    fn all(buckets: &Buckets) -> usize {
        buckets.lists.iter().map(Vec::capacity).sum::<usize>() + buckets.spare.capacity()
    }

    #[test]
    fn fault_31_the_array_of_an_emptied_bucket_is_the_next_ones() {
        let mut buckets = Buckets::new(MANY);
        for bucket in 0..MANY {
            push(&mut buckets, bucket, 10_000, 10_000);
            let mut list = buckets.take(bucket);
            list.clear();
            buckets.leave(bucket, list);
            assert!(all(&buckets) <= 2 * 10_000 + FEW * (bucket + 1), "{}", all(&buckets));
        }
    }

    #[test]
    fn fault_31_what_removals_leave_behind_is_freed_when_others_grow() {
        let mut buckets = Buckets::new(MANY);
        for bucket in 0..MANY {
            push(&mut buckets, bucket, 10_000, 10_000 + bucket);
            (1..10_000).rev().for_each(|index| _ = buckets.swap_remove(bucket, index));
            assert!(all(&buckets) <= ALWAYS + (SHARE + 2) * 10_100 + FEW * MANY, "{}", all(&buckets));
        }
        buckets.shrink();
        assert!(all(&buckets) <= FEW * MANY);
        assert_eq!((0..MANY).map(|bucket| buckets.get(bucket).len()).sum::<usize>(), MANY);
    }

    #[test]
    fn fault_31_what_is_freed_while_a_bucket_is_emptied_is_not_counted_twice() {
        let mut buckets = Buckets::new(3);
        push(&mut buckets, 0, 20_000, 20_000);
        let mut list = buckets.take(0);
        push(&mut buckets, 1, 10_000, 0);
        push(&mut buckets, 2, 10_000, 0);
        list.clear();
        buckets.leave(0, list);
        buckets.shrink();
        assert_eq!(buckets.room, all(&buckets));
    }
}
