//! Where timers lie: in pages, so that one timer that lives long keeps one page, and not the memory of the largest crowd.
//!
//! The free places of all pages are one list, the place that was left last in front, so that storing and removing are a few steps. Nothing
//! goes back by itself: a page that is empty waits for the next crowd, until [`Pages::trim`] frees it, and lists the free places in front
//! first. So what comes after that lies close together, but what comes while a crowd goes may lie on any of its pages.

use std::mem::replace;

const BITS: u32 = 6;
/// How many values lie on a page.
const PAGE: usize = 1 << BITS;
/// No place: the list ends.
const END: u32 = u32::MAX;

pub(super) struct Pages<T> {
    /// `None` has no memory.
    pages: Vec<Option<Box<Page<T>>>>,
    /// The first free place.
    free: u32,
    len: usize,
    /// How many pages have memory.
    made: usize,
    /// All pages before this one have memory.
    made_to: usize,
}

struct Page<T> {
    taken: u32,
    places: [Place<T>; PAGE],
}

enum Place<T> {
    /// With the next free one.
    Free(u32),
    Taken(T),
}

impl<T> Pages<T> {
    pub(super) fn new() -> Pages<T> {
        Pages { pages: Vec::new(), free: END, len: 0, made: 0, made_to: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many values the pages have room for.
    pub(super) fn capacity(&self) -> usize {
        self.made * PAGE
    }

    /// Takes a free place for a value that comes later, by [`fill`](Pages::fill), or never, by [`give_back`](Pages::give_back). The key is its
    /// own until then, and until the value is removed. There is to be none of these when pages are freed.
    ///
    /// # Panics
    ///
    /// If there are as many values as there are keys.
    #[inline]
    pub(super) fn reserve(&mut self) -> u32 {
        if self.free == END {
            self.make();
        }
        let key = self.free;
        let Place::Free(next) = page(&mut self.pages, key >> BITS).places[key as usize % PAGE] else { taken() };
        self.free = next;
        key
    }

    /// Stores a value in the place that was reserved for it.
    #[inline]
    pub(super) fn fill(&mut self, key: u32, value: T) {
        let page = page(&mut self.pages, key >> BITS);
        let place = &mut page.places[key as usize % PAGE];
        let Place::Free(_) = replace(place, Place::Taken(value)) else { taken() };
        page.taken += 1;
        self.len += 1;
    }

    /// Gives up a place that was reserved.
    pub(super) fn give_back(&mut self, key: u32) {
        page(&mut self.pages, key >> BITS).places[key as usize % PAGE] = Place::Free(replace(&mut self.free, key));
    }

    #[inline]
    pub(super) fn remove(&mut self, key: u32) -> T {
        let page = page(&mut self.pages, key >> BITS);
        let place = &mut page.places[key as usize % PAGE];
        let Place::Taken(value) = replace(place, Place::Free(self.free)) else { missing() };
        page.taken -= 1;
        self.free = key;
        self.len -= 1;
        value
    }

    #[inline]
    pub(super) fn get(&self, key: u32) -> &T {
        match &self.pages[(key >> BITS) as usize] {
            Some(page) => match &page.places[key as usize % PAGE] {
                Place::Taken(value) => value,
                Place::Free(_) => missing(),
            },
            None => missing(),
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, key: u32) -> &mut T {
        match &mut page(&mut self.pages, key >> BITS).places[key as usize % PAGE] {
            Place::Taken(value) => value,
            Place::Free(_) => missing(),
        }
    }

    /// Makes the first page that is missing, for there is no room on the others.
    #[cold]
    fn make(&mut self) {
        let missing = (self.made_to..self.pages.len()).find(|&number| self.pages[number].is_none());
        let number = missing.unwrap_or(self.pages.len());
        assert!(number < (END >> BITS) as usize, "an executor can have at most 4 294 967 232 timers");
        let first = (number << BITS) as u32;
        let mut places = std::array::from_fn(|n| Place::Free(first + n as u32 + 1));
        places[PAGE - 1] = Place::Free(END);
        let page = Some(Box::new(Page { taken: 0, places }));
        match missing {
            Some(_) => self.pages[number] = page,
            None => self.pages.push(page),
        }
        self.made += 1;
        self.made_to = number + 1;
        self.free = first;
    }

    /// Frees the pages that are empty, unless they are few beside the others, as all places are listed anew then. Those in front are used
    /// first from now on.
    pub(super) fn trim(&mut self) {
        const FEW: usize = 16;
        let is_empty = |page: &Option<Box<Page<T>>>| page.as_ref().is_some_and(|page| page.taken == 0);
        let empty = self.pages.iter().filter(|page| is_empty(page)).count();
        if empty == 0 || empty < self.made / FEW {
            return;
        }
        self.pages.iter_mut().filter(|page| is_empty(page)).for_each(|page| *page = None);
        self.made -= empty;
        self.pages.truncate(self.pages.iter().rposition(Option::is_some).map_or(0, |last| last + 1));
        self.pages.shrink_to_fit();
        self.list_free();
    }

    /// Lists the free places anew, those in front first.
    fn list_free(&mut self) {
        (self.free, self.made_to) = (END, 0);
        let pages = self.pages.iter_mut().enumerate().rev().filter_map(|(number, page)| Some((number, page.as_mut()?)));
        for (number, page) in pages {
            for (n, place) in page.places.iter_mut().enumerate().rev() {
                if let Place::Free(next) = place {
                    *next = replace(&mut self.free, (number << BITS | n) as u32);
                }
            }
        }
    }
}

#[inline]
fn page<T>(pages: &mut [Option<Box<Page<T>>>], number: u32) -> &mut Page<T> {
    match &mut pages[number as usize] {
        Some(page) => page,
        None => missing(),
    }
}

#[cold]
fn taken() -> ! {
    unreachable!("a free place was taken")
}

#[cold]
fn missing() -> ! {
    unreachable!("a key was used after its removal")
}

#[cfg(test)]
mod tests {
    use super::*;

    impl<T> Pages<T> {
        fn insert(&mut self, value: T) -> u32 {
            let key = self.reserve();
            self.fill(key, value);
            key
        }

        fn has(&self, key: u32) -> bool {
            let page = self.pages.get((key >> BITS) as usize).and_then(Option::as_ref);
            page.is_some_and(|page| matches!(page.places[key as usize % PAGE], Place::Taken(_)))
        }
    }

    #[test]
    fn pages_keep_what_was_stored_and_use_keys_again() {
        let mut pages = Pages::new();
        let keys: Vec<u32> = (0..1000).map(|n| pages.insert(n)).collect();
        assert!(keys.iter().enumerate().all(|(n, &key)| *pages.get(key) == n && key as usize == n));
        assert!(keys.iter().enumerate().filter(|(n, _)| n % 3 != 0).all(|(n, &key)| pages.remove(key) == n));
        let capacity = pages.capacity();
        let more: Vec<u32> = (0..600).map(|n| pages.insert(n)).collect();
        assert_eq!((pages.len(), pages.capacity()), (334 + 600, capacity));
        assert!(more.iter().enumerate().all(|(n, &key)| *pages.get(key) == n));
        assert!(keys.iter().enumerate().filter(|(n, _)| n % 3 == 0).all(|(n, &key)| *pages.get(key) == n));
    }

    #[test]
    fn a_reserved_place_is_nobody_elses_and_counts_as_free_once_it_is_given_back() {
        let mut pages = Pages::new();
        let reserved = pages.reserve();
        let others: Vec<u32> = (1..PAGE as u32).map(|n| pages.insert(n)).collect();
        assert!(!others.contains(&reserved) && pages.capacity() == PAGE);
        pages.fill(reserved, 0);
        assert_eq!((*pages.get(reserved), pages.len()), (0, PAGE));
        assert_eq!(pages.remove(reserved), 0);
        let again = pages.reserve();
        pages.give_back(again);
        assert_eq!((pages.insert(7), pages.capacity()), (reserved, PAGE));
    }

    #[test]
    fn met_b6_one_value_keeps_one_page() {
        const MANY: usize = if cfg!(miri) { 10 * PAGE } else { 10_000 };
        const KEPT: usize = MANY * 7 / 9;
        let mut pages = Pages::new();
        let keys: Vec<u32> = (0..MANY).map(|n| pages.insert(n)).collect();
        keys.iter().filter(|&&key| key != KEPT as u32).for_each(|&key| _ = pages.remove(key));
        assert!(pages.capacity() >= MANY, "nothing goes back by itself");
        pages.trim();
        assert_eq!((pages.capacity(), *pages.get(KEPT as u32)), (PAGE, KEPT));
        // The page that was kept is used first, and then those in front.
        assert!((0..PAGE - 1).all(|n| pages.insert(n) as usize / PAGE == KEPT / PAGE));
        assert_eq!(pages.insert(1), 0);
        assert!((0..MANY - 2 * PAGE).all(|n| {
            let key = pages.insert(n);
            *pages.get(key) == n
        }));
        assert_eq!((pages.remove(KEPT as u32), pages.len()), (KEPT, MANY - PAGE));
        (0..(MANY + PAGE) as u32).filter(|key| key / PAGE as u32 != KEPT as u32 / PAGE as u32).for_each(|key| {
            if pages.has(key) {
                pages.remove(key);
            }
        });
        pages.trim();
        assert_eq!((pages.len(), pages.capacity()), (PAGE - 1, PAGE));
    }

    #[test]
    fn met_b6_what_comes_after_a_trim_lies_close_together() {
        let mut pages = Pages::new();
        let mut keys: Vec<u32> = (0..10 * PAGE).map(|n| pages.insert(n)).collect();
        // One of each page after the other, but for one on each page of the first half.
        keys.sort_by_key(|key| (key % PAGE as u32, *key));
        let early = keys.drain(..5).collect::<Vec<_>>();
        keys.drain(..).for_each(|key| _ = pages.remove(key));
        pages.trim();
        assert_eq!(pages.capacity(), 5 * PAGE);
        let staying: Vec<u32> = (0..2 * PAGE - 2).map(|n| pages.insert(n)).collect();
        early.into_iter().for_each(|key| _ = pages.remove(key));
        pages.trim();
        assert_eq!(pages.capacity(), 2 * PAGE);
        assert!(staying.iter().enumerate().all(|(n, &key)| *pages.get(key) == n));
    }

    #[test]
    fn pages_do_as_a_map_does() {
        let mut random = 7_u64;
        let mut below = |end: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) as usize % end
        };
        let (mut pages, mut map) = (Pages::new(), std::collections::BTreeMap::new());
        for step in 0..if cfg!(miri) { 2_000 } else { 50_000 } {
            // It grows and shrinks in turns.
            let grows = step / 1_000 % 2 == 0;
            if map.is_empty() || below(100) < if grows { 70 } else { 30 } {
                assert_eq!(map.insert(pages.insert(step), step), None, "a key is its own");
            } else if let Some((&key, _)) = map.range(below(4_000) as u32..).next() {
                assert_eq!(Some(pages.remove(key)), map.remove(&key));
            }
            if below(500) == 0 {
                pages.trim();
                let used: std::collections::BTreeSet<u32> = map.keys().map(|key| key >> BITS).collect();
                assert!(pages.capacity() * 15 / 16 <= used.len() * PAGE, "few are kept");
            }
            assert_eq!(pages.len(), map.len());
        }
        assert!(map.iter().all(|(&key, step)| pages.get(key) == step));
        while pages.len() < pages.capacity() {
            pages.insert(0);
        }
    }
}
