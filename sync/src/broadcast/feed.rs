//! What both ends of a broadcast channel share: the values, who has seen them, and two lines.

use crate::{
    wait::{Attempt, Line},
    wait_queue::WaitQueue,
};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    marker::PhantomData,
    ops::Range,
    rc::Rc,
};

pub(super) struct Feed<T> {
    /// The values that some receiver has not seen, oldest first.
    kept: RefCell<VecDeque<Kept<T>>>,
    /// The number of the oldest value that is kept.
    pub(super) first: Cell<u64>,
    pub(super) capacity: usize,
    pub(super) senders: Cell<usize>,
    pub(super) receivers: Cell<usize>,
    pub(super) queue: WaitQueue<u64, ()>,
    pub(super) ends: WaitQueue,
}

struct Kept<T> {
    value: Rc<T>,
    /// How many receivers have not seen this value.
    unseen: usize,
}

impl<T> Feed<T> {
    /// A feed with one sender.
    pub(super) fn new(capacity: usize) -> Feed<T> {
        Feed {
            kept: RefCell::new(VecDeque::new()),
            first: Cell::new(0),
            capacity,
            senders: Cell::new(1),
            receivers: Cell::new(0),
            queue: WaitQueue::new("broadcast::Receiver::recv"),
            ends: WaitQueue::new("broadcast::Sender::closed"),
        }
    }

    /// How many values are kept.
    pub(super) fn len(&self) -> usize {
        self.kept.borrow().len()
    }

    /// The number that the next value will have.
    pub(super) fn end(&self) -> u64 {
        self.first.get() + self.len() as u64
    }

    /// Keeps a value for so many receivers, and wakes them. The oldest one goes if there are too many.
    pub(super) fn put(&self, value: T, receivers: usize) {
        let value = Rc::new(value);
        let gone = {
            let mut kept = self.kept.borrow_mut();
            let gone = if kept.len() == self.capacity { kept.pop_front() } else { None };
            kept.push_back(Kept { value, unseen: receivers });
            gone
        };
        self.first.set(self.first.get() + u64::from(gone.is_some()));
        // They are woken also if the destructor of the one that goes panics.
        let _calls = self.queue.waking();
        self.queue.grant_all(());
        drop(gone);
    }

    /// Notes that one receiver has seen these values. Returns the first of them. What all have seen is dropped, with nothing borrowed.
    pub(super) fn see(&self, which: Range<u64>) -> Option<Rc<T>> {
        let mut gone = Vec::new();
        let value = {
            let mut kept = self.kept.borrow_mut();
            let value = kept.get(which.start as usize).map(|kept| kept.value.clone());
            for index in which {
                kept[index as usize].unseen -= 1;
            }
            // Receivers see values in order, so those that all have seen come first.
            while kept.front().is_some_and(|kept| kept.unseen == 0) {
                gone.extend(kept.pop_front());
                self.first.set(self.first.get() + 1);
            }
            value
        };
        drop(gone);
        value
    }
}

/// The rules of the line for values. The request is the number of the value that is wanted.
pub(super) struct Receiving<T>(PhantomData<T>);

impl<T> Line for Receiving<T> {
    type Owner = Feed<T>;
    type Request = u64;
    type Grant = ();

    fn queue(shared: &Feed<T>) -> &WaitQueue<u64, ()> {
        &shared.queue
    }

    fn attempt(shared: &Feed<T>, next: u64) -> Attempt<u64, ()> {
        if next < shared.end() {
            Attempt::Granted(())
        } else if shared.senders.get() == 0 {
            Attempt::Refused(next)
        } else {
            Attempt::Wait(next)
        }
    }

    /// Gives nothing back: the value is still there for whoever has not seen it.
    fn give_back(_: &Feed<T>, _: ()) {}
}

/// The rules of the line for the last receiver's end.
pub(super) struct Ending<T>(PhantomData<T>);

impl<T> Line for Ending<T> {
    type Owner = Feed<T>;
    type Request = ();
    type Grant = ();

    fn queue(shared: &Feed<T>) -> &WaitQueue {
        &shared.ends
    }

    fn attempt(shared: &Feed<T>, request: ()) -> Attempt<(), ()> {
        if shared.receivers.get() == 0 { Attempt::Granted(()) } else { Attempt::Wait(request) }
    }

    /// Gives nothing back: others were told as well.
    fn give_back(_: &Feed<T>, _: ()) {}
}
