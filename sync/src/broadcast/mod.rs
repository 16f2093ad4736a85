//! The broadcast channel: every value, for every receiver.
//!
//! A receiver that falls behind does not hold up the others: it is told how many values it missed.
//!
//! ```
//! use evenkeel::sync::broadcast::{self, RecvError};
//!
//! # futures::executor::block_on(async {
//! let (sender, mut one) = broadcast::channel(2);
//! let mut two = sender.subscribe();
//! sender.send("a").unwrap();
//! sender.send("b").unwrap();
//! assert_eq!((one.recv().await, one.recv().await), (Ok("a"), Ok("b")));
//! sender.send("c").unwrap();
//! assert_eq!(two.recv().await, Err(RecvError::Lagged(1)));
//! assert_eq!(two.recv().await, Ok("b"));
//! # });
//! ```
//!
//! A sender never waits. Where no value may be missed, as with the default of `async-broadcast`, give each receiver a
//! [`channel()`](crate::channel()) of its own and send to all of them.

mod items;
mod weak_sender;
mod sender;
mod receiver;
mod feed;
mod errors;

pub use errors::{RecvError, TryRecvError};
pub use items::{Items, OwnedItems};
pub use receiver::Receiver;
pub use sender::Sender;
pub use weak_sender::WeakSender;

/// A channel that keeps the last `capacity` values for receivers that have not seen them.
///
/// # Panics
///
/// If `capacity` is zero.
#[track_caller]
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(capacity);
    let receiver = sender.subscribe();
    (sender, receiver)
}
