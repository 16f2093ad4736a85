//! The end that sends.

use super::{
    channel::{Channel, Shared, Unsent, lock},
    refused::{Refused, SendError},
};
use crate::{
    threads::locked_wait::poll_locked,
    wake::{call::call, calls::Calls},
};
use evenkeel_coop::poll_within_budget;
use std::{
    fmt,
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    thread::ThreadId,
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

    /// Sends an item, and waits for room, in any executor's task. Senders get room in the order in which they came.
    ///
    /// Cancel-safe: an item that was not sent when this is dropped is dropped with it. [`send_until`](Self::send_until) gives it back.
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

    /// Sends an item as [`send`](Self::send) does, unless `end` ends before: then the item comes back. With a sleep as the end it is tokio's
    /// `send_timeout`. Where there is room the item is sent, whatever `end` says.
    ///
    /// Cancel-safe as [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// With the item: [`Refused::TooLate`] if `end` came first, [`Refused::Closed`] if the receiver is gone.
    ///
    /// ```
    /// use evenkeel::{sleep, testing, threads::remote::{self, Refused, SendError}};
    /// use std::time::Duration;
    ///
    /// testing::run(async {
    ///     let (sender, _receiver) = remote::channel(1);
    ///     let limit = Duration::from_millis(5);
    ///     assert_eq!(sender.send_until("a", sleep(limit)).await, Ok(()));
    ///     assert_eq!(sender.send_until("b", sleep(limit)).await, Err(SendError("b", Refused::TooLate)));
    /// });
    /// ```
    pub async fn send_until(&self, item: T, end: impl Future<Output = ()>) -> Result<(), SendError<T>> {
        let mut send = self.send(item);
        let mut end = pin!(end);
        let outcome = poll_fn(|cx| match Pin::new(&mut send).poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending => end.as_mut().poll(cx).map(|()| None),
        });
        match outcome.await {
            Some(outcome) => outcome,
            None => send.give_up(),
        }
    }

    /// Where the receiver is, as far as that is known.
    pub(super) fn home(&self) -> (Option<Arc<Calls>>, Option<ThreadId>) {
        lock(&self.0).home.known()
    }

    #[inline]
    pub(super) fn push(&self, item: T) -> Result<(), (T, Refused)> {
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

impl<T> Sender<T> {
    /// Is sending in vain: is the receiver gone, or was the channel closed?
    pub fn is_closed(&self) -> bool {
        lock(&self.0).closed
    }

    /// How many items are on their way. Those that the receiver of a channel without a bound has fetched already, to receive them one by one,
    /// are not counted.
    pub fn len(&self) -> usize {
        lock(&self.0).items.len()
    }

    /// Is no item on its way, as [`len`](Self::len) counts them?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Is there no room right now?
    pub fn is_full(&self) -> bool {
        lock(&self.0).is_full()
    }

    /// For how many items there is room in all; `None` if that is not bounded. tokio's `max_capacity`; what tokio calls `capacity` is
    /// [`free_capacity`](Self::free_capacity).
    pub fn capacity(&self) -> Option<usize> {
        lock(&self.0).bound()
    }

    /// For how many items more there is room right now; `None` if that is not bounded. tokio's `capacity`.
    pub fn free_capacity(&self) -> Option<usize> {
        lock(&self.0).free()
    }

    /// How many senders there are: tokio's `strong_count`.
    pub fn sender_count(&self) -> usize {
        lock(&self.0).senders
    }

    /// How many [`WeakSender`](super::WeakSender)s there are: tokio's `weak_count`.
    pub fn weak_sender_count(&self) -> usize {
        Arc::weak_count(&self.0)
    }

    /// Are this sender and `other` of one channel?
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
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
    /// Ends the wait now, and says what came of it.
    pub(super) fn give_up(&mut self) -> Result<(), SendError<T>> {
        let (item, refused) = match std::mem::replace(&mut self.stage, SendStage::Over) {
            SendStage::New(item) => (item, Refused::TooLate),
            SendStage::InLine(ticket) => {
                let mut state = lock(&self.sender.0);
                let refused = if state.closed { Refused::Closed } else { Refused::TooLate };
                let unsent = state.line.remove(&ticket);
                drop(state);
                match unsent {
                    Some(unsent) => (unsent.into_item(), refused),
                    None => return Ok(()),
                }
            }
            SendStage::Over => over(),
        };
        Err(SendError(item, refused))
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        match std::mem::replace(&mut self.stage, SendStage::Over) {
            SendStage::New(item) => match self.sender.push(item) {
                Ok(()) => Poll::Ready(Ok(())),
                Err((item, Refused::Full)) => self.stand_in_line(item, cx),
                Err((item, refused)) => Poll::Ready(Err(SendError(item, refused))),
            },
            SendStage::InLine(ticket) => self.look(ticket, cx),
            SendStage::Over => over(),
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
        let ticket = state.next_ticket();
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

#[cold]
fn over() -> ! {
    panic!("a send was polled after it had ended")
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
