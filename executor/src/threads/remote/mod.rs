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
//! Everything lies under one lock, a latch, which is mostly held for a few instructions: for more where the queue grows, and where a
//! receiver that closes takes the wakers of those who wait. An item is in exactly one place: with its sender, in the queue, or with the
//! receiver. A sender who finds no room leaves its item in line, under a ticket; the receiver moves the oldest of those into the queue whenever it takes an
//! item, and tickets that are no longer in line are sent. So nobody overtakes who waits, and a sender that is dropped while it waits
//! takes its item with it. A thread that blocks stands in line as well, and lingers there before it sleeps. Wakers are cloned before, and called and dropped
//! after the lock is held, and so are items.

mod blocking;
mod weak;
mod closed;
mod sender;
mod receiver;
mod channel;
mod home;
mod refused;

pub use receiver::Receiver;
pub use refused::{Refused, SendError, TryRecvError};
pub use sender::{Sender, Sending};
pub use weak::WeakSender;

use crate::threads::latch::Latch;
use channel::Channel;
use std::sync::Arc;

/// A channel with room for `capacity` items; with [`usize::MAX`] it has no bound, and its receiver takes all that are there at once.
///
/// # Panics
///
/// If `capacity` is zero.
#[track_caller]
pub fn channel<T: Send>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a remote channel without room could take nothing: give it room for at least one item");
    let shared = Arc::new(Latch::new(Channel::new(capacity)));
    (Sender(shared.clone()), Receiver::new(shared))
}
