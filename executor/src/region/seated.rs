//! The seats of a region's members: given, woken, taken back. Whose waker brings the next poll is argued in
//! [`members`](crate::region::members).

use crate::{
    region::{
        commons::Commons,
        members::{Home, MOST_PROBES, Members, State},
    },
    wake::{
        few::Few,
        seats::Seats,
        wake::{drop_wakers, wake_owner, waker},
        wake_set::most_seats,
    },
};
use std::{mem::ManuallyDrop, rc::Rc, task::Waker};

/// The body's key in the set of seats.
const BODY: u32 = u32::MAX;

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

    /// The set and the body's seat, in the executor that polls now. `None` if it is full.
    fn home_in(&self, commons: &Commons) -> Option<(u32, u32)> {
        let is_here = |home: &Home| Rc::ptr_eq(&home.seats, &commons.seats).then_some((home.set, home.body));
        self.at_home(is_here).flatten().or_else(|| self.move_to(commons))
    }

    /// Takes seats in the executor that polls now, and gives back those in another. `None` if it is full.
    #[cold]
    fn move_to(&self, commons: &Commons) -> Option<(u32, u32)> {
        self.release();
        let seats = commons.seats.clone();
        let set = seats.open();
        let Some(body) = seats.claim_waiting(set, BODY, most_seats()) else {
            seats.close(set);
            return None;
        };
        self.probed.set(commons.probes());
        self.home.replace(Some(Home { seats, set, body }));
        Some((set, body))
    }

    /// The waker of the member's seat. `None` if the executor is full, or the member is gone.
    pub(crate) fn seat_of(&self, key: usize, commons: &Commons) -> Option<ManuallyDrop<Waker>> {
        let ((set, _), seats) = (self.home_in(commons)?, &commons.seats);
        let mut list = self.list.borrow_mut();
        let member = list.get_mut(key)?;
        let seat = match member.seat {
            Some(seat) => seat,
            None => {
                let seat = seats.claim_waiting(set, key as u32, most_seats())?;
                member.seat = Some(seat);
                // Nobody was there before, and nobody has woken it.
                member.waker.take().map(|own| seats.set_own(seat, own));
                seat
            }
        };
        Some(waker(seats.number(seat)))
    }

    /// Begins a poll of the region, whose waker `region` is: those whose seats were woken are called members from now on, and all if `tell`.
    /// Returns the waker to poll the body with.
    pub(crate) fn begin(&self, region: &Waker, tell: bool, commons: &Commons) -> Option<ManuallyDrop<Waker>> {
        let ((set, body), seats) = (self.home_in(commons)?, &commons.seats);
        let is_probe = self.probes.replace(false);
        // Its clone may be foreign code: first of all, so that what it wakes is found.
        let newest = region.clone();
        // Nobody is called meanwhile: the poll that this begins finds what is woken.
        let old = seats.take_owner(set);
        if self.has(State::Called) {
            self.polls_left.set(self.polls_left.get().saturating_sub(1));
        }
        if tell {
            self.renew(self.list.borrow().len());
            self.tell();
        }
        let is_news = self.call_woken(seats, set);
        let older = seats.set_owner(set, newest);
        if (self.call_woken(seats, set) || is_news) && !is_probe {
            self.probes_left.set(MOST_PROBES);
        }
        drop_wakers([old, older]);
        Some(waker(seats.number(body)))
    }

    /// Calls the members whose seats were woken. Returns whether the body was woken, or one that worked.
    fn call_woken(&self, seats: &Seats, set: u32) -> bool {
        let (mut is_news, mut wakers) = (false, Few::default());
        seats.take_woken(set, |key| {
            is_news |= key == BODY;
            let mut list = self.list.borrow_mut();
            let count = list.len();
            // Not if it is the body.
            let Some(member) = list.get_mut(key as usize) else { return };
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
        let Some(has_it) = self.at_home(|home| home.seats.has_owner(home.set, region)) else { return };
        if !has_it {
            // Its clone and drop may be foreign code.
            let newest = region.clone();
            let old = self.at_home(|home| home.seats.set_owner(home.set, newest)).flatten();
            drop_wakers([old, None]);
        }
        if self.has_woken() {
            self.wake_region();
        }
    }

    /// Was a seat woken since `call_woken` took those that were?
    pub(super) fn has_woken(&self) -> bool {
        self.at_home(|home| home.seats.has_woken(home.set)).unwrap_or(false)
    }

    /// Wakes the region, unless its waker was called since it was polled last.
    #[inline]
    pub(crate) fn wake_region(&self) {
        self.take_owner().into_iter().for_each(wake_owner);
    }

    /// Takes the region's waker.
    #[inline]
    fn take_owner(&self) -> Option<Waker> {
        self.at_home(|home| home.seats.take_owner(home.set)).flatten()
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
                wakers.extend(home.seats.take_own(seat));
                home.seats.release(seat);
                self.change(member, State::Called);
            }
        }
        home.seats.release(home.body);
        let owner = home.seats.close(home.set);
        drop_wakers([owner, None]);
        wakers.for_each(wake_owner);
    }
}
