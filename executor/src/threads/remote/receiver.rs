//! The end that receives.

use super::{
    channel::{Channel, Shared, drop_each, lock},
    refused::TryRecvError,
};
use crate::{
    threads::locked_wait::poll_locked,
    wake::call::{call, drop_waker},
};
use evenkeel_coop::poll_within_budget;
use futures_core::Stream;
use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    pin::Pin,
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
        drop(state);
        wakers.into_iter().for_each(call);
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
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
