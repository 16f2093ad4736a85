//! The seats: sub-slots of the task table, one for each child that lives inside its owner's future, a page of them at a time for a set.
//!
//! A child's number looks like a task's. Its slot counts down from the top of the range of slots, where no task is. So its waker asks
//! here first; who has only the number, and finds no task there, comes here, too.

use crate::{
    raw::number::{Number, SLOT_MASK},
    wake::set::{Called, LARGE, PAGE, Set},
};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::Waker,
};

pub(crate) struct Seats {
    table: RefCell<Table>,
    /// Every new page begins with its generation, which none had that was taken away.
    first: Cell<Number>,
}

#[derive(Default)]
struct Table {
    pages: Vec<Page>,
    /// The first free page, or one that does not exist yet; and how many there are.
    free: u32,
    free_count: usize,
    /// Sets that nobody has any more, for the next ones. Each has pages, and they are at most [`SPARE`].
    spare: Vec<Rc<Set>>,
}

/// So many sets are kept for the next ones.
const SPARE: usize = 1024;

/// Seats with consecutive numbers, all of one set.
struct Page {
    /// Whose they are; `None` in a free page.
    set: Option<Rc<Set>>,
    /// The key of the first one; in a free page the next free page.
    key: u32,
    /// The first generation that no child had here before these.
    tag: usize,
}

impl Table {
    /// Takes a page for the seats of that set that begin with that key: the page, and the number of the first seat.
    #[inline]
    fn take(&mut self, set: &Rc<Set>, key: usize, first: Number) -> (u32, Number) {
        let (page, set, key) = (self.free, Some(set.clone()), key as u32);
        let tag = match self.pages.get_mut(page as usize) {
            Some(taken) => {
                self.free = std::mem::replace(&mut taken.key, key);
                self.free_count -= 1;
                taken.set = set;
                taken.tag
            }
            None => {
                self.free = page + 1;
                self.pages.push(Page { set, key, tag: first.tag() });
                first.tag()
            }
        };
        (page, Number(tag | (SLOT_MASK - page as usize * PAGE)))
    }

    /// The set has no pages any more.
    fn leave(&mut self, set: &Set) {
        set.leave(|page, beyond| {
            let given = &mut self.pages[page as usize];
            (given.set, given.tag) = (None, beyond.tag());
            given.key = std::mem::replace(&mut self.free, page);
            self.free_count += 1;
        });
    }

    /// The sets that are for others have no pages any more.
    #[cold]
    fn empty_spare(&mut self) {
        for set in std::mem::take(&mut self.spare) {
            self.leave(&set);
        }
    }

    /// Lists the free pages anew, those in front first.
    fn list_free(&mut self) {
        (self.free, self.free_count) = (self.pages.len() as u32, 0);
        for (index, page) in self.pages.iter_mut().enumerate().rev().filter(|(_, page)| page.set.is_none()) {
            page.key = std::mem::replace(&mut self.free, index as u32);
            self.free_count += 1;
        }
    }

    /// The set and the key of the seat that has that slot.
    #[inline(always)]
    fn find(&self, slot: usize) -> Option<(&Rc<Set>, u32)> {
        let seat = SLOT_MASK - slot;
        let page = self.pages.get(seat / PAGE)?;
        Some((page.set.as_ref()?, page.key + (seat % PAGE) as u32))
    }
}

impl Seats {
    pub(crate) fn new(first: Number) -> Seats {
        Seats { table: RefCell::default(), first: Cell::new(first) }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.borrow().pages.len() * PAGE
    }

    /// The highest generation that a child had.
    pub(crate) fn generation(&self) -> usize {
        let generation = |page: &Page| {
            let held = page.set.as_ref().map_or(0, |set| set.generation());
            held.max(Number(page.tag).generation())
        };
        let first = self.first.get().generation();
        self.table.borrow().pages.iter().map(generation).fold(first, usize::max)
    }

    /// Gives memory back that more than so many children, and their sets, have left behind: the last free pages go, down to one that
    /// is in use.
    pub(crate) fn trim(&self, kept: usize) {
        let table = &mut *self.table.borrow_mut();
        let before = table.pages.len();
        if before * PAGE > kept {
            table.empty_spare();
        }
        let mut first = self.first.get();
        while table.pages.len() * PAGE > kept && table.pages.last().is_some_and(|page| page.set.is_none()) {
            let Some(page) = table.pages.pop() else { break };
            let now = Number(page.tag);
            if now.is_later_than(first) {
                first = now;
            }
        }
        if table.pages.len() < before {
            self.first.set(first);
            table.pages.shrink_to_fit();
            table.list_free();
        }
    }

    // ---- sets

    /// A set without children.
    #[inline]
    pub(crate) fn set(&self) -> Rc<Set> {
        self.table.borrow_mut().spare.pop().unwrap_or_default()
    }

    /// Gives the seats of the set numbers that have none. `false` if the executor may not have more than `most()` seats.
    #[inline]
    pub(crate) fn settle(&self, set: &Rc<Set>, most: impl Fn() -> usize) -> bool {
        set.is_settled() || self.settle_more(set, most())
    }

