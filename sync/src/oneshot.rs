//! The oneshot channel: one value, once.
//!
//! There can be only one who waits at each end, so the line is one place long: a cell for a waker.
//!
//! ```
//! use evenkeel::sync::{Closed, oneshot};
//!
//! # futures::executor::block_on(async {
//! let (sender, receiver) = oneshot::channel();
//! sender.send("hello").unwrap();
//! assert_eq!(receiver.await, Ok("hello"));
//!
//! let (sender, receiver) = oneshot::channel::<()>();
//! drop(sender);
//! assert_eq!(receiver.await, Err(Closed));
//! # });
//! ```

use crate::{calls::call, closed::Closed, queue::TryGetError, raw::twin::Twin, wait_hook};
use evenkeel_coop::{poll_within_budget, try_consume_budget};
use std::{
    cell::Cell,
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// A channel for one value.
#[inline]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = Twin::pair(|| Exchange {
        value: Cell::new(None),
        sender_end: Cell::new(SenderEnd::There),
        receiver_end: Cell::new(ReceiverEnd::Open),
        receiver: Place(Cell::new(None)),
        sender: Place(Cell::new(None)),
    });
    (Sender(sender), Receiver(receiver))
}

struct Exchange<T> {
    value: Cell<Option<T>>,
    sender_end: Cell<SenderEnd>,
    receiver_end: Cell<ReceiverEnd>,
    /// Where the receiver waits for the value.
    receiver: Place,
    /// Where the sender waits for the receiver's end.
    sender: Place,
}

/// How the sender is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SenderEnd {
    There,
    HasSent,
    /// It went without sending.
    Gone,
}

/// How the receiver is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReceiverEnd {
    Open,
    /// It is gone, or was closed.
    Closed,
    /// It was told that nothing comes, or nothing more.
    Told,
}

/// A place for one who waits.
struct Place(Cell<Option<Waker>>);

impl Place {
    /// Stores the waker, if it is another. Cloning and dropping wakers is foreign code: look again at what is waited for
    /// after this.
    #[inline]
    fn keep(&self, waker: &Waker) {
        let old = self.0.take();
        let same = old.as_ref().is_some_and(|old| old.will_wake(waker));
        if old.is_some() {
            // Back in place while the newer one is cloned, which may panic.
            self.0.set(old);
        }
        if !same {
            let newer = waker.clone();
            drop(self.0.replace(Some(newer)));
        }
    }

    #[inline]
    fn wake(&self) {
        if let Some(waker) = self.0.take() {
            call(waker);
        }
    }
}

/// A waker that is called when this is dropped: after a destructor, and also if that panics.
struct Call(Option<Waker>);

impl Drop for Call {
    #[inline]
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            call(waker);
        }
    }
}

/// The end that sends. Dropped without sending, the receiver gets [`Closed`].
pub struct Sender<T>(Twin<Exchange<T>>);

/// The end that receives: a future of the value.
///
/// Cancel-safe: dropped, the sender is told; polled by reference, it can be waited for again.
#[must_use = "nothing is received until this is awaited"]
pub struct Receiver<T>(Twin<Exchange<T>>);

impl<T> Sender<T> {
    /// Sends the value.
    ///
    /// # Errors
    ///
    /// The value, if the receiver is gone or was closed.
    #[inline]
    pub fn send(self, value: T) -> Result<(), T> {
        if self.is_closed() {
            return Err(value);
        }
        self.0.sender_end.set(SenderEnd::HasSent);
        self.0.value.set(Some(value));
        self.0.receiver.wake();
        Ok(())
    }

    /// Is sending in vain: is the receiver gone or closed?
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.0.receiver_end.get() != ReceiverEnd::Open
    }

    /// Waits until sending is in vain, so that work nobody wants can be given up.
    ///
    /// Cancel-safe.
    pub async fn closed(&mut self) {
        poll_fn(|cx| self.poll_closed(cx)).await;
    }

    /// Polls for the time from which sending is in vain. The last task that polled is woken then.
    ///
    /// ```
    /// use evenkeel::sync::oneshot;
    /// use std::future::poll_fn;
    ///
    /// # futures::executor::block_on(async {
    /// let (mut sender, receiver) = oneshot::channel::<u8>();
    /// futures::join!(poll_fn(|cx| sender.poll_closed(cx)), async { drop(receiver) });
    /// assert_eq!(sender.send(1), Err(1));
    /// # });
    /// ```
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        poll_within_budget(cx, |cx| {
            if !self.is_closed() {
                self.0.sender.keep(cx.waker());
                if !self.is_closed() {
                    wait_hook::waits("oneshot::Sender::closed", &*self.0);
                    return Poll::Pending;
                }
            }
            Poll::Ready(())
        })
    }
}

