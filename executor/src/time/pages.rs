//! Where timers lie: a slab in pages, so that one timer that lives long keeps one page, and not the memory of the largest crowd.
//!
//! A page is used as long as it has room, and pages that have some are used the latest first. Nothing goes back by itself: a page that is
//! empty waits for the next crowd, until [`Pages::trim`] frees it.

use slab::Slab;

const BITS: u32 = 6;
/// How many values lie on a page.
const PAGE: usize = 1 << BITS;

pub(super) struct Pages<T> {
    pages: Vec<Page<T>>,
    /// The pages that have room, once each; the last one is used first.
    open: Vec<u32>,
    len: usize,
    /// How many pages have memory.
    made: usize,
}

type Page<T> = Slab<T>;

impl<T> Pages<T> {
    pub(super) fn new() -> Pages<T> {
        Pages { pages: Vec::new(), open: Vec::new(), len: 0, made: 0 }
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
    #[inline]
    pub(super) fn insert(&mut self, value: T) -> usize {
        let number = match self.open.last() {
            Some(&number) if self.pages[number as usize].capacity() != 0 => number as usize,
            _ => self.make(),
        };
        let page = &mut self.pages[number];
        let key = page.insert(value);
        self.len += 1;
        if page.len() == PAGE {
            self.open.pop();
        }
        number << BITS | key
    }

    /// Makes memory for the page that is to be used next. Returns its number.
    #[cold]
    fn make(&mut self) -> usize {
        let number = match self.open.last() {
            Some(&number) => number as usize,
            None => {
                self.pages.push(Slab::new());
                self.open.push(self.pages.len() as u32 - 1);
                self.pages.len() - 1
            }
        };
        self.pages[number] = Slab::with_capacity(PAGE);
        self.made += 1;
        number
    }

    #[inline]
    pub(super) fn remove(&mut self, key: usize) -> T {
        let number = key >> BITS;
        let page = &mut self.pages[number];
        let was_full = page.len() == PAGE;
        let value = page.remove(key % PAGE);
        self.len -= 1;
        if was_full {
            self.open.push(number as u32);
        }
        value
    }

    /// Frees the pages that are empty. Those in front are used first from now on.
    pub(super) fn trim(&mut self) {
        for page in self.pages.iter_mut().filter(|page| page.is_empty() && page.capacity() != 0) {
            *page = Slab::new();
            self.made -= 1;
        }
        while self.pages.last().is_some_and(Slab::is_empty) {
            self.pages.pop();
        }
        self.pages.shrink_to_fit();
        let has_room = |&number: &u32| self.pages[number as usize].len() < PAGE;
        self.open = (0..self.pages.len() as u32).rev().filter(has_room).collect();
    }
}

impl<T> std::ops::Index<usize> for Pages<T> {
    type Output = T;

    #[inline]
    fn index(&self, key: usize) -> &T {
        &self.pages[key >> BITS][key % PAGE]
    }
}

impl<T> std::ops::IndexMut<usize> for Pages<T> {
    #[inline]
    fn index_mut(&mut self, key: usize) -> &mut T {
        &mut self.pages[key >> BITS][key % PAGE]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_keep_what_was_stored_and_use_keys_again() {
        let mut pages = Pages::new();
        let keys: Vec<usize> = (0..1000).map(|n| pages.insert(n)).collect();
        assert!(keys.iter().enumerate().all(|(n, &key)| pages[key] == n && key == n));
        assert!(keys.iter().enumerate().filter(|(n, _)| n % 3 != 0).all(|(n, &key)| pages.remove(key) == n));
        let capacity = pages.capacity();
        let more: Vec<usize> = (0..600).map(|n| pages.insert(n)).collect();
        assert_eq!((pages.len(), pages.capacity()), (334 + 600, capacity));
        assert!(more.iter().enumerate().all(|(n, &key)| pages[key] == n));
        assert!(keys.iter().enumerate().filter(|(n, _)| n % 3 == 0).all(|(n, &key)| pages[key] == n));
    }

    #[test]
    fn met_b6_one_value_keeps_one_page() {
        const MANY: usize = if cfg!(miri) { 10 * PAGE } else { 10_000 };
        const KEPT: usize = MANY * 7 / 9;
        let mut pages = Pages::new();
        let keys: Vec<usize> = (0..MANY).map(|n| pages.insert(n)).collect();
        keys.iter().filter(|&&key| key != KEPT).for_each(|&key| _ = pages.remove(key));
        assert!(pages.capacity() >= MANY, "nothing goes back by itself");
        pages.trim();
        assert_eq!((pages.capacity(), pages[KEPT]), (PAGE, KEPT));
        // The room in front is used first, and the page that was kept when its turn comes.
        assert_eq!(pages.insert(1), 0);
        assert!((0..MANY - 2 * PAGE).all(|n| {
            let key = pages.insert(n);
            pages[key] == n
        }));
        assert_eq!((pages.remove(KEPT), pages.len()), (KEPT, MANY - 2 * PAGE + 1));
        pages.trim();
        assert!(pages.capacity() < MANY);
    }
}
