//! One direction of a source: whether it is ready, as far as is known, and who waits for it.

use super::waiters::Waiters;
use std::cell::Cell;

/// What an operation goes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// One direction of a source.
///
/// # Why no readiness is lost
///
/// The poller tells of *changes*: of what becomes ready after the registration, and once of what was ready then. The side remembers that
/// (`is_ready`), and forgets it only when the kernel has shown that it is over: when an operation would have blocked, or has moved fewer
/// bytes than it could where that means the same. What becomes ready after that moment is another change, and all changes are
/// told by the poller's next look, which happens on this thread, and so after the side has forgotten. A change that was told between, but belongs
/// to what the operation has taken already, costs an operation in vain. So a side that is not ready has a change to come; its waiters are
/// kept before the loop's next look, and woken in it.
///
/// An end that was told (`is_closed`) stays ready when fewer bytes came than could: nothing changes any more behind an end. An operation
/// that would have blocked shows that there is a beginning after that end, as a named pipe has one.
pub(crate) struct Side {
    is_ready: Cell<bool>,
    /// That is assumed, so that the first operation is tried, and not known.
    is_guess: Cell<bool>,
    is_closed: Cell<bool>,
    /// What the poller told last was used by no operation, and nobody was told of it.
    is_fresh: Cell<bool>,
    pub(super) waiters: Waiters,
}

impl Side {
    pub(super) fn new() -> Side {
        Side {
            is_ready: Cell::new(true),
            is_guess: Cell::new(true),
            is_closed: Cell::new(false),
            is_fresh: Cell::new(false),
            waiters: Waiters::default(),
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.is_ready.get()
    }

    /// Has the poller told of this readiness since anybody used it? From now on somebody has.
    pub(crate) fn take_fresh(&self) -> bool {
        self.is_fresh.take()
    }

    /// An operation would have blocked, or the system says that one would.
    pub(crate) fn would_block(&self) {
        self.is_ready.set(false);
        self.is_guess.set(false);
        self.is_closed.set(false);
    }

    /// An operation moved fewer bytes than it could, which means on its kind of source that another one would block.
    pub(crate) fn is_exhausted(&self) {
        if !self.is_closed.get() {
            self.is_ready.set(false);
            self.is_guess.set(false);
        }
    }

    /// From now on it is ready if the poller says so.
    pub(crate) fn ask_poller(&self) {
        if self.is_guess.take() {
            self.is_ready.set(false);
        }
    }

    /// The poller says that it is ready, or has ended.
    pub(super) fn told(&self, is_closed: bool) {
        self.is_ready.set(true);
        self.is_fresh.set(true);
        self.is_guess.set(false);
        if is_closed {
            self.is_closed.set(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_02_a_short_read_ends_readiness_but_not_an_end_and_a_block_ends_both() {
        let side = Side::new();
        assert!(side.is_ready(), "the first operation is tried");
        side.is_exhausted();
        assert!(!side.is_ready());
        side.told(true);
        side.is_exhausted();
        assert!(side.is_ready(), "nothing is told any more behind an end");
        side.would_block();
        assert!(!side.is_ready());
        side.told(false);
        side.is_exhausted();
        assert!(!side.is_ready(), "the end is forgotten");
    }

    #[test]
    fn io_02_a_guess_gives_way_to_the_poller_and_what_is_told_does_not() {
        let side = Side::new();
        side.ask_poller();
        assert!(!side.is_ready());
        side.told(false);
        side.ask_poller();
        assert!(side.is_ready());
    }

    /// A socket's buffer, and an edge-triggered poller: it tells of what has come since it was asked.
    #[derive(Default)]
    struct Kernel {
        bytes: usize,
        is_over: bool,
        has_changed: bool,
    }

    impl Kernel {
        fn is_ready(&self) -> bool {
            self.bytes > 0 || self.is_over
        }

        fn look(&mut self, side: &Side) {
            if std::mem::take(&mut self.has_changed) && self.is_ready() {
                side.told(self.is_over);
            }
        }

        /// Reads as a stream does, and returns whether it did.
        fn read(&mut self, side: &Side, room: usize) -> bool {
            if !side.is_ready() {
                return false;
            }
            if !self.is_ready() {
                side.would_block();
                return false;
            }
            let length = self.bytes.min(room);
            self.bytes -= length;
            if length < room {
                side.is_exhausted();
            }
            true
        }
    }

    #[test]
    fn io_02_no_readiness_is_lost_in_any_order_of_changes_looks_and_operations() {
        let mut state = 0x9e37_79b9_u32;
        let mut below = |end: u32| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state % end
        };
        for _ in 0..if cfg!(miri) { 100 } else { 20_000 } {
            let (side, mut kernel) = (Side::new(), Kernel::default());
            let mut is_registered = false;
            for _ in 0..below(40) {
                match below(8) {
                    0 | 1 if !kernel.is_over => {
                        kernel.bytes += below(4) as usize + 1;
                        kernel.has_changed = is_registered;
                    }
                    2 if below(4) == 0 && !kernel.is_over => {
                        kernel.is_over = true;
                        kernel.has_changed = is_registered;
                    }
                    3 | 4 => kernel.look(&side),
                    // Whoever waits until it is readable, and reads nothing.
                    5 => side.ask_poller(),
                    _ => _ = kernel.read(&side, below(6) as usize + 1),
                }
                if !side.is_ready() {
                    // Who waits has it registered, and a registration tells first of what is there.
                    kernel.has_changed |= !is_registered;
                    is_registered = true;
                    assert!(kernel.has_changed || !kernel.is_ready(), "it is ready, and nobody will tell");
                }
            }
            // Who waits now gets all that is left, with the looks that come.
            while kernel.bytes > 0 {
                let left = kernel.bytes;
                kernel.look(&side);
                assert!(kernel.read(&side, 2) && kernel.bytes < left, "it waits for what is there");
            }
        }
    }
}
