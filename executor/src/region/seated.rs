//! The seats of a region's members: given, woken, taken back. Whose waker brings the next poll is argued in
//! [`members`](crate::region::members).

use crate::{
    region::{
        commons::Commons,
        members::{Home, MOST_PROBES, Members, State},
    },
    wake::{
        few::Few,
        set::Set,
        wake::{drop_wakers, wake_owner, waker_of_child},
        wake_set::most_seats,
    },
};
use std::{mem::ManuallyDrop, rc::Rc, task::Waker};

/// The body's key in the set of seats. The members' follow.
const BODY: u32 = 0;

fn seat_key(member: usize) -> u32 {
    member as u32 + 1
}

impl Home {
    /// Takes the seat with that key. `false` if the executor is full.
    fn claim(&self, key: u32) -> bool {
        self.set.insert_waiting(key);
        let has_room = self.seats.settle(&self.set, most_seats);
        if !has_room {
            self.set.remove(key as usize);
        }
        has_room
    }
}

impl Members {
    /// Have the members seats?
    pub(crate) fn are_seated(&self) -> bool {
        self.home.borrow().is_some()
    }

    /// Calls `f` with the seats, if there are any. It runs no foreign code.
    #[inline]
    fn at_home<R>(&self, f: impl FnOnce(&Home) -> R) -> Option<R> {
        self.home.borrow().as_ref().map(f)
    }

    /// The set of seats in the executor that polls now. `None` if it is full.
    fn home_in(&self, commons: &Commons) -> Option<Rc<Set>> {
        let is_here = |home: &Home| Rc::ptr_eq(&home.seats, &commons.seats).then(|| home.set.clone());
        self.at_home(is_here).flatten().or_else(|| self.move_to(commons))
    }

    /// Takes seats in the executor that polls now, and gives back those in another. `None` if it is full.
    #[cold]
    fn move_to(&self, commons: &Commons) -> Option<Rc<Set>> {
        self.release();
        let home = Home { seats: commons.seats.clone(), set: commons.seats.set() };
        if !home.claim(BODY) {
            home.seats.end(home.set);
            return None;
        }
        let set = home.set.clone();
        self.probed.set(commons.probes());
        self.home.replace(Some(home));
        Some(set)
    }

    /// The waker of the member's seat. `None` if the executor is full, or the member is gone.
    pub(crate) fn seat_of(&self, key: usize, commons: &Commons) -> Option<ManuallyDrop<Waker>> {
        let set = self.home_in(commons)?;
        let mut list = self.list.borrow_mut();
        let member = list.get_mut(key)?;
        let seat = seat_key(key);
        if member.seat.is_none() {
            if self.at_home(|home| home.claim(seat)) != Some(true) {
                return None;
            }
            member.seat = Some(seat);
            // Nobody was there before, and nobody has woken it.
            member.waker.take().map(|own| set.set_own(seat, own));
        }
        Some(waker_of_child(set.number(seat)))
    }

    /// Begins a poll of the region, whose waker `region` is: those whose seats were woken are called members from now on, and all if `tell`.
    /// Returns the waker to poll the body with.
    pub(crate) fn begin(&self, region: &Waker, tell: bool, commons: &Commons) -> Option<ManuallyDrop<Waker>> {
        let set = self.home_in(commons)?;
        let is_probe = self.probes.replace(false);
        // Its clone may be foreign code: first of all, so that what it wakes is found.
        let newest = region.clone();
        // Nobody is called meanwhile: the poll that this begins finds what is woken.
        let old = set.take_owner();
        if self.has(State::Called) {
            self.polls_left.set(self.polls_left.get().saturating_sub(1));
        }
        if tell {
            self.renew(self.list.borrow().len());
            self.tell();
        }
        let is_news = self.call_woken(&set);
        let older = set.set_owner(newest);
        if (self.call_woken(&set) || is_news) && !is_probe {
            self.probes_left.set(MOST_PROBES);
        }
        drop_wakers([old, older]);
        Some(waker_of_child(set.number(BODY)))
    }

    /// Calls the members whose seats were woken. Returns whether the body was woken, or one that worked.
    fn call_woken(&self, set: &Set) -> bool {
        let (mut is_news, mut wakers) = (false, Few::default());
        set.take_woken(|key| {
            is_news |= key == BODY;
            let mut list = self.list.borrow_mut();
            let count = list.len();
            // Not if it is the body.
            let Some(member) = key.checked_sub(1).and_then(|key| list.get_mut(key as usize)) else { return };
            let (waker, was_working) = self.call(member);
            debug_assert!(waker.is_none(), "the waker of who was woken was called");
            wakers.extend(waker);
            if was_working {
                is_news = true;
                self.renew(count);
            }
        });
        wakers.for_each(wake_owner);
        is_news
    }

    /// Ends a poll of the region, which waits: it is woken by this waker from now on, and at once if a seat was woken meanwhile.
    pub(crate) fn link(&self, region: &Waker) {
        let Some(has_it) = self.at_home(|home| home.set.has_owner(region)) else { return };
        if !has_it {
            // Its clone and drop may be foreign code.
            let newest = region.clone();
            let old = self.at_home(|home| home.set.set_owner(newest)).flatten();
            drop_wakers([old, None]);
        }
        if self.has_woken() {
            self.wake_region();
        }
    }

    /// Was a seat woken since `call_woken` took those that were?
    pub(super) fn has_woken(&self) -> bool {
        self.at_home(|home| home.set.has_woken()).unwrap_or(false)
    }

    /// Wakes the region, unless its waker was called since it was polled last.
    #[inline]
    pub(crate) fn wake_region(&self) {
        self.take_owner().into_iter().for_each(wake_owner);
    }

    /// Takes the region's waker.
    #[inline]
    fn take_owner(&self) -> Option<Waker> {
        self.at_home(|home| home.set.take_owner()).flatten()
    }

    /// Takes the region's waker away: what is in it is about to be dropped, and need not be polled for that.
    pub(crate) fn unlink(&self) {
        drop_wakers([self.take_owner(), None]);
    }

    /// Gives the seats back, and calls those who had one: the region has ended, or is in another executor.
    pub(crate) fn release(&self) {
        let Some(home) = self.home.take() else { return };
        let mut wakers = Few::default();
        for (_, member) in self.list.borrow_mut().iter_mut() {
            if let Some(seat) = member.seat.take() {
                wakers.extend(home.set.take_own(seat));
                self.change(member, State::Called);
            }
        }
        let owner = home.seats.end(home.set);
        drop_wakers([owner, None]);
        wakers.for_each(wake_owner);
    }
}
