//! The watch channel: the newest value, for everyone who wants to know when it changes.
//!
//! Only the last value is kept: who looks rarely misses what was in between.
//!
//! ```
//! use evenkeel::sync::watch;
//!
//! # futures::executor::block_on(async {
//! let (sender, mut receiver) = watch::channel("starting");
//! assert_eq!(*receiver.borrow(), "starting");
//! sender.send("ready").unwrap();
//! receiver.changed().await.unwrap();
//! assert_eq!(*receiver.borrow(), "ready");
//! # });
//! ```
//!
//! A look at the value, a [`Ref`], holds up nobody: it is the value of that time, whatever is sent meanwhile, and may be kept across
//! awaits. (tokio's `Ref` is a lock, which senders wait for.) So a value is never changed in place, and
//! [`send_modify`](Sender::send_modify) changes a copy.

mod items;
mod sender;
mod receiver;
mod value_ref;
mod watched;

pub use items::{Items, OwnedItems};
pub use receiver::Receiver;
pub use sender::Sender;
pub use value_ref::Ref;

/// A value, the end that changes it, and an end that sees it. The receiver has seen the first value.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(value);
    let receiver = sender.subscribe();
    (sender, receiver)
}
