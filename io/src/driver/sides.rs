//! Both sides of a source.

use super::{
    change::Change,
    side::{Direction, Side},
};
use evenkeel_executor::combinator::{call_waker, discard_waker};
use std::{cell::Cell, rc::Rc};

/// A source as the driver knows it: its two sides, who waits for them among it.
pub(crate) struct Sides {
    read: Side,
    write: Side,
    /// There was urgent data, at which reads end early.
    pub(super) was_urgent: Cell<bool>,
    /// The source was taken from an executor on which somebody waited, and nobody has got what he waited for since.
    pub(super) is_contested: Cell<bool>,
}

impl Sides {
    pub(super) fn new() -> Rc<Sides> {
        Rc::new(Sides {
            read: Side::new(),
            write: Side::new(),
            was_urgent: Cell::new(false),
            is_contested: Cell::new(false),
        })
    }

    pub(super) fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }

    /// The poller has told of a change.
    pub(super) fn changed(&self, change: Change) {
        if change.urgent {
            self.was_urgent.set(true);
        }
        if change.readable || change.read_closed {
            self.read.told(change.read_closed);
        }
        if change.writable || change.write_closed {
            self.write.told(change.write_closed);
        }
        let is_good_news = |side: &Side| side.is_ready() && side.waiters.is_anybody_else(None);
        if is_good_news(&self.read) || is_good_news(&self.write) {
            self.is_contested.set(false);
        }
        if self.read.is_ready() || change.is_one_shot {
            self.read.waiters.take_all(call_waker);
        }
        if self.write.is_ready() || change.is_one_shot {
            self.write.waiters.take_all(call_waker);
        }
    }

    /// Wakes all who wait, to look again.
    pub(super) fn wake_all(&self) {
        self.read.waiters.take_all(call_waker);
        self.write.waiters.take_all(call_waker);
    }
}

impl Drop for Sides {
    fn drop(&mut self) {
        self.read.waiters.take_all(discard_waker);
        self.write.waiters.take_all(discard_waker);
    }
}
