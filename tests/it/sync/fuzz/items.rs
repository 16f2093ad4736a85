//! Items whose ends are recorded.

use super::world::blow_up;
use std::{
    cell::{Cell, RefCell},
    cmp::Ordering,
    rc::Rc,
};

#[derive(Default)]
pub(super) struct Ledger {
    fates: RefCell<Vec<Fate>>,
    /// Which of the next comparisons panic, a bit for each, the lowest first.
    pub(super) armed: Cell<usize>,
    panics: Cell<usize>,
}

#[derive(Default)]
struct Fate {
    handed: bool,
    /// Who put it was dropped, or has panicked.
    excused: bool,
    /// It is not known whether it came in before those that have the next numbers.
    is_anywhere: bool,
    drops: usize,
}

pub(super) struct Item {
    pub(super) id: usize,
    pub(super) key: usize,
    ledger: Rc<Ledger>,
}

/// While it lives, the putter has not been told how its put went.
pub(super) struct Putting(usize, Rc<Ledger>);

impl Ledger {
    /// The next item, put by somebody who may go or panic.
    pub(super) fn item(self: &Rc<Self>) -> (Item, Putting) {
        let mut fates = self.fates.borrow_mut();
        let id = fates.len();
        fates.push(Fate::default());
        (Item { id, key: id * 7 % 3, ledger: self.clone() }, Putting(id, self.clone()))
    }

    /// It is in the queue or in line now. Those that were made meanwhile, by foreign code, may stand before it.
    pub(super) fn has_come(&self, id: usize) {
        let mut fates = self.fates.borrow_mut();
        if fates.len() > id + 1 {
            fates[id..].iter_mut().for_each(|fate| fate.is_anywhere = true);
        }
    }

    pub(super) fn is_anywhere(&self, id: usize) -> bool {
        self.fates.borrow()[id].is_anywhere
    }

    pub(super) fn check(&self) -> Option<String> {
        let fates = self.fates.borrow();
        if let Some(id) = fates.iter().position(|fate| fate.drops != 1) {
            return Some(format!("item {id} was dropped {} times", fates[id].drops));
        }
        let lost = fates.iter().filter(|fate| !fate.handed && !fate.excused).count();
        (lost > self.panics.get()).then(|| format!("{lost} items are lost, {} panics", self.panics.get()))
    }
}

impl Item {
    pub(super) fn hand(self) {
        self.in_hands();
    }

    /// It is in somebody's hands, who may drop it.
    pub(super) fn in_hands(&self) {
        self.ledger.fates.borrow_mut()[self.id].handed = true;
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.ledger.fates.borrow_mut()[self.id].drops += 1;
    }
}

impl Putting {
    /// The putter was told.
    pub(super) fn told(mut self) {
        self.0 = usize::MAX;
    }
}

impl Drop for Putting {
    fn drop(&mut self) {
        if let Some(fate) = self.1.fates.borrow_mut().get_mut(self.0) {
            fate.excused = true;
        }
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Item {}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> Ordering {
        // Also while another panic is under way, which must not come of it.
        let armed = self.ledger.armed.get();
        self.ledger.armed.set(armed >> 1);
        if armed & 1 == 1 {
            self.ledger.panics.set(self.ledger.panics.get() + 1);
            blow_up();
        }
        self.key.cmp(&other.key)
    }
}
