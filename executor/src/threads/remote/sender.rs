//! The end that sends.

use super::{
    channel::{Channel, Shared, Unsent, lock},
    refused::{Refused, SendError},
};
use crate::{
    threads::{absence::Absence, locked_wait::poll_locked},
    wake::{call::call, sleeper::Sleeper},
};
use evenkeel_coop::{poll_within_budget, without_budget};
use std::{
    fmt,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker, ready},
    thread,
};

/// The end that sends, from any thread and any executor. The channel ends when the last clone is dropped and what was sent is
/// received.
pub struct Sender<T>(pub(super) Shared<T>);

impl<T: Send> Sender<T> {
    /// Sends an item if there is room and nobody waits for it.
    ///
    /// # Errors
    ///
    /// With the item, if there is no room, or if the receiver is gone.
    pub fn try_send(&self, item: T) -> Result<(), SendError<T>> {
        self.push(item).map_err(|(item, refused)| SendError(item, refused))
    }

    /// Sends an item, and blocks this thread until there is room. Senders get room in the order in which they came. A thread of
    /// [`to_thread`](crate::to_thread())'s whose own loop is to receive does not count as busy meanwhile, so the receiver may await other
    /// jobs; a [`ThreadLimiter`](crate::ThreadLimiter) bounds how many jobs block there.
    ///
    /// # Errors
    ///
    /// With the item, if the receiver is gone; and if there is no room and this is the receiver's own thread, which could never make
    /// any. That is known of a receiver that was last used in an executor of this thread that has not ended, or that waits on this
    /// thread in an executor of another kind. It is not known of a receiver that was never used, or only outside executors: then
    /// this blocks, for ever if the receiver is here. A receiver that has moved to another thread counts as being there from its
    /// first use there.
    pub fn send_blocking(&self, item: T) -> Result<(), SendError<T>> {
        let item = match self.push(item) {
            Ok(()) => return Ok(()),
            Err((item, Refused::Full)) => item,
            Err((item, refused)) => return Err(SendError(item, refused)),
        };
        let (executor, foreign) = lock(&self.0).home.known();
        if foreign == Some(thread::current().id()) || executor.as_ref().is_some_and(|executor| executor.lives_here()) {
            return Err(SendError(item, Refused::OwnThread));
        }
        // A pool's thread that waits for its own loop is not busy meanwhile.
        let absence = if foreign.is_some() { None } else { Absence::for_receiver(executor.as_deref()) };
        let unpark = Arc::new(Unpark { sleeper: Sleeper::new(), absence });
        let waker = Waker::from(unpark.clone());
        let mut cx = Context::from_waker(&waker);
        let mut send = pin!(self.send(item));
        loop {
            // The thread blocks: to give way would be in vain.
            if let Poll::Ready(outcome) = without_budget(|| send.as_mut().poll(&mut cx)) {
                unpark.absence.iter().for_each(|absence| absence.end());
                return outcome;
            }
            // The receiver is mostly at work, and makes room soon.
            if unpark.sleeper.linger().is_some() {
                // What ends it stands in line now.
                unpark.absence.iter().for_each(|absence| absence.begin(None));
                // A token that is left from something else makes one more poll.
                unpark.sleeper.sleep(None);
            }
        }
    }

    /// Sends an item, and waits for room, in any executor's task. Senders get room in the order in which they came.
    ///
    /// Cancel-safe: an item that was not sent when this is dropped is dropped with it.
    ///
    /// # Errors
    ///
    /// With the item, if the receiver is gone.
    ///
    /// ```
    /// use evenkeel::{run, threads::remote};
    ///
    /// let (sender, mut receiver) = remote::channel(1);
    /// let other = std::thread::spawn(move || {
    ///     run(async {
    ///         for n in 0..100 {
    ///             sender.send(n).await.unwrap();
    ///         }
    ///     })
    /// });
    /// run(async {
    ///     for n in 0..100 {
    ///         assert_eq!(receiver.recv().await, Some(n));
    ///     }
    ///     assert_eq!(receiver.recv().await, None);
    /// });
    /// other.join().unwrap();
    /// ```
    pub fn send(&self, item: T) -> Sending<'_, T> {
        Sending { sender: self, stage: SendStage::New(item) }
    }

    /// Is the receiver gone?
    pub fn is_closed(&self) -> bool {
        lock(&self.0).closed
    }

    #[inline]
    fn push(&self, item: T) -> Result<(), (T, Refused)> {
        let mut state = lock(&self.0);
        if state.closed {
            return Err((item, Refused::Closed));
        }
        if !state.has_room() {
            return Err((item, Refused::Full));
        }
        state.items.push_back(item);
        let receiver = state.receiver.take();
        drop(state);
        receiver.into_iter().for_each(call);
        Ok(())
    }
}

