//! Waiting for the end of a channel.

use super::{
    channel::{Channel, Shared, lock},
    sender::Sender,
};
use crate::{threads::locked_wait::poll_locked, wake::call::drop_waker};
use evenkeel_coop::poll_within_budget;
use std::{
    future::poll_fn,
    task::{Context, Poll, ready},
};

impl<T> Sender<T> {
    /// Waits until the receiver is gone, or was closed, in any executor's task. So work that nobody wants can be given up.
    ///
    /// Cancel-safe.
    ///
    /// ```
    /// use evenkeel::{run, threads::remote};
    ///
    /// run(async {
    ///     let (sender, receiver) = remote::channel::<u8>(1);
    ///     let thread = std::thread::spawn(move || drop(receiver));
    ///     sender.closed().await;
    ///     thread.join().unwrap();
    /// });
    /// ```
    pub async fn closed(&self) {
        let mut waits = Waits { shared: &self.0, ticket: None };
        poll_fn(|cx| poll_within_budget(cx, |cx| waits.poll(cx))).await;
    }
}

/// One who waits for the end. Dropped, it does no more.
struct Waits<'a, T> {
    shared: &'a Shared<T>,
    /// Under which its waker lies, since it waits.
    ticket: Option<u64>,
}

impl<T> Waits<'_, T> {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let ticket = *self.ticket.get_or_insert_with(|| lock(self.shared).next_ticket());
        let is_there = |state: &mut Channel<T>| state.closed;
        let lock = || lock(self.shared);
        let _state = ready!(poll_locked(cx, lock, is_there, |state| state.closers.entry(ticket).or_default()));
        Poll::Ready(())
    }
}

impl<T> Drop for Waits<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let waker = lock(self.shared).closers.remove(&ticket);
            waker.flatten().into_iter().for_each(drop_waker);
        }
    }
}
