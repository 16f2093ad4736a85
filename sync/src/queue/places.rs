//! Places in a queue that are kept for items to come. Channels give them out.
//!
//! Who holds a place can put an item without waiting. Places are asked for in the line in which items wait for room, and are counted as if
//! their items were there: so nothing is to be seen of them where items are put, except that there is less room.
//!
//! A get that finds nothing stored takes the first item in that line. It does not look where all want places; where items stand behind those, it
//! looks at one after the other of these, which is the price of one line for both.
//!
//! A queue without room lends a place to whoever asks when somebody asks for an item: at most as many as wait for one, or try to take one.

use super::{
    errors::{PutError, Refused},
    order::{Fifo, Order},
    ordered::{Handed, Intake, OrderedQueue, Queue},
    put::Putting,
};
use crate::{
    raw::ask::Ask,
    wait::{Attempt, Wait},
};
use std::ops::Deref;

impl<T, O: Order<T>> OrderedQueue<T, O> {
    /// Takes so many places, if that overtakes nobody.
    #[cold]
    fn attempt_reserve(&self, places: usize) -> Attempt<Ask<T>, usize> {
        if self.why_never(places).is_some() {
            return Attempt::Refused(Ask::Places(places));
        }
        let free = match self.capacity {
            0 => self.getters.len().saturating_sub(self.reserved.get()),
            usize::MAX => usize::MAX,
            _ => self.free(),
        };
        // Where somebody waits for room there is none.
        if places > free {
            return Attempt::Wait(Ask::Places(places));
        }
        self.count_reserved(places);
        Attempt::Granted(places)
    }

    /// Takes places as [`attempt_reserve`](Self::attempt_reserve) does. Who then comes into line, and is the first there, has the room that
    /// there is kept for it.
    #[cold]
    pub(super) fn attempt_reserve_in_line(&self, places: usize) -> Attempt<Ask<T>, usize> {
        let attempt = self.attempt_reserve(places);
        if let Attempt::Wait(_) = attempt {
            if self.putters.is_empty() {
                self.claim_for_first(places);
            }
            self.wishes.set(self.wishes.get() + 1);
        }
        attempt
    }

    /// Why so many places will never be given, if that is so.
    fn why_never(&self, places: usize) -> Option<Refused> {
        if self.is_closed() {
            return Some(Refused::Closed);
        }
        // Of a channel without a bound many at once are at most half of what can be counted: so one more can always be had.
        let most = if places > 1 { usize::MAX / 2 } else { usize::MAX };
        let too_many = places > self.capacity.max(1) || places > most - self.reserved.get().min(most);
        too_many.then_some(Refused::TooMany)
    }

    fn count_reserved(&self, places: usize) {
        self.reserved.set(self.reserved.get() + places);
        self.count_room();
    }

    fn count_free(&self, places: usize) {
        self.reserved.set(self.reserved.get() - places);
        self.count_room();
    }

    /// Lends places of a queue without room, as many as there are who ask for an item. Were there any to be lent? Wakers have run then, and only
    /// then: who is told that there were none has seen all that there is.
    pub(super) fn lend(&self, asking: usize) -> bool {
        let may_lend = || self.capacity == 0 && self.reserved.get() < asking && self.putters.first_wants().is_some();
        if !may_lend() {
            return false;
        }
        let mut waking = self.putters.waking();
        while may_lend() {
            self.reserved.set(self.reserved.get() + 1);
            self.count_wish_out();
            let _ = waking.grant(1);
        }
        true
    }

    /// Serves those who wait for room, after there was more of it, or one less who wanted some.
    pub(super) fn serve_line(&self) {
        if self.capacity == 0 {
            self.lend(self.getters.len());
        } else {
            self.admit();
        }
    }

    /// Takes places back that nobody uses.
    pub(super) fn give_back_places(&self, places: usize) {
        self.count_free(places);
        if self.is_closed() && self.is_over() {
            self.getters.refuse_all();
        }
        // If a waker of a putter's panics, the getters are called all the same.
        let _ended = self.getters.waking();
        self.serve_line();
    }
}

impl<T> Queue<T> {
    /// Waits for so many places.
    pub(crate) fn wait_for_places<P: Deref<Target = Self>>(queue: P, places: usize) -> Wait<P, Putting<T, Fifo<T>>> {
        Wait::new(queue, Ask::Places(places))
    }

    /// Takes so many places, if there are any now, and nobody waits for room.
    pub(crate) fn try_reserve(&self, places: usize) -> Result<usize, Refused> {
        match self.attempt_reserve(places) {
            Attempt::Granted(places) => Ok(places),
            Attempt::Wait(_) => Err(Refused::Full),
            Attempt::Refused(_) => Err(self.why_no_places(places)),
        }
    }

    /// Why so many places were refused.
    pub(crate) fn why_no_places(&self, places: usize) -> Refused {
        self.why_never(places).unwrap_or(Refused::Closed)
    }

    /// Gives back places that nobody uses.
    pub(crate) fn release_places(&self, places: usize) {
        self.give_back_places(places);
    }

    /// Puts an item in a place that was kept for it.
    pub(crate) fn put_in_place(&self, item: T) -> Result<(), PutError<T>> {
        self.count_free(1);
        if self.intake.get() == Intake::ClosedNow {
            return Err(PutError(item, Refused::Closed));
        }
        if self.getters.is_empty() {
            self.accept(item);
            return Ok(());
        }
        self.count_up();
        // Whatever panics, all are called, after all have what is theirs.
        let mut handing = self.getters.waking();
        let _ = handing.grant(Handed { item, number: self.items.pass() });
        if self.is_closed() && self.is_over() {
            self.getters.refuse_all();
        }
        self.serve_line();
        Ok(())
    }

    /// Nobody holds a place any more: those of holders who were forgotten are free.
    pub(crate) fn forget_places(&self) {
        self.count_free(self.reserved.get());
    }

    /// Will nothing more come, nor is anything there?
    pub(crate) fn is_exhausted(&self) -> bool {
        self.is_over() && self.is_empty()
    }
}
