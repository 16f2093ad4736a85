//! How a region is a member of the one around it: as long as it waits, and from there on also as long as it has members itself.
//!
//! Whose waker brings the next poll of a member is argued in [`members`](crate::region::members).

use crate::region::region::{Kind, Region};
use crate::{
    region::members::{Members, State},
    task::tasks::Tasks,
    wake::foreign::drop_foreign,
};
use std::{mem::ManuallyDrop, ops::Deref, rc::Rc, task::Waker};

impl Region {
    /// The region is polled for the first time since what is around it was cancelled, or goes on being so.
    pub(crate) fn reach(self: &Rc<Self>, tasks: &Tasks) {
        if !self.reached.replace(true) {
            tasks.here.count_reached();
        }
        if self.place.borrow().seat.is_none() {
            self.take_seat(tasks, State::Called, None);
        }
    }

    /// The region's future waits; `given` is the waker that it was polled with. A clean-up point is a member of the region around, and at
    /// work there if `reached`; a scope is for as long as it has members.
    #[inline]
    pub(crate) fn wait(self: &Rc<Self>, tasks: &Tasks, given: &Waker, reached: bool) {
        let members = self.inner.get().map(|inner| &inner.members);
        let is_working = match self.kind.get() {
            Kind::Root => None,
            Kind::Scope if members.is_none_or(Members::is_empty) => {
                self.leave();
                None
            }
            Kind::Scope => Some(self.is_at_work() && self.is_outer_cancelled()),
            Kind::Guarded | Kind::Shielded => Some(reached),
        };
        if let Some(is_working) = is_working {
            self.register(tasks, given, if is_working { State::Working } else { State::Idle });
        }
        if let Some(members) = members.filter(|members| members.are_seated()) {
            members.link(&self.own_waker(tasks, given));
        }
    }

    /// The region is a member of the one around it, in that state, and has that waker.
    #[inline]
    fn register(&self, tasks: &Tasks, newest: &Waker, state: State) {
        let seat = match &self.place.borrow().seat {
            Some((around, key)) if around.inner().members.wait_again(*key, state, newest) => return,
            seat => seat.clone(),
        };
        match seat {
            Some((around, key)) => around.inner().members.wait(key, state, newest),
            None => self.take_seat(tasks, state, Some(newest.clone())),
        }
    }

    /// Clean-up is at work here, and is polled elsewhere than before. It moves there, and the region that it leaves is called. That one may
    /// poll it too, as each of several does that share a future, and so they would have it go to and fro for ever: after some moves it
    /// stays where it is waited for. Whoever polls it is called besides.
    #[cold]
    pub(crate) fn stays(&self) -> Option<Rc<Region>> {
        /// Nobody hands clean-up on so often while it works.
        const MOST_MOVES: u8 = 8;
        let (place, key) = self.place.borrow().seat.clone()?;
        if place.over.get() || !place.inner().members.is_working(key) {
            return None;
        }
        let moves = self.moves.get();
        self.moves.set(moves.saturating_add(1));
        (moves >= MOST_MOVES).then_some(place)
    }

    /// The region becomes a member of the one around it; but not if it is polled outside of any task, by a waker that does more than wake. Nothing there can be cancelled.
    fn take_seat(&self, tasks: &Tasks, state: State, waker: Option<Waker>) {
        // Here the frame of this region is gone, and the innermost is that of the scope around it.
        let Some(around) = tasks.region_here() else { return drop_foreign([waker, None]) };
        let key = around.inner().members.insert(state, waker);
        let nearest = (around.kind.get() != Kind::Root).then(|| around.clone());
        let mut place = self.place.borrow_mut();
        place.seat = Some((around, key));
        let old = std::mem::replace(&mut place.around, nearest);
        drop(place);
        drop(old);
    }

    /// The waker of this region's seat, if it is a member of a cancelled one.
    #[inline]
    pub(crate) fn seat(&self, tasks: &Tasks) -> Option<ManuallyDrop<Waker>> {
        if self.is_outer_cancelled() { self.seat_around(tasks) } else { None }
    }

    #[cold]
    fn seat_around(&self, tasks: &Tasks) -> Option<ManuallyDrop<Waker>> {
        let (around, key) = self.place.borrow().seat.clone()?;
        around.inner().members.seat_of(key, tasks)
    }

    /// Who wakes this waker has this region polled, if anything around it will.
    pub(crate) fn own_waker<'a>(&self, tasks: &Tasks, given: &'a Waker) -> OwnWaker<'a> {
        self.seat(tasks).map_or(OwnWaker::Given(given), OwnWaker::Seat)
    }

    /// Not a part of the region around it any more.
    #[inline]
    pub(crate) fn leave(&self) {
        if self.place.borrow().seat.is_some() {
            self.leave_seat();
        }
    }

    /// Nor are the scopes around it that have no other member.
    fn leave_seat(&self) {
        let mut next = self.place.borrow_mut().seat.take();
        while let Some((around, key)) = next {
            let members = &around.inner().members;
            members.remove(key);
            if around.polled.get() {
                // It looks after its members at the end of its poll.
                return;
            }
            // Whoever waits for them must look.
            members.wake_region();
            next = if members.is_empty() && around.kind.get() == Kind::Scope { around.quit() } else { None };
        }
    }

    /// A scope has no members any more: it is to leave that seat. Its future is called, as it may have been polled with the seat's waker.
    fn quit(&self) -> Option<(Rc<Region>, usize)> {
        let seat = self.place.borrow_mut().seat.take();
        if let (Some((around, key)), true) = (&seat, self.inner().members.are_seated()) {
            around.inner().members.wake(*key);
        }
        seat
    }
}

pub(crate) enum OwnWaker<'a> {
    Given(&'a Waker),
    Seat(ManuallyDrop<Waker>),
}

impl Deref for OwnWaker<'_> {
    type Target = Waker;

    fn deref(&self) -> &Waker {
        match self {
            OwnWaker::Given(waker) => waker,
            OwnWaker::Seat(waker) => waker,
        }
    }
}
