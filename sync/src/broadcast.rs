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

use crate::{
    wait::{Attempt, Line, Wait},
    wait_queue::WaitQueue,
};
use futures_core::Stream;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt,
    marker::PhantomData,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// A channel that keeps the last `capacity` values for receivers that have not seen them.
///
/// # Panics
///
/// If `capacity` is zero.
#[track_caller]
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a broadcast channel keeps at least one value");
    let shared = Rc::new(Feed {
        kept: RefCell::new(VecDeque::new()),
        first: Cell::new(0),
        capacity,
        senders: Cell::new(1),
        receivers: Cell::new(1),
        queue: WaitQueue::new("broadcast::Receiver::recv"),
    });
    (Sender(shared.clone()), Receiver { shared, next: 0 })
}

struct Feed<T> {
    /// The values that some receiver has not seen, oldest first.
    kept: RefCell<VecDeque<Kept<T>>>,
    /// The number of the oldest value that is kept.
    first: Cell<u64>,
    capacity: usize,
    senders: Cell<usize>,
    receivers: Cell<usize>,
    queue: WaitQueue<u64, ()>,
}

struct Kept<T> {
    value: Rc<T>,
    /// How many receivers have not seen this value.
    unseen: usize,
}

/// The end that sends. Clones are equals; when the last is gone, receivers take what is left and are told.
pub struct Sender<T>(Rc<Feed<T>>);

/// An end that receives all that is sent from its making on.
pub struct Receiver<T> {
    shared: Rc<Feed<T>>,
    /// The number of the value that this receiver sees next.
    next: u64,
}

/// Why no value was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecvError {
    /// All senders are gone, and nothing is left.
    #[error("the broadcast channel is closed: nothing more will come")]
    Closed,
    /// So many values were sent too fast for this receiver. The next call gives the oldest that is still there.
    #[error("{0} values were missed: receive faster, or give the channel more capacity")]
    Lagged(u64),
}

/// Why no value was received right now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TryRecvError {
    /// There is no value.
    #[error("there is no value now: await recv()")]
    Empty,
    /// There is no value, for one of the reasons in [`RecvError`].
    #[error(transparent)]
    Recv(#[from] RecvError),
}

impl<T: Clone> Sender<T> {
    /// Sends a value to all receivers, and returns how many these are. It never waits: the oldest value goes if there are
    /// too many.
    ///
    /// # Errors
    ///
    /// The value, if there is no receiver.
    pub fn send(&self, value: T) -> Result<usize, T> {
        let shared = &*self.0;
        let receivers = shared.receivers.get();
        if receivers == 0 {
            return Err(value);
        }
        let value = Rc::new(value);
        let gone = {
            let mut kept = shared.kept.borrow_mut();
            let gone = if kept.len() == shared.capacity { kept.pop_front() } else { None };
            kept.push_back(Kept { value, unseen: receivers });
            gone
        };
        shared.first.set(shared.first.get() + u64::from(gone.is_some()));
        shared.queue.grant_all(());
        shared.queue.wake();
        drop(gone);
        Ok(receivers)
    }
}

impl<T> Sender<T> {
    /// One more receiver, of all that is sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        self.0.subscribe()
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.0.receivers.get()
    }
}

impl<T: Clone> Receiver<T> {
    /// Waits for the next value.
    ///
    /// Cancel-safe: dropped, it has taken nothing.
    ///
    /// # Errors
    ///
    /// [`RecvError::Lagged`] once after values were missed, [`RecvError::Closed`] at the end.
    pub async fn recv(&mut self) -> Result<T, RecvError> {
        match Wait::<&Feed<T>, Receiving<T>>::new(&self.shared, self.next).await {
            Ok(()) => self.take(),
            Err(_) => Err(RecvError::Closed),
        }
    }

    /// The next value, if there is one.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`], or those of [`recv`](Self::recv).
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match Receiving::attempt(&self.shared, self.next) {
            Attempt::Granted(()) => Ok(self.take()?),
            Attempt::Refused(_) => Err(RecvError::Closed.into()),
            Attempt::Wait(_) => Err(TryRecvError::Empty),
        }
    }

    /// The values as a stream, which ends when the channel is closed. Missed values are errors in it.
    pub fn items(&mut self) -> Items<'_, T> {
        Items { receiver: self, wait: None }
    }

    /// Takes the next value, of which the caller knows that it is there or was missed.
    fn take(&mut self) -> Result<T, RecvError> {
        let first = self.shared.first.get();
        if self.next < first {
            let missed = first - self.next;
            self.next = first;
            return Err(RecvError::Lagged(missed));
        }
        let index = self.next - first;
        self.next += 1;
        let value = self.shared.see(index..index + 1);
        // It is cloned, or moved by the last who sees it, with nothing borrowed.
        let value = value.expect("it was granted because there is one");
        Ok(Rc::try_unwrap(value).unwrap_or_else(|value| T::clone(&value)))
    }
}

impl<T> Receiver<T> {
    /// A new receiver, of all that is sent from now on.
    pub fn resubscribe(&self) -> Receiver<T> {
        self.shared.subscribe()
    }

    /// How many values wait for this receiver, with those that it missed.
    pub fn len(&self) -> usize {
        (self.shared.end() - self.next) as usize
    }

    /// Does no value wait for this receiver?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Feed<T> {
    /// The number that the next value will have.
    fn end(&self) -> u64 {
        self.first.get() + self.kept.borrow().len() as u64
    }

    fn subscribe(self: &Rc<Self>) -> Receiver<T> {
        self.receivers.set(self.receivers.get() + 1);
        Receiver { shared: self.clone(), next: self.end() }
    }

    /// Notes that one receiver has seen these values. Returns the first of them. What all have seen is dropped, with nothing borrowed.
    fn see(&self, which: std::ops::Range<u64>) -> Option<Rc<T>> {
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

/// The values of a broadcast channel, as they come; made by [`Receiver::items`].
#[must_use = "no item is taken until this stream is polled"]
pub struct Items<'a, T: Clone> {
    receiver: &'a mut Receiver<T>,
    wait: Option<Wait<Rc<Feed<T>>, Receiving<T>>>,
}

impl<T: Clone> Stream for Items<'_, T> {
    type Item = Result<T, RecvError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Items { receiver, wait } = &mut *self;
        let place = wait.get_or_insert_with(|| Wait::new(receiver.shared.clone(), receiver.next));
        let Poll::Ready(outcome) = Pin::new(place).poll(cx) else { return Poll::Pending };
        *wait = None;
        Poll::Ready(outcome.ok().map(|()| receiver.take()))
    }
}

/// The rules of the line for values. The request is the number of the value that is wanted.
struct Receiving<T>(PhantomData<T>);

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

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.senders.set(self.0.senders.get() + 1);
        Sender(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let left = self.0.senders.get() - 1;
        self.0.senders.set(left);
        if left == 0 {
            self.0.queue.refuse_all();
            self.0.queue.wake();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.receivers.set(self.shared.receivers.get() - 1);
        let first = self.shared.first.get();
        let unseen = self.next.max(first) - first..self.shared.end() - first;
        drop(self.shared.see(unseen));
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("broadcast::Sender").field("receivers", &self.receiver_count()).finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("broadcast::Receiver").field("len", &self.len()).finish()
    }
}

impl<T: Clone> fmt::Debug for Items<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("broadcast::Items").field(self.receiver).finish()
    }
}
