//! Data from other threads to the loop: a bounded channel whose senders may be anywhere.
//!
//! ```
//! use evenkeel::{run, threads::remote};
//!
//! let lines = run(async {
//!     let (sender, mut receiver) = remote::channel(2);
//!     std::thread::spawn(move || {
//!         for line in ["one", "two", "three"] {
//!             sender.send_blocking(line).unwrap();
//!         }
//!     });
//!     let mut lines = Vec::new();
//!     while let Some(line) = receiver.recv().await {
//!         lines.push(line);
//!     }
//!     lines
//! });
//! assert_eq!(lines, ["one", "two", "three"]);
//! ```
//!
//! # Implementation notes
//!
//! Everything lies under one lock. An item is in exactly one place: with its sender, in the queue, or with the receiver. A sender who
//! finds no room leaves its item in line, under a ticket; the receiver moves the oldest of those into the queue whenever it takes an
//! item, and tickets that are no longer in line are sent. So nobody overtakes who waits, and a sender that is dropped while it waits
//! takes its item with it. Wakers are cloned before, and called and dropped after the lock is held, and so are items.

mod sender;
mod receiver;
mod home;
mod refused;

pub use crate::threads::remote::receiver::Receiver;
pub use crate::threads::remote::refused::{Refused, SendError, TryRecvError};
pub use crate::threads::remote::sender::{Sender, Sending};

use crate::threads::remote::home::Home;

use crate::outcome::{
    join_error::Panic,
    unhandled::{UnhandledKind, report_unhandled},
};
use std::{
    collections::{BTreeMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

/// A channel with room for `capacity` items; with [`usize::MAX`] it has no bound, and its receiver takes all that are there at once.
///
/// # Panics
///
/// If `capacity` is zero.
#[track_caller]
pub fn channel<T: Send>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a remote channel without room could take nothing: give it room for at least one item");
    let state = State {
        items: VecDeque::with_capacity(capacity.min(64)),
        capacity,
        line: BTreeMap::new(),
        next_ticket: 0,
        senders: 1,
        receiver: None,
        home: Home::Unknown,
        closed: false,
    };
    let shared = Arc::new(Mutex::new(state));
    (Sender(shared.clone()), Receiver::new(shared))
}

struct State<T> {
    items: VecDeque<T>,
    capacity: usize,
    /// Senders that wait for room, by ticket.
    line: BTreeMap<u64, Waiting<T>>,
    next_ticket: u64,
    senders: usize,
    /// Wakes the receiver, which waits.
    receiver: Option<Waker>,
    /// Where the receiver is at home, as far as that is known.
    home: Home,
    /// Nothing is taken any more.
    closed: bool,
}

struct Waiting<T> {
    item: T,
    /// `None` once it was called.
    waker: Option<Waker>,
}

impl<T> State<T> {
    fn has_room(&self) -> bool {
        self.items.len() < self.capacity && self.line.is_empty()
    }

    /// Will nothing come any more?
    fn is_over(&self) -> bool {
        self.senders == 0 || self.closed
    }

    /// Is there anything for the receiver to see, an item or the end?
    fn is_there(&self) -> bool {
        !self.items.is_empty() || self.is_over()
    }

    /// The oldest item, and the waker of the sender who gets its room.
    #[inline]
    fn pop(&mut self, batch: &mut VecDeque<T>) -> Option<(T, Option<Waker>)> {
        if self.capacity == usize::MAX {
            std::mem::swap(&mut self.items, batch);
            return batch.pop_front().map(|item| (item, None));
        }
        let item = self.items.pop_front()?;
        if self.closed {
            return Some((item, None));
        }
        let next = self.line.pop_first().and_then(|(_, waiting)| {
            self.items.push_back(waiting.item);
            waiting.waker
        });
        Some((item, next))
    }
}

type Shared<T> = Arc<Mutex<State<T>>>;

fn lock<T>(shared: &Shared<T>) -> MutexGuard<'_, State<T>> {
    // Nothing foreign runs in a critical section.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The waker may be anybody's.
#[inline(always)]
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            report_unhandled(UnhandledKind::WakerPanicked(Panic::new(payload)));
        }
    }
}
