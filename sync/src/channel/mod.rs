//! The channel: a queue with two kinds of ends, closed by drop.

mod sink;
mod send_permit;
mod weak;
mod items;
mod receiver;
mod sender;
mod ends;

pub use items::ReceiverItems;
pub use receiver::Receiver;
pub use send_permit::{OwnedSendPermit, SendPermit, SendPermits};
pub use sender::Sender;
pub use sink::SenderSink;
pub use weak::{WeakReceiver, WeakSender};

use crate::queue::Queue;
use ends::Shared;

/// A channel with room for `capacity` items; 0 is a rendezvous.
///
/// The channel is a [`Queue`] whose ends are counted: when the last [`Sender`] is gone, receivers take what is left and then get
/// `None`; when the last [`Receiver`] is gone, what is left is dropped and sending fails. Each item goes to one receiver.
///
/// ```
/// # futures::executor::block_on(async {
/// let (sender, receiver) = evenkeel::sync::channel(2);
/// let send = async move {
///     for n in 0..5 {
///         sender.send(n).await.unwrap();
///     }
/// };
/// let receive = async {
///     let mut sum = 0;
///     while let Some(n) = receiver.recv().await {
///         sum += n;
///     }
///     sum
/// };
/// assert_eq!(futures::join!(send, receive).1, 10);
/// # });
/// ```
///
/// There is no `blocking_send` nor `blocking_recv`: both ends live on one thread, where nobody could make room or send while it blocks.
/// What comes from other threads goes through a channel of `threads::remote`.
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    ends(Queue::new(capacity))
}

/// A channel without a bound: it grows for as long as items come faster than they go. Say what bounds them instead.
pub fn unbounded_channel<T>() -> (Sender<T>, Receiver<T>) {
    ends(Queue::unbounded())
}

fn ends<T>(queue: Queue<T>) -> (Sender<T>, Receiver<T>) {
    let shared = Shared::new(queue);
    (Sender(shared.clone()), Receiver::new(shared))
}
