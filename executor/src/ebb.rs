//! When memory goes back that a burst has left behind: before a long sleep, if more than a little was done since, and otherwise once in a while.
//!
//! What tasks, timers and calls have taken stays where it is, so that a steady load allocates nothing. What is idle goes back at most once a
//! second, by the executor's clock, however short its sleeps are, and also if its host only ticks: then a load that comes in
//! rounds pays for it once a second, and not in each round.

use crate::{core::Core, time::instant::Instant};
use std::{cell::Cell, time::Duration};

/// An executor that sleeps for so long gives memory back before.
pub(crate) const LONG: Duration = Duration::from_millis(100);
/// But not for what so few polls may have left behind, unless it is seen to be much: who is woken, does a little and sleeps again, as whoever
/// waits for a socket does, is not to pay for a look each time.
const FEW: u32 = 64;
/// At other times there is so much time between two looks.
const PERIOD: u64 = 1_000_000_000;

/// Room for so many timers, calls, entries and slots stays.
const KEPT: usize = if cfg!(miri) { 16 } else { 1024 };

impl Core {
    /// It is now so late: memory goes back if it is time.
    #[inline]
    pub(crate) fn ebb(&self, now: Instant) {
        // A clock that has stepped back makes this large.
        if now.0.wrapping_sub(self.trimmed.get().0) >= PERIOD {
            self.trimmed.set(now);
            self.trim();
        }
    }

    /// A long sleep follows: memory goes back if there may be some.
    pub(crate) fn ebb_before_long_sleep(&self) {
        if self.polled_since_trim() >= FEW || self.holds_much() {
            self.trim();
        }
    }

    fn polled_since_trim(&self) -> u32 {
        self.tasks.ready().head().wrapping_sub(self.trimmed_at_poll.get())
    }

    /// [`Core::ebb`] where nobody knows how late it is. The clock is looked at only if something may go back.
    pub(crate) fn ebb_if_it_holds_much(&self) {
        if self.holds_much() {
            self.ebb(self.now());
        }
    }

    /// Gives back what is idle, and more than an executor is to keep.
    #[cold]
    fn trim(&self) {
        self.trimmed_at_poll.set(self.tasks.ready().head());
        let foreign = self.has_heard_much();
        self.tasks.trim(KEPT);
        self.time.timers.trim(KEPT);
        if foreign {
            self.tasks.inbox.trim(KEPT);
            self.calls.trim(KEPT);
            within(&self.entries, |entries| entries.shrink_to(KEPT));
            within(&self.taken_calls, |calls| calls.shrink_to(KEPT));
        }
    }

    fn holds_much(&self) -> bool {
        self.has_heard_much() || self.time.timers.capacity() > KEPT
    }

    /// Can the inbox or the calls have grown large? What they take is handed to this side and back, or there is a place for it by slot.
    fn has_heard_much(&self) -> bool {
        let entries = within(&self.entries, |entries| entries.capacity());
        let calls = within(&self.taken_calls, |calls| calls.capacity());
        entries.max(calls).max(self.tasks.slots()) > KEPT
    }
}

fn within<R: Default, T>(room: &Cell<R>, f: impl FnOnce(&mut R) -> T) -> T {
    let mut taken = room.take();
    let result = f(&mut taken);
    room.set(taken);
    result
}