    #[inline(never)]
    fn settle_more(&self, set: &Rc<Set>, most: usize) -> bool {
        let table = &mut *self.table.borrow_mut();
        let is_too_much = |table: &Table| {
            let missing = set.missing_pages().saturating_sub(table.free_count);
            missing > 0 && (table.pages.len() + missing) * PAGE > most
        };
        if is_too_much(table) {
            table.empty_spare();
            if is_too_much(table) {
                return false;
            }
        }
        set.settle(|key| table.take(set, key, self.first.get()));
        true
    }

    /// The set is not here any more. Its owner's waker is handed out to be dropped.
    pub(crate) fn leave(&self, set: &Set) -> Option<Waker> {
        self.table.borrow_mut().leave(set);
        set.take_owner()
    }

    /// The set is nobody's any more, and so another one's. Its owner's waker is handed out to be dropped.
    #[inline]
    pub(crate) fn end(&self, set: Rc<Set>) -> Option<Waker> {
        /// So many seats a spare set may have, and a few of them more.
        const KEPT: [usize; 2] = [64, LARGE];
        let table = &mut *self.table.borrow_mut();
        match set.reset(KEPT[usize::from(table.spare.len() < 4)]) {
            Some(owner) if set.has_pages() && table.spare.len() < SPARE => {
                table.spare.push(set);
                owner
            }
            owner => {
                table.leave(&set);
                owner.unwrap_or_else(|| set.take_owner())
            }
        }
    }

    /// The set has no children any more, and gives back what it took for many.
    #[cold]
    pub(crate) fn shrink(&self, set: &Set) {
        self.table.borrow_mut().leave(set);
        set.shrink();
    }

    // ---- children

    /// Queues the child of that number, if it waits, and takes the number of the task to wake for it, as [`Set::queue`] does.
    #[inline(always)]
    pub(crate) fn queue(&self, number: Number, task_of: impl FnOnce(&Waker) -> Option<Number>) -> Option<Number> {
        let table = &*self.table.borrow_mut();
        let (set, key) = table.find(number.slot())?;
        set.queue(key, number, task_of)
    }

    /// Wakes the child of that number. `None`: it is no child's of this executor.
    #[inline(always)]
    pub(crate) fn wake(&self, number: Number) -> Option<Called> {
        if number.executor() != self.first.get().executor() {
            return None;
        }
        let table = self.table.borrow();
        let (set, key) = table.find(number.slot())?;
        Some(set.wake(key, number))
    }

    /// Takes out whom to call for the child of that number, which was woken: the waker of its set's owner, and before that the one of its own.
    #[cold]
    pub(crate) fn take_both(&self, number: Number) -> (Option<Waker>, Option<Waker>) {
        let table = self.table.borrow();
        table.find(number.slot()).map_or((None, None), |(set, key)| set.take_both(key))
    }

    /// Who sits there now: for wake-ups whose number is out of date.
    pub(crate) fn occupant(&self, slot: usize) -> Option<Number> {
        let table = self.table.borrow();
        let (set, key) = table.find(slot)?;
        set.occupant(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats() -> Seats {
        Seats::new(Number::first(1, 1))
    }

    /// A set with so many children.
    fn set_of(seats: &Seats, count: usize) -> Rc<Set> {
        let set = seats.set();
        assert!(set.insert_all(count) && seats.settle(&set, || usize::MAX));
        set
    }

    #[test]
    fn sets_for_others_have_pages_and_are_not_too_many() {
        let seats = seats();
        let sets: Vec<_> = (0..SPARE + 10).map(|_| set_of(&seats, 1)).collect();
        let bare: Vec<_> = (0..10).map(|_| seats.set()).collect();
        bare.into_iter().chain(sets).for_each(|set| drop(seats.end(set)));
        let spare = |seats: &Seats| seats.table.borrow().spare.len();
        assert_eq!(spare(&seats), SPARE);
        assert!(seats.table.borrow().spare.iter().all(|set| set.has_pages()));
        seats.trim(0);
        assert_eq!((spare(&seats), seats.len()), (0, 0));
    }

    #[test]
    fn a_child_without_room_was_never_there() {
        let (seats, most) = (seats(), || PAGE);
        let set = set_of(&seats, PAGE);
        let key = set.insert();
        assert!(!seats.settle(&set, most));
        set.take_back(key);
        assert!(set.is_settled() && seats.settle(&set, most));
        assert_eq!(set.count(), PAGE);
        set.remove(3);
        assert_eq!(set.insert(), 3);
        let many = seats.set();
        assert!(many.insert_all(9) && !seats.settle(&many, most));
        many.take_back(0);
        assert!(many.is_settled() && many.insert_all(0));
    }

    #[test]
    fn a_large_set_gives_its_seats_back_when_it_is_empty() {
        let seats = seats();
        let set = set_of(&seats, 2 * LARGE);
        let last = set.number(0);
        let emptied = (0..2 * LARGE).rev().filter(|&key| set.remove(key)).inspect(|_| seats.shrink(&set));
        assert_eq!(emptied.collect::<Vec<_>>(), [0]);
        assert_eq!(seats.table.borrow().free_count, 2 * LARGE / PAGE);
        assert_eq!(set.insert(), 0);
        assert!(seats.settle(&set, || usize::MAX) && seats.occupant(last.slot()).is_none_or(|now| now != last));
    }
}
