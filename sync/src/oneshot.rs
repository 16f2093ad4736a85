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
        sender_gone: Cell::new(false),
        receiver_gone: Cell::new(false),
        receiver: Place(Cell::new(None)),
        sender: Place(Cell::new(None)),
    });
    (Sender(sender), Receiver(receiver))
}

struct Exchange<T> {
    value: Cell<Option<T>>,
    /// The sender has sent, or never will.
    sender_gone: Cell<bool>,
    receiver_gone: Cell<bool>,
    /// Where the receiver waits for the value.
    receiver: Place,
    /// Where the sender waits for the receiver's end.
    sender: Place,
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
        if self.0.receiver_gone.get() {
            return Err(value);
        }
        self.0.sender_gone.set(true);
        self.0.value.set(Some(value));
        self.0.receiver.wake();
        Ok(())
    }

    /// Is sending in vain: is the receiver gone or closed?
    pub fn is_closed(&self) -> bool {
        self.0.receiver_gone.get()
    }

    /// Waits until sending is in vain, so that work nobody wants can be given up.
    ///
    /// Cancel-safe.
    pub async fn closed(&mut self) {
        poll_fn(|cx| {
            poll_within_budget(cx, |cx| {
                if !self.0.receiver_gone.get() {
                    self.0.sender.keep(cx.waker());
                    if !self.0.receiver_gone.get() {
                        wait_hook::waits("oneshot::Sender::closed", &*self.0);
                        return Poll::Pending;
                    }
                }
                Poll::Ready(())
            })
        })
        .await;
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
            None if self.is_over() => Err(TryGetError::Closed),
            None => Err(TryGetError::Empty),
        }
    }

    /// Ends the channel from this side: sending fails from now on. One that was sent before can still be received.
    pub fn close(&mut self) {
        self.0.receiver_gone.set(true);
        self.0.sender.wake();
    }

    fn is_over(&self) -> bool {
        self.0.sender_gone.get() || self.0.receiver_gone.get()
    }

    /// The task's poll has no budget left: the outcome is given in the next one.
    #[cold]
    fn give_way(&self, outcome: Result<T, Closed>, cx: &Context<'_>) -> Poll<Result<T, Closed>> {
        if let Ok(value) = outcome {
            self.0.value.set(Some(value));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Waits, unless the value comes while the waker is cloned.
    #[inline(never)]
    fn wait(&self, cx: &Context<'_>) -> Poll<Result<T, Closed>> {
        self.0.receiver.keep(cx.waker());
        if !self.is_over() {
            wait_hook::waits("oneshot::Receiver", &*self.0);
            return Poll::Pending;
        }
        // The waker's destructor may panic, so it goes before the value is taken.
        drop(self.0.receiver.0.take());
        self.look()
    }

    #[inline]
    fn look(&self) -> Poll<Result<T, Closed>> {
        match self.0.value.take() {
            Some(value) => Poll::Ready(Ok(value)),
            None if self.is_over() => Poll::Ready(Err(Closed)),
            None => Poll::Pending,
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Closed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.look() {
            Poll::Ready(outcome) if try_consume_budget() => Poll::Ready(outcome),
            Poll::Ready(outcome) => self.give_way(outcome, cx),
            Poll::Pending => self.wait(cx),
        }
    }
}

impl<T> Drop for Sender<T> {
    #[inline]
    fn drop(&mut self) {
        let waker = self.0.sender.0.take();
        if !self.0.sender_gone.replace(true) {
            self.0.receiver.wake();
        }
        drop(waker);
    }
}

impl<T> Drop for Receiver<T> {
    #[inline]
    fn drop(&mut self) {
        self.0.receiver_gone.set(true);
        // The sender may live on for long: what nobody will receive goes now.
        let unseen = (self.0.receiver.0.take(), self.0.value.take());
        self.0.sender.wake();
        drop(unseen);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("oneshot::Sender").field("is_closed", &self.is_closed()).finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("oneshot::Receiver").field("sender_gone", &self.0.sender_gone.get()).finish()
    }
}
