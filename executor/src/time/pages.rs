//! Where timers lie: in pages, so that one timer that lives long keeps one page, and not the memory of the largest crowd.
//!
//! Free places of all pages are one list, the place that was left last in front, so that storing and removing are a few steps whatever
//! the page. Nothing goes back by itself: a page that is empty waits for the next crowd, until [`Pages::trim`] frees it.

use std::mem::replace;

const BITS: u32 = 6;
/// How many values lie on a page.
const PAGE: usize = 1 << BITS;
/// No key: a list ends.
const END: u32 = u32::MAX;

pub(super) struct Pages<T> {
    pages: Vec<Option<Box<Page<T>>>>,
    /// The first free place.
    free: u32,
    len: usize,
    /// How many pages have memory.
    made: usize,
    /// All pages before this one have memory.
    made_to: usize,
}

type Page<T> = [Place<T>; PAGE];

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

    /// Stores a value. The key is its own until it is removed.
    ///
    /// # Panics
    ///
    /// If there are as many values as there are keys.
    #[inline]
    pub(super) fn insert(&mut self, value: T) -> u32 {
        if self.free == END {
            self.make();
        }
        let key = self.free;
        let Place::Free(next) = replace(self.place(key), Place::Taken(value)) else {
            unreachable!("a free place was taken")
        };
        self.free = next;
        self.len += 1;
        key
    }

    #[inline]
    pub(super) fn remove(&mut self, key: u32) -> T {
        let next = self.free;
        let Place::Taken(value) = replace(self.place(key), Place::Free(next)) else { missing() };
        self.free = key;
        self.len -= 1;
        value
    }

    #[inline]
    pub(super) fn get(&self, key: u32) -> &T {
        match &self.pages[(key >> BITS) as usize] {
            Some(page) => match &page[key as usize % PAGE] {
                Place::Taken(value) => value,
                Place::Free(_) => missing(),
            },
            None => missing(),
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, key: u32) -> &mut T {
        match self.place(key) {
            Place::Taken(value) => value,
            Place::Free(_) => missing(),
        }
    }

    #[inline]
    fn place(&mut self, key: u32) -> &mut Place<T> {
        match &mut self.pages[(key >> BITS) as usize] {
            Some(page) => &mut page[key as usize % PAGE],
            None => missing(),
        }
    }

    /// Makes a page: the first that is missing, whose places are free then. There is no other free place.
    #[cold]
    fn make(&mut self) {
        let missing = (self.made_to..self.pages.len()).find(|&number| self.pages[number].is_none());
        let number = missing.unwrap_or_else(|| {
            self.pages.push(None);
            self.pages.len() - 1
        });
        self.made_to = number + 1;
        assert!(number < (END >> BITS) as usize, "an executor can have at most 4 294 967 232 timers");
        let first = (number << BITS) as u32;
        self.pages[number] = Some(Box::new(std::array::from_fn(|n| Place::Free(first + n as u32 + 1))));
        self.made += 1;
        *self.place(first + PAGE as u32 - 1) = Place::Free(END);
        self.free = first;
    }

    /// Frees the pages that are empty. Those in front are used first from now on.
    pub(super) fn trim(&mut self) {
        let is_empty = |page: &Page<T>| page.iter().all(|place| matches!(place, Place::Free(_)));
        for page in &mut self.pages {
            if page.as_ref().is_some_and(|page| is_empty(page)) {
                *page = None;
                self.made -= 1;
            }
        }
        self.pages.truncate(self.pages.iter().rposition(Option::is_some).map_or(0, |last| last + 1));
        self.pages.shrink_to_fit();
        self.made_to = 0;
        self.free = END;
        let places =
            self.pages.iter_mut().enumerate().rev().filter_map(|(number, page)| Some((number, page.as_mut()?)));
        for (number, page) in places {
            for (n, place) in page.iter_mut().enumerate().rev() {
                if let Place::Free(next) = place {
                    *next = replace(&mut self.free, (number << BITS | n) as u32);
                }
            }
        }
    }
}

#[cold]
fn missing() -> ! {
    unreachable!("a key was used after its removal")
}

#[cfg(test)]
mod tests {
    use super::*;

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
        pages.trim();
        assert!(pages.capacity() < MANY);
    }
}
