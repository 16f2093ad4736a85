//! The layers of task-locals: each branch that lives in place has its own.
//!
//! Several futures in one task read the task's values. What one of them sets must be seen by itself and by what it spawns, but neither by
//! its siblings nor by the code around them. So it *covers* the value that is there, for as long as the branch is being polled; then it is
//! taken off, kept with the branch, and put there again for its next poll.
//!
//! # Why nobody pays for it who sets nothing
//!
//! * A poll of a branch counts one up before and one down after. That is the depth. Nothing else is done for a branch that sets nothing.
//! * Each value knows the depth at which it was set. To set a key once more at the same depth replaces its value. Deeper, it covers it: the
//!   old value is noted here, with the depth. So a read is what it always was, and finds the newest at once.
//! * What was covered moves the count on that [`Here`](crate::region::here::Here) keeps of regions that were made, which a branch's owner
//!   compares after each poll as it is. Only then the branch is looked at, and gets a region, to keep its values in.
//!
//! # What is seen, and when
//!
//! A branch has no copy of what the code around has set. A key that it has not set itself is read where the code around has it. asyncio
//! copies when a task is made, so what its maker sets afterwards is not seen. A copy for each of 100 futures would be made for nothing
//! nearly always, as the code around waits for them and sets nothing meanwhile. Where it does (the body of a scope, a loop around `next`,
//! what makes futures of items or consumes their outputs), it sees to it in the same task, and what it says is news for the branches, too.
//!
//! # Why it comes out even
//!
//! Polls lie one in the other, and each takes off what it has put on, also when it unwinds: so do a layer and a `TaskLocal::scope`, in any
//! order. When the loop polls a task, the depth is 0 and nothing is covered.

use crate::region::locals::LocalValue;
use std::cell::{Cell, RefCell};

/// How deep the running code stands in branches, and what they have covered.
#[derive(Default)]
pub(crate) struct Layers {
    depth: Cell<u32>,
    /// The innermost branch's last.
    covered: RefCell<Vec<Covered>>,
}

/// What the code around a branch has under a key that the branch has set: a value, or none.
pub(crate) struct Covered {
    pub(crate) key: usize,
    pub(crate) value: Option<LocalValue>,
    /// The depth of the branch.
    depth: u32,
}

impl Layers {
    /// In how many branches the running code stands, one in the other.
    #[inline(always)]
    pub(crate) fn depth(&self) -> u32 {
        self.depth.get()
    }

    /// A branch's poll begins.
    #[inline(always)]
    pub(crate) fn enter(&self) {
        self.depth.set(self.depth.get().wrapping_add(1));
    }

    /// A branch's poll is over, and covers nothing.
    #[inline(always)]
    pub(crate) fn leave(&self) {
        self.depth.set(self.depth.get().wrapping_sub(1));
    }

    /// The innermost branch has set that key, for the first time in this poll.
    pub(crate) fn cover(&self, key: usize, value: Option<LocalValue>) {
        self.covered.borrow_mut().push(Covered { key, value, depth: self.depth() });
    }

    /// What the innermost branch covers, one after the other.
    pub(crate) fn uncover(&self) -> Option<Covered> {
        if self.covers() { self.covered.borrow_mut().pop() } else { None }
    }

    /// Does the innermost branch cover anything?
    pub(crate) fn covers(&self) -> bool {
        self.covered.borrow().last().is_some_and(|covered| covered.depth >= self.depth())
    }

    /// Gives back memory that is not used.
    pub(crate) fn trim(&self) {
        self.covered.borrow_mut().shrink_to_fit();
    }
}