impl<T> Receiver<T> {
    /// Takes the value, if it was sent.
    ///
    /// # Errors
    ///
    /// [`TryGetError::Empty`] while it may still come, [`TryGetError::Closed`] if it will not, or was received before.
    pub fn try_recv(&mut self) -> Result<T, TryGetError> {
        match self.0.value.take() {
            Some(value) => Ok(value),
            None if self.is_closed() => {
                self.0.receiver_end.set(ReceiverEnd::Told);
                Err(TryGetError::Closed)
            }
            None => Err(TryGetError::Empty),
        }
    }

    /// Ends the channel from this side: sending fails from now on. One that was sent before can still be received.
    pub fn close(&mut self) {
        if self.0.receiver_end.get() == ReceiverEnd::Open {
            self.0.receiver_end.set(ReceiverEnd::Closed);
        }
        self.0.sender.wake();
    }

    /// Can nothing be sent any more: has the sender sent, or is it gone, or was this end closed? What was sent can still be received.
    ///
    /// ```
    /// use evenkeel::sync::oneshot;
    ///
    /// let (sender, mut receiver) = oneshot::channel();
    /// assert!(!receiver.is_closed() && receiver.is_empty());
    /// sender.send(1).unwrap();
    /// assert!(receiver.is_closed() && !receiver.is_empty() && !receiver.is_terminated());
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert!(receiver.is_empty() && receiver.is_terminated());
    /// ```
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.0.sender_end.get() != SenderEnd::There || self.0.receiver_end.get() != ReceiverEnd::Open
    }

    /// Is there no value to be received now?
    pub fn is_empty(&self) -> bool {
        let value = self.0.value.take();
        let is_empty = value.is_none();
        self.0.value.set(value);
        is_empty
    }

    /// Has this receiver given its value, or the error that none comes? A loop that waits for several futures at once leaves it out then.
    ///
    /// Whoever awaits it all the same gets [`Closed`], again and again. (tokio's panics.)
    pub fn is_terminated(&self) -> bool {
        self.0.receiver_end.get() == ReceiverEnd::Told
            || self.0.sender_end.get() == SenderEnd::HasSent && self.is_empty()
    }

    /// The task's poll has no budget left: the outcome is given in the next one.
    #[cold]
    fn give_way(&self, value: Option<T>, cx: &Context<'_>) -> Poll<Result<T, Closed>> {
        self.0.value.set(value);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Waits, unless the value comes while the waker is cloned.
    #[inline(never)]
    fn wait(&self, cx: &Context<'_>) -> Poll<Result<T, Closed>> {
        self.0.receiver.keep(cx.waker());
        if !self.is_closed() {
            wait_hook::waits("oneshot::Receiver", &*self.0);
            return Poll::Pending;
        }
        // The waker's destructor may panic, so it goes before the value is taken.
        drop(self.0.receiver.0.take());
        self.0.value.take().map_or_else(|| self.tell(), |value| Poll::Ready(Ok(value)))
    }

    /// Tells that nothing comes, or nothing more.
    fn tell(&self) -> Poll<Result<T, Closed>> {
        self.0.receiver_end.set(ReceiverEnd::Told);
        Poll::Ready(Err(Closed))
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Closed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let value = self.0.value.take();
        if value.is_none() && !self.is_closed() {
            return self.wait(cx);
        }
        if !try_consume_budget() {
            return self.give_way(value, cx);
        }
        match value {
            Some(value) => Poll::Ready(Ok(value)),
            None => self.tell(),
        }
    }
}

impl<T> Drop for Sender<T> {
    #[inline]
    fn drop(&mut self) {
        let waker = self.0.sender.0.take();
        if self.0.sender_end.get() == SenderEnd::There {
            self.0.sender_end.set(SenderEnd::Gone);
            let _call = Call(self.0.receiver.0.take());
            drop(waker);
        }
    }
}

impl<T> Drop for Receiver<T> {
    #[inline]
    fn drop(&mut self) {
        self.0.receiver_end.set(ReceiverEnd::Closed);
        // The sender may live on for long: what nobody will receive goes now.
        let _call = Call(self.0.sender.0.take());
        drop((self.0.receiver.0.take(), self.0.value.take()));
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("oneshot::Sender").field("is_closed", &self.is_closed()).finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("oneshot::Receiver").field("sender", &self.0.sender_end.get()).finish()
    }
}