/// The future of [`Sender::send`].
#[must_use = "nothing is sent until this is awaited"]
pub struct Sending<'a, T> {
    sender: &'a Sender<T>,
    stage: SendStage<T>,
}

enum SendStage<T> {
    New(T),
    /// The item lies in line under this ticket, or has been sent.
    InLine(u64),
    Over,
}

/// The item is moved, never pinned.
impl<T> Unpin for Sending<'_, T> {}

impl<T: Send> Future for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        poll_within_budget(cx, |cx| self.poll_sent(cx))
    }
}

impl<T: Send> Sending<'_, T> {
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        match std::mem::replace(&mut self.stage, SendStage::Over) {
            SendStage::New(item) => match self.sender.push(item) {
                Ok(()) => Poll::Ready(Ok(())),
                Err((item, Refused::Full)) => self.stand_in_line(item, cx),
                Err((item, refused)) => Poll::Ready(Err(SendError(item, refused))),
            },
            SendStage::InLine(ticket) => self.look(ticket, cx),
            SendStage::Over => panic!("a send was polled after it had ended"),
        }
    }

    fn stand_in_line(&mut self, item: T, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let waker = cx.waker().clone();
        let mut state = lock(&self.sender.0);
        if state.closed {
            drop(state);
            // It may panic: before there is a result, which would be leaked then.
            drop(waker);
            return Poll::Ready(Err(SendError(item, Refused::Closed)));
        }
        if state.has_room() {
            // The receiver has made room meanwhile.
            state.items.push_back(item);
            let receiver = state.receiver.take();
            drop(state);
            receiver.into_iter().for_each(call);
            return Poll::Ready(Ok(()));
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.line.insert(ticket, Unsent { item, waker: Some(waker) });
        drop(state);
        self.stage = SendStage::InLine(ticket);
        Poll::Pending
    }

    fn look(&mut self, ticket: u64, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        // In line until it is known not to be: wakers may panic.
        self.stage = SendStage::InLine(ticket);
        let is_there = |state: &mut Channel<T>| state.closed || !state.line.contains_key(&ticket);
        let lock = || lock(&self.sender.0);
        let mut state = ready!(poll_locked(cx, lock, is_there, |state| match state.line.get_mut(&ticket) {
            Some(unsent) => &mut unsent.waker,
            None => unreachable!("then its item was sent"),
        }));
        let refused = state.line.remove(&ticket);
        drop(state);
        self.stage = SendStage::Over;
        Poll::Ready(match refused {
            Some(unsent) => Err(SendError(unsent.item, Refused::Closed)),
            None => Ok(()),
        })
    }
}

impl<T> Drop for Sending<'_, T> {
    fn drop(&mut self) {
        if let SendStage::InLine(ticket) = self.stage {
            let unsent = lock(&self.sender.0).line.remove(&ticket);
            unsent.into_iter().for_each(|unsent| drop(unsent.into_item()));
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        lock(&self.0).senders += 1;
        Sender(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.senders -= 1;
        let receiver = if state.senders == 0 { state.receiver.take() } else { None };
        drop(state);
        receiver.into_iter().for_each(call);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (items, closed) = {
            let state = lock(&self.0);
            (state.items.len(), state.closed)
        };
        f.debug_struct("Sender").field("items", &items).field("closed", &closed).finish()
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            SendStage::New(_) => "not started",
            SendStage::InLine(_) => "waiting",
            SendStage::Over => "over",
        };
        write!(f, "Sending({stage})")
    }
}

/// Wakes a thread that blocks, and ends its absence before.
struct Unpark {
    sleeper: Sleeper,
    absence: Option<Arc<Absence>>,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.absence.iter().for_each(|absence| absence.end());
        self.sleeper.call();
    }
}
