//! The members of a region: who cleans up in it, and whose waker brings the next poll.
//!
//! # States
//!
//! A member is a clean-up point, or a scope that has members itself. What is in brackets is the function that takes the edge.
//!
//! ```text
//!   insert   ┌────────┐  tell, or its seat was woken (begin)   ┌────────┐
//!  ────────► │ called │ ◄──────────────────────────────────┬── │  idle  │
//!            └───┬────┘ ◄───────────────────┐              │   └────────┘
//!                │                          │              │        ▲
//!                │ wait(Working)       ┌────┴────┐         │        │
//!                ├───────────────────► │ working ├─────────┘        │
//!                │                     └─────────┘                  │
//!                │ wait(Idle)                                       │
//!                └──────────────────────────────────────────────────┘
//!      from every state: remove (it has ended, was dropped, or moved away)
//! ```
//!
//! * *idle*: it was polled, and wants nothing of this region but to be told of its cancellation. Its own waker is here.
//! * *working*: it was polled in the cancelled region, and will not end before it is woken. Its future was polled with the waker of its
//!   *seat* in this region, and its own waker lies with the seat.
//! * *called*: its own waker was called, and it was not polled since. So whoever polls it (a combinator that may be anybody's) knows.
//!   One that becomes a member in the middle of its poll counts as called until that is over; one that becomes it when it waits, as idle
//!   or working at once.
//!
//! # Whose waker brings the next poll
//!
//! A combinator may drop its waker, or never poll a branch again. So a clean-up point in a cancelled region does not depend on it: what
//! it waits for wakes its seat, and the seat calls two: the member's own waker, for whoever polls it, and that of the *region*, which then
//! finds out whether anybody does. The body of the region has a seat too, so that it is known exactly whether a combinator has asked to be
//! polled again.
//!
//! Invariants, each with who keeps it:
//!
//! 1. While members have seats, the waker of the region is stored with them, or was called since the region was polled last
//!    (`begin` stores it before the poll; `link` after it, and calls it if a seat was woken meanwhile).
//! 2. A working member's seat is not woken, or the waker of the region was called (1). So a region that waits for one is polled again.
//! 3. A seat that is woken has no waker of its member's: that was called, by whoever woke it, or by `wait` if it came later.
//! 4. A member that loses its seat (`release`) is called. So whoever polls it next gives it another waker.
//!
//! # When the region may end
//!
//! [`Members::are_at_work`], after a poll of the region: while one is working, by 2; and while some are called and the body, or another
//! member, was woken in that very poll: a combinator may have stopped half-way, to go on next time, as `FuturesUnordered` does when several
//! of its futures wake themselves. Only so many polls are spent on that ([`MORE_POLLS`]), as a future that wakes itself for ever looks the
//! same. Otherwise those that are called cannot be reached any more: what polled them is gone, or waits for something else.
//!
//! What polled them may have polled others too, which work, and wait for one of them: a shield that awaits a child of the same scope, say.
//! So when one turns out to be out of reach, those that work are called too ([`Members::probe`]), and again whenever the body or one of
//! them was woken: what polls them may have gone meanwhile. Who is polled works on; who is not is out of reach as well, whatever it
//! waits for.

use crate::wake::{
    few::Few,
    seats::Seats,
    set::Set,
    wake::{drop_wakers, wake_owner},
};
use slab::Slab;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::Waker,
};

/// How many polls a cancelled region gets, and one for each member, in which none of those that are called is polled. `FuturesUnordered`
/// polls two that wake themselves at a time: so this reaches a clean-up point behind four hundred of them.
const MORE_POLLS: usize = 200;

/// How often those that work are called after each event, to find out whether anybody still polls them. Once finds those that nobody did
/// before; the others are for what happens in that very poll.
pub(crate) const MOST_PROBES: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Idle,
    Working,
    Called,
}

pub(crate) struct Member {
    pub(crate) state: State,
    /// The waker of a member without a seat; `None` when it was called.
    pub(crate) waker: Option<Waker>,
    /// The seat of a member that was polled after the cancellation. Its own waker lies there.
    pub(crate) seat: Option<u32>,
    /// The member was called, and the others were since then.
    pub(crate) is_given_up: bool,
}

#[derive(Default)]
pub(crate) struct Members {
    pub(crate) list: RefCell<Slab<Member>>,
    /// How many members are in each state.
    pub(crate) counts: [Cell<usize>; 3],
    /// How many polls the region gets in which none of those that are called is polled.
    pub(crate) polls_left: Cell<usize>,
    /// All members were called to find out whether anybody polls them, and the region was not polled since.
    pub(crate) probes: Cell<bool>,
    /// How many such calls may follow.
    pub(crate) probes_left: Cell<usize>,
    /// The latest probe that this region knows of.
    pub(crate) probed: Cell<u64>,
    /// Where the seats are, once members have any.
    pub(super) home: RefCell<Option<Home>>,
}

/// The seats of one region's members, and where they lie.
pub(super) struct Home {
    pub(super) seats: Rc<Seats>,
    pub(super) set: Rc<Set>,
}

impl Members {
    /// How much room is kept for the next region.
    pub(crate) const KEPT: usize = 16;

    /// Makes the members ready for another region. `false`: there are members, or there is too much room.
    pub(crate) fn reset(&mut self) -> bool {
        self.release();
        let list = self.list.get_mut();
        if !list.is_empty() || list.capacity() > Members::KEPT {
            return false;
        }
        // Members have the same keys in a list that was used before as in a new one.
        list.clear();
        self.polls_left.set(0);
        self.probes.set(false);
        self.probes_left.set(0);
        true
    }

