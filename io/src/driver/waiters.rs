//! Those who wait for one direction of a source.

use evenkeel_executor::combinator::discard_waker;
use std::{cell::Cell, task::Waker};

/// Who waits. Each future has a ticket of its own; all `poll_…` functions of a direction share one, of which the newest waker counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ticket(pub(super) u32);

impl Ticket {
    /// That of the `poll_…` functions.
    pub(crate) const POLL: Ticket = Ticket(0);
}

type Waiter = (Ticket, Waker);

/// The newest waker of each who waits, in the order in which they came.
///
/// As a rule there is one, which lies in place. Cloning, calling and dropping a waker may be foreign code, so nothing is borrowed meanwhile.
#[derive(Default)]
pub(crate) struct Waiters {
    /// The only one, or none.
    one: Cell<Option<Waiter>>,
    /// All, if there were several since the last wake-up. As a rule there is nothing, in one word.
    #[expect(clippy::box_collection, reason = "each idle connection has two of these")]
    more: Cell<Option<Box<Vec<Waiter>>>>,
    /// How many there are.
    count: Cell<u32>,
}

impl Waiters {
    /// Keeps that waker. What is waited for is to be looked at again then: while a waker is cloned it cannot be called.
    pub(crate) fn keep(&self, ticket: Ticket, newest: &Waker) {
        match self.take(ticket) {
            Some(stored) if stored.will_wake(newest) => self.add((ticket, stored)),
            stored => {
                self.add((ticket, newest.clone()));
                stored.into_iter().for_each(discard_waker);
            }
        }
    }

    fn add(&self, waiter: Waiter) {
        if self.count.replace(self.count.get() + 1) == 0 {
            self.one.set(Some(waiter));
        } else {
            let mut more = self.more.take().unwrap_or_default();
            more.extend(self.one.take());
            more.push(waiter);
            self.more.set(Some(more));
        }
    }

    fn take(&self, ticket: Ticket) -> Option<Waker> {
        let left = self.count.get().checked_sub(1)?;
        let found = match self.one.take() {
            Some((its, waker)) if its == ticket => waker,
            Some(one) => {
                self.one.set(Some(one));
                return None;
            }
            None => {
                let mut more = self.more.take()?;
                let at = more.iter().position(|(its, _)| *its == ticket);
                let found = at.map(|at| more.remove(at).1);
                self.more.set(Some(more));
                found?
            }
        };
        self.count.set(left);
        Some(found)
    }

    /// Who had that ticket does not wait any more.
    pub(crate) fn forget(&self, ticket: Ticket) {
        self.take(ticket).into_iter().for_each(discard_waker);
    }

    /// Calls `f` with the waker of each who waits, who does not wait any more then.
    #[inline]
    pub(crate) fn take_all(&self, f: impl Fn(Waker)) {
        if self.count.replace(0) == 0 {
            return;
        }
        match self.one.take() {
            Some((_, waker)) => f(waker),
            None => self.more.take().into_iter().flat_map(|more| *more).for_each(|(_, waker)| f(waker)),
        }
    }

    /// Does anybody wait but the one with that ticket?
    pub(crate) fn is_anybody_else(&self, ticket: Option<Ticket>) -> bool {
        if self.count.get() == 0 {
            return false;
        }
        let (one, more) = (self.one.take(), self.more.take());
        let is_anybody =
            one.iter().chain(more.iter().flat_map(|more| more.iter())).any(|(its, _)| Some(*its) != ticket);
        self.one.set(one);
        self.more.set(more);
        is_anybody
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    };
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn io_03_each_ticket_keeps_its_newest_waker() {
        let waiters = Waiters::default();
        let counts: Vec<Arc<Count>> = (0..3).map(|_| Arc::default()).collect();
        let wakers: Vec<Waker> = counts.iter().cloned().map(Waker::from).collect();
        waiters.keep(Ticket(1), &wakers[0]);
        waiters.keep(Ticket(2), &wakers[1]);
        waiters.keep(Ticket(1), &wakers[2]);
        assert!(waiters.is_anybody_else(Some(Ticket(1))) && waiters.is_anybody_else(None));
        waiters.take_all(Waker::wake);
        assert_eq!(counts.iter().map(|count| count.0.load(Relaxed)).collect::<Vec<_>>(), [0, 1, 1]);
        assert!(!waiters.is_anybody_else(None));
        waiters.take_all(|_| panic!("nobody waits any more"));
    }

    #[test]
    fn io_03_who_is_forgotten_is_not_woken_and_the_others_are() {
        let waiters = Waiters::default();
        let counts: Vec<Arc<Count>> = (0..3).map(|_| Arc::default()).collect();
        for (ticket, count) in (1..).zip(&counts) {
            waiters.keep(Ticket(ticket), &Waker::from(count.clone()));
        }
        waiters.forget(Ticket(2));
        waiters.take_all(Waker::wake);
        assert_eq!(counts.iter().map(|count| count.0.load(Relaxed)).collect::<Vec<_>>(), [1, 0, 1]);
        assert_eq!(Arc::strong_count(&counts[1]), 1, "its waker is gone");
    }
}
