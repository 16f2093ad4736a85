//! How a region is a member of the one around it: the waker that it has there, and leaving.

use crate::region::{
    commons::Commons,
    region::{Kind, Region},
};
use std::{mem::ManuallyDrop, ops::Deref, rc::Rc, task::Waker};

impl Region {
    /// Does clean-up that is at work here, and is polled elsewhere than before, stay where it is waited for? Otherwise it moves, and
    /// the region that it leaves is called. That one may poll it too, as each of several does that share a future, and so they would
    /// have it go to and fro for ever: after some moves it stays where it is waited for. Whoever polls it is called besides.
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

    /// The waker of this region's seat, if it is a member of a cancelled one.
    #[inline]
    pub(crate) fn seat(&self, commons: &Commons) -> Option<ManuallyDrop<Waker>> {
        if self.is_outer_cancelled() { self.seat_around(commons) } else { None }
    }

    #[cold]
    fn seat_around(&self, commons: &Commons) -> Option<ManuallyDrop<Waker>> {
        let (around, key) = self.place.borrow().seat.clone()?;
        around.inner().members.seat_of(key, commons)
    }

    /// The waker that has this region polled, if anything around it will: its seat's, or the one that it was polled with.
    pub(crate) fn own_waker<'a>(&self, commons: &Commons, given: &'a Waker) -> OwnWaker<'a> {
        self.seat(commons).map_or(OwnWaker::Given(given), OwnWaker::Seat)
    }

    /// Leaves the region around this one: it is no member there any more.
    #[inline]
    pub(crate) fn leave(&self) {
        if self.place.borrow().seat.is_some() {
            self.leave_seat();
        }
    }

    /// Leaves the region around this one, and has the scopes around it that have no other member leave theirs.
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

    /// Takes the seat of a scope that has no members any more: it is to leave it. Its future is called, as it may have been polled with
    /// the seat's waker.
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