    /// Is the member with that key at work on clean-up?
    pub(crate) fn is_working(&self, key: usize) -> bool {
        self.list.borrow().get(key).is_some_and(|member| member.state == State::Working)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.borrow().is_empty()
    }

    /// Adds a member: one that waits and has that waker, or one that is being polled. Returns its key.
    pub(crate) fn insert(&self, state: State, waker: Option<Waker>) -> usize {
        let mut list = self.list.borrow_mut();
        let key = list.insert(Member { state, waker, seat: None, is_given_up: false });
        let count = self.count(state);
        count.set(count.get() + 1);
        if state == State::Working {
            self.renew(list.len());
        }
        key
    }

    /// Notes that the member was polled, and waits. Its waker's clone and drop may be foreign code: nothing is borrowed meanwhile.
    pub(crate) fn wait(&self, key: usize, state: State, newest: &Waker) {
        let (old, woken) = self.store(key, state, newest.clone());
        drop_wakers([old, None]);
        woken.into_iter().for_each(wake_owner);
    }

    /// Notes that the member was polled, and waits, if it has that waker already. `false`: it has another, or none.
    #[inline]
    pub(crate) fn wait_again(&self, key: usize, state: State, newest: &Waker) -> bool {
        let mut list = self.list.borrow_mut();
        let count = list.len();
        let Some(member) = list.get_mut(key) else { return true };
        let has_it = match member.seat {
            None => member.waker.as_ref().is_some_and(|stored| stored.will_wake(newest)),
            Some(seat) => self.home.borrow().as_ref().is_some_and(|home| home.set.has_own(seat, newest)),
        };
        if has_it {
            self.become_waiting(member, state, count);
        }
        has_it
    }

    /// Changes the state of a member that was polled, and waits.
    fn become_waiting(&self, member: &mut Member, state: State, members: usize) {
        if self.change(member, state) == State::Called && state == State::Working {
            self.renew(members);
        }
    }

    /// Stores the waker of a member that waits. Returns the one that was stored before, and the new one if it is to be called at once.
    fn store(&self, key: usize, state: State, waker: Waker) -> (Option<Waker>, Option<Waker>) {
        let mut list = self.list.borrow_mut();
        let count = list.len();
        let Some(member) = list.get_mut(key) else { return (Some(waker), None) };
        self.become_waiting(member, state, count);
        match (member.seat, &*self.home.borrow()) {
            (Some(seat), Some(home)) => home.set.set_own(seat, waker),
            _ => (member.waker.replace(waker), None),
        }
    }

    /// Removes a member: it has ended, or was dropped, or is elsewhere now.
    #[inline]
    pub(crate) fn remove(&self, key: usize) {
        let Some(member) = self.list.borrow_mut().try_remove(key) else { return };
        let count = self.count(member.state);
        count.set(count.get() - 1);
        let waker = match member.seat {
            Some(seat) => self.give_up(seat),
            None => member.waker,
        };
        drop_wakers([waker, None]);
    }

    /// Gives a member's seat back. Returns the waker that lay there.
    #[cold]
    fn give_up(&self, seat: u32) -> Option<Waker> {
        let home = self.home.borrow();
        let set = &home.as_ref()?.set;
        let waker = set.take_own(seat);
        set.remove(seat as usize);
        waker
    }

    /// Changes a member's state. Returns the state before.
    pub(crate) fn change(&self, member: &mut Member, state: State) -> State {
        let before = std::mem::replace(&mut member.state, state);
        if before == state {
            return state;
        }
        member.is_given_up = false;
        let (left, entered) = (self.count(before), self.count(state));
        left.set(left.get() - 1);
        entered.set(entered.get() + 1);
        before
    }

    pub(crate) fn count(&self, state: State) -> &Cell<usize> {
        &self.counts[state as usize]
    }

    pub(crate) fn has(&self, state: State) -> bool {
        self.count(state).get() > 0
    }

    /// Gives the region its polls anew: one of so many members that clean up was polled, or is to be.
    pub(crate) fn renew(&self, members: usize) {
        self.polls_left.set(members + MORE_POLLS);
    }

    /// Notes that the member is called. Returns its own waker, to be called, if that was not done before; and whether the member was working.
    pub(crate) fn call(&self, member: &mut Member) -> (Option<Waker>, bool) {
        let waker = match (member.seat, &*self.home.borrow()) {
            (Some(seat), Some(home)) => home.set.take_own(seat),
            _ => member.waker.take(),
        };
        (waker, self.change(member, State::Called) == State::Working)
    }

    /// Calls the member's own waker.
    pub(crate) fn wake(&self, key: usize) {
        let waker = self.list.borrow_mut().get_mut(key).and_then(|member| self.call(member).0);
        waker.into_iter().for_each(wake_owner);
    }

    /// Calls all members: the region was cancelled.
    pub(crate) fn tell(&self) {
        if self.count(State::Called).get() == self.list.borrow().len() {
            return;
        }
        let wakers: Few<Waker> =
            self.list.borrow_mut().iter_mut().filter_map(|(_, member)| self.call(member).0).collect();
        wakers.for_each(wake_owner);
    }

    /// Does clean-up among the members bring the next poll of the region? To be asked after a poll: see the head of this file.
    pub(crate) fn are_at_work(&self) -> bool {
        self.has(State::Working) || self.probes.get() || self.is_worth_a_poll()
    }

    /// May another poll of the region reach one of those that are called?
    pub(crate) fn is_worth_a_poll(&self) -> bool {
        self.has(State::Called) && self.polls_left.get() > 0 && self.has_woken()
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.release();
    }
}
