//! An end that receives.

use super::{
    errors::{RecvError, TryRecvError},
    feed::{Feed, Receiving},
};
use crate::wait::{Attempt, Line, Wait};
use futures_core::Stream;
use std::{
    fmt,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// An end that receives all that is sent from its making on.
///
/// It is a stream as well, of values and of errors for those that were missed, which ends when the channel is closed. As a stream it keeps
/// its place in line from one poll to the next, as [`poll_recv`](Self::poll_recv) does.
///
/// There is no `blocking_recv`: a thread that blocked would keep the senders from running.
pub struct Receiver<T> {
    shared: Rc<Feed<T>>,
    /// The number of the value that this receiver sees next.
    next: u64,
    /// The place in line, from a `poll_recv` that had to wait to the next.
    place: Option<Wait<Rc<Feed<T>>, Receiving<T>>>,
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

    /// Polls for the next value. The last task that polled is woken when there is one, or the channel is closed.
    ///
    /// It keeps its place in line, with the waker, until the next poll, also if nobody polls any more: then that task is woken in vain, once.
    /// It does not allocate for a value. [`recv`](Self::recv) may be called in between.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv).
    ///
    /// ```
    /// use evenkeel::sync::broadcast;
    /// use std::future::poll_fn;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, mut receiver) = broadcast::channel(1);
    /// sender.send(1).unwrap();
    /// assert_eq!(poll_fn(|cx| receiver.poll_recv(cx)).await, Ok(1));
    /// # });
    /// ```
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        loop {
            // Out of its field while foreign code runs: if that panics, the place in line is given up, and the next poll takes another.
            let mut place = self.place.take().unwrap_or_else(|| Wait::new(self.shared.clone(), self.next));
            let Poll::Ready(outcome) = Pin::new(&mut place).poll(cx) else {
                self.place = Some(place);
                return Poll::Pending;
            };
            match outcome {
                Err(_) => return Poll::Ready(Err(RecvError::Closed)),
                Ok(()) if self.next < self.shared.end() => return Poll::Ready(self.take()),
                // It was let through by a value that was received otherwise since.
                Ok(()) => {}
            }
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
    /// A receiver of all that is sent from now on.
    pub(super) fn new(shared: Rc<Feed<T>>) -> Receiver<T> {
        shared.receivers.set(shared.receivers.get() + 1);
        let next = shared.end();
        Receiver { shared, next, place: None }
    }

    /// A new receiver, of all that is sent from now on.
    pub fn resubscribe(&self) -> Receiver<T> {
        Receiver::new(self.shared.clone())
    }

    /// How many values wait for this receiver, with those that it missed.
    pub fn len(&self) -> usize {
        (self.shared.end() - self.next) as usize
    }

    /// Does no value wait for this receiver?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Are all senders gone? What was sent before can still be received.
    pub fn is_closed(&self) -> bool {
        self.sender_count() == 0
    }

    /// How many senders there are: tokio's `sender_strong_count`.
    pub fn sender_count(&self) -> usize {
        self.shared.senders.get()
    }

    /// How many weak senders there are: tokio's `sender_weak_count`.
    pub fn weak_sender_count(&self) -> usize {
        Rc::weak_count(&self.shared)
    }

    /// How many receivers there are, this one included.
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers.get()
    }

    /// How many values the channel keeps at most.
    pub fn capacity(&self) -> usize {
        self.shared.capacity
    }

    /// Are this receiver and `other` of one channel?
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }

    /// Gives up the place in line that a poll has taken.
    pub(super) fn leave_line(&mut self) {
        self.place = None;
    }
}

impl<T: Clone> Stream for Receiver<T> {
    type Item = Result<T, RecvError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx).map(|received| Some(received).filter(|received| !matches!(received, Err(RecvError::Closed))))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let left = self.shared.receivers.get() - 1;
        self.shared.receivers.set(left);
        // They are woken also if a value's destructor panics.
        let _calls = self.shared.ends.waking();
        if left == 0 {
            self.shared.ends.grant_all(());
        }
        let first = self.shared.first.get();
        let unseen = self.next.max(first) - first..self.shared.end() - first;
        drop(self.shared.see(unseen));
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("broadcast::Receiver").field("len", &self.len()).finish()
    }
}
