//! The end that receives.

use super::{
    channel::{Channel, Shared, drop_each, lock},
    refused::TryRecvError,
};
use crate::{
    threads::locked_wait::poll_locked,
    wake::call::{call, drop_waker},
};
use evenkeel_coop::{consume_budget, poll_within_budget};
use futures_core::Stream;
use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// The end that receives, on any executor's loop. When it is dropped the channel is closed, and what was not received is dropped.
///
/// A receiver is a [`Stream`] too.
pub struct Receiver<T> {
    shared: Shared<T>,
    /// Items of a channel without a bound, taken all at once: nobody waits for the room that they leave.
    batch: VecDeque<T>,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Shared<T>) -> Receiver<T> {
        Receiver { shared, batch: VecDeque::new() }
    }

    /// The next item, in the order in which they were sent; `None` when there is none left and every sender is gone. Cancel-safe.
    pub async fn recv(&mut self) -> Option<T> {
        /// Dropped when the await is: the receiver waits no more.
        struct Waits<'a, T>(&'a mut Receiver<T>);
        impl<T> Drop for Waits<'_, T> {
            fn drop(&mut self) {
                lock(&self.0.shared).home.leave();
            }
        }
        let waits = Waits(self);
        let item = poll_fn(|cx| waits.0.poll_recv(cx)).await;
        std::mem::forget(waits);
        item
    }

    /// Appends up to `limit` items to `buffer`: waits for one, and takes with it those that are there. How many these were is the result: 0
    /// if nothing more will come, or if `limit` is 0. tokio's `recv_many`.
    ///
    /// Cancel-safe: nothing was appended then.
    ///
    /// ```
    /// use evenkeel::{run, threads::remote};
    ///
    /// run(async {
    ///     let (sender, mut receiver) = remote::channel(10);
    ///     std::thread::spawn(move || (0..5).for_each(|n| sender.send_blocking(n).unwrap()));
    ///     let mut buffer = Vec::new();
    ///     while receiver.recv_into(&mut buffer, 100).await > 0 {}
    ///     assert_eq!(buffer, [0, 1, 2, 3, 4]);
    /// });
    /// ```
    pub async fn recv_into(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        if limit == 0 {
            consume_budget().await;
            return 0;
        }
        let Some(first) = self.recv().await else { return 0 };
        buffer.push(first);
        let mut taken = 1;
        while taken < limit {
            let Ok(item) = self.try_recv() else { break };
            buffer.push(item);
            taken += 1;
        }
        taken
    }

    /// The next item, if it is here.
    ///
    /// # Errors
    ///
    /// If there is none right now, or none will come.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        if let Some(item) = self.batch.pop_front() {
            return Ok(item);
        }
        let mut state = lock(&self.shared);
        state.home.note(false);
        if let Some((item, sender)) = state.pop(&mut self.batch) {
            drop(state);
            sender.into_iter().for_each(call);
            return Ok(item);
        }
        Channel::give_back(&mut state.items);
        Channel::give_back(&mut self.batch);
        Err(if state.is_over() { TryRecvError::Closed } else { TryRecvError::Empty })
    }

    /// Takes nothing any more: senders get their items back. What was sent before can still be received.
    pub fn close(&mut self) {
        let mut state = lock(&self.shared);
        state.closed = true;
        let wakers: Vec<Waker> = state.line.values_mut().filter_map(|unsent| unsent.waker.take()).collect();
        let closers = std::mem::take(&mut state.closers);
        drop(state);
        wakers.into_iter().chain(closers.into_values().flatten()).for_each(call);
    }

    /// Will nothing be sent any more: are all senders gone, or was the channel closed? There may still be items on their way.
    pub fn is_closed(&self) -> bool {
        lock(&self.shared).is_over()
    }

    /// How many items are on their way.
    pub fn len(&self) -> usize {
        self.batch.len() + lock(&self.shared).items.len()
    }

    /// Is no item on its way?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Is there no room right now?
    pub fn is_full(&self) -> bool {
        lock(&self.shared).is_full()
    }

    /// For how many items there is room in all; `None` if that is not bounded. tokio's `max_capacity`.
    pub fn capacity(&self) -> Option<usize> {
        lock(&self.shared).bound()
    }

    /// For how many items more there is room right now; `None` if that is not bounded. tokio's `capacity`.
    pub fn free_capacity(&self) -> Option<usize> {
        lock(&self.shared).free()
    }

    /// How many senders there are: tokio's `sender_strong_count`.
    pub fn sender_count(&self) -> usize {
        lock(&self.shared).senders
    }

    /// How many [`WeakSender`](super::WeakSender)s there are: tokio's `sender_weak_count`.
    pub fn weak_sender_count(&self) -> usize {
        Arc::weak_count(&self.shared)
    }

    /// Polls for the next item: `None` when there is none left and every sender is gone. The newest waker is woken.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        poll_within_budget(cx, |cx| self.poll_item(cx))
    }

    #[inline]
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(item) = self.batch.pop_front() {
            return Poll::Ready(Some(item));
        }
        let is_there = |state: &mut Channel<T>| {
            let is_there = state.is_there();
            state.home.note(!is_there);
            if !is_there {
                Channel::give_back(&mut state.items);
            }
            is_there
        };
        let Poll::Ready(mut state) = poll_locked(cx, || lock(&self.shared), is_there, |state| &mut state.receiver)
        else {
            Channel::give_back(&mut self.batch);
            return Poll::Pending;
        };
        let item = state.pop(&mut self.batch).map(|(item, sender)| {
            drop(state);
            sender.into_iter().for_each(call);
            item
        });
        Poll::Ready(item)
    }
}

/// Nothing in it is ever pinned.
impl<T> Unpin for Receiver<T> {}

impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.close();
        let (items, waker) = {
            let mut state = lock(&self.shared);
            (std::mem::take(&mut state.items), state.receiver.take())
        };
        waker.into_iter().for_each(drop_waker);
        drop_each(std::mem::take(&mut self.batch).into_iter().chain(items));
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (items, senders) = {
            let state = lock(&self.shared);
            (self.batch.len() + state.items.len(), state.senders)
        };
        f.debug_struct("Receiver").field("items", &items).field("senders", &senders).finish()
    }
}
