//! Data from other threads to the loop: a bounded channel whose senders may be anywhere.
//!
//! ```
//! use evenkeel_executor::{remote, run};
//!
//! let lines = run(async {
//!     let (sender, mut receiver) = remote::channel(2);
//!     std::thread::spawn(move || {
//!         for line in ["one", "two", "three"] {
//!             sender.send_blocking(line).unwrap();
//!         }
//!     });
//!     let mut lines = Vec::new();
//!     while let Some(line) = receiver.recv().await {
//!         lines.push(line);
//!     }
//!     lines
//! });
//! assert_eq!(lines, ["one", "two", "three"]);
//! ```
//!
//! # Implementation notes
//!
//! Everything lies under one lock. An item is in exactly one place: with its sender, in the queue, or with the receiver. A sender who
//! finds no room leaves its item in line, under a ticket; the receiver moves the oldest of those into the queue whenever it takes an
//! item, and tickets that are no longer in line are sent. So nobody overtakes who waits, and a sender that is dropped while it waits
//! takes its item with it. Wakers are cloned before, and called and dropped after the lock is held, and so are items.

use crate::{
    join_error::Panic,
    unhandled::{Cause, report_unhandled},
};
use futures_core::Stream;
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread, ThreadId},
};

/// A channel with room for `capacity` items.
///
/// # Panics
///
/// If `capacity` is zero.
#[track_caller]
pub fn channel<T: Send>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a remote channel without room could take nothing: give it room for at least one item");
    let state = State {
        items: VecDeque::with_capacity(capacity.min(64)),
        capacity,
        line: BTreeMap::new(),
        next_ticket: 0,
        senders: 1,
        receiver: None,
        home: None,
        closed: false,
    };
    let shared = Arc::new(Mutex::new(state));
    (Sender(shared.clone()), Receiver(shared))
}

struct State<T> {
    items: VecDeque<T>,
    capacity: usize,
    /// Senders that wait for room, by ticket.
    line: BTreeMap<u64, Waiting<T>>,
    next_ticket: u64,
    senders: usize,
    /// Wakes the receiver, which waits.
    receiver: Option<Waker>,
    /// The thread on which the receiver waited last.
    home: Option<ThreadId>,
    /// Nothing is taken any more.
    closed: bool,
}

struct Waiting<T> {
    item: T,
    /// `None` once it was called.
    waker: Option<Waker>,
}

impl<T> State<T> {
    fn has_room(&self) -> bool {
        self.items.len() < self.capacity && self.line.is_empty()
    }

    /// The oldest item, and the waker of the sender who gets its room.
    fn pop(&mut self) -> Option<(T, Option<Waker>)> {
        let item = self.items.pop_front()?;
        if self.closed {
            return Some((item, None));
        }
        let next = self.line.pop_first().and_then(|(_, waiting)| {
            self.items.push_back(waiting.item);
            waiting.waker
        });
        Some((item, next))
    }
}

type Shared<T> = Arc<Mutex<State<T>>>;

fn lock<T>(shared: &Shared<T>) -> MutexGuard<'_, State<T>> {
    // Nothing foreign runs in a critical section.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The waker may be anybody's.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            report_unhandled(Cause::WakerPanicked(Panic::new(payload)));
        }
    }
}

/// The end that sends, from any thread and any executor. The channel ends when the last clone is dropped and what was sent is
/// received.
pub struct Sender<T>(Shared<T>);

/// The end that receives, on any executor's loop. When it is dropped the channel is closed, and what was not received is dropped.
///
/// It is a [`Stream`] too.
pub struct Receiver<T>(Shared<T>);

/// An item that was not sent, and why.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{1}")]
pub struct SendError<T>(
    /// The item.
    pub T,
    /// Why it was not sent.
    pub Refused,
);

/// Why an item was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// There was no room, or others wait for it.
    #[error("the channel is full: await send(), or do without the item")]
    Full,
    /// The receiver is gone.
    #[error("the channel is closed: nobody is left to receive the item")]
    Closed,
    /// There was no room, and blocking on the receiver's own thread would never end.
    #[error("the channel is full, and waiting on the receiver's own thread would never end: await send() there")]
    OwnThread,
}

impl<T> SendError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Was there no room?
    pub fn is_full(&self) -> bool {
        self.1 == Refused::Full
    }

    /// Is the receiver gone?
    pub fn is_closed(&self) -> bool {
        self.1 == Refused::Closed
    }
}

/// An item need not be `Debug` for its error to be.
impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendError").field(&format_args!("…")).field(&self.1).finish()
    }
}

/// Why there is no item right now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TryRecvError {
    /// There is none.
    #[error("the channel is empty: await recv()")]
    Empty,
    /// There is none, and none will come.
    #[error("the channel is closed and empty: nothing more will come")]
    Closed,
}

impl<T: Send> Sender<T> {
    /// Sends an item if there is room and nobody waits for it.
    ///
    /// # Errors
    ///
    /// With the item, if there is no room, or if the receiver is gone.
    pub fn try_send(&self, item: T) -> Result<(), SendError<T>> {
        self.push(item).map_err(|(item, refused)| SendError(item, refused))
    }

    /// Sends an item, and blocks this thread until there is room. Senders get room in the order in which they came.
    ///
    /// # Errors
    ///
    /// With the item, if the receiver is gone; and if there is no room and this is the thread on which the receiver waits, which
    /// could never make any.
    pub fn send_blocking(&self, item: T) -> Result<(), SendError<T>> {
        let item = match self.push(item) {
            Ok(()) => return Ok(()),
            Err((item, Refused::Full)) if self.is_at_home() => return Err(SendError(item, Refused::OwnThread)),
            Err((item, Refused::Full)) => item,
            Err((item, refused)) => return Err(SendError(item, refused)),
        };
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut cx = Context::from_waker(&waker);
        let mut send = pin!(self.send(item));
        loop {
            if let Poll::Ready(outcome) = send.as_mut().poll(&mut cx) {
                return outcome;
            }
            // A token that is left from something else makes one more poll.
            thread::park();
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
    /// use evenkeel_executor::{remote, run};
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
        Sending { sender: self, stage: Stage::New(item) }
    }

    /// Is the receiver gone?
    pub fn is_closed(&self) -> bool {
        lock(&self.0).closed
    }

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
        wake(receiver);
        Ok(())
    }

    fn is_at_home(&self) -> bool {
        lock(&self.0).home == Some(thread::current().id())
    }
}

/// The future of [`Sender::send`].
#[must_use = "nothing is sent until this is awaited"]
pub struct Sending<'a, T> {
    sender: &'a Sender<T>,
    stage: Stage<T>,
}

enum Stage<T> {
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
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::New(item) => match self.sender.push(item) {
                Ok(()) => Poll::Ready(Ok(())),
                Err((item, Refused::Full)) => self.stand_in_line(item, cx),
                Err((item, refused)) => Poll::Ready(Err(SendError(item, refused))),
            },
            Stage::InLine(ticket) => self.look(ticket, cx),
            Stage::Over => panic!("a send was polled after it had ended"),
        }
    }
}

impl<T: Send> Sending<'_, T> {
    fn stand_in_line(&mut self, item: T, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let waker = cx.waker().clone();
        let mut state = lock(&self.sender.0);
        if state.closed {
            return Poll::Ready(Err(SendError(item, Refused::Closed)));
        }
        if state.has_room() {
            // The receiver has made room meanwhile.
            state.items.push_back(item);
            let receiver = state.receiver.take();
            drop(state);
            wake(receiver);
            return Poll::Ready(Ok(()));
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.line.insert(ticket, Waiting { item, waker: Some(waker) });
        drop(state);
        self.stage = Stage::InLine(ticket);
        Poll::Pending
    }

    fn look(&mut self, ticket: u64, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let newest = cx.waker().clone();
        let mut state = lock(&self.sender.0);
        if state.closed {
            let refused = state.line.remove(&ticket);
            drop(state);
            return Poll::Ready(match refused {
                Some(waiting) => Err(SendError(waiting.item, Refused::Closed)),
                None => Ok(()),
            });
        }
        let Some(waiting) = state.line.get_mut(&ticket) else { return Poll::Ready(Ok(())) };
        let old = waiting.waker.replace(newest);
        drop(state);
        drop(old);
        self.stage = Stage::InLine(ticket);
        Poll::Pending
    }
}

impl<T> Drop for Sending<'_, T> {
    fn drop(&mut self) {
        if let Stage::InLine(ticket) = self.stage {
            let unsent = lock(&self.sender.0).line.remove(&ticket);
            drop(unsent);
        }
    }
}

impl<T> Receiver<T> {
    /// The next item, in the order in which they were sent; `None` when there is none left and every sender is gone. Cancel-safe.
    pub async fn recv(&mut self) -> Option<T> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// The next item, if it is here.
    ///
    /// # Errors
    ///
    /// If there is none right now, or none will come.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let mut state = lock(&self.0);
        if let Some((item, sender)) = state.pop() {
            drop(state);
            wake(sender);
            return Ok(item);
        }
        Err(if state.is_over() { TryRecvError::Closed } else { TryRecvError::Empty })
    }

    /// Takes nothing any more: senders get their items back. What was sent before can still be received.
    pub fn close(&mut self) {
        let mut state = lock(&self.0);
        state.closed = true;
        let wakers: Vec<Waker> = state.line.values_mut().filter_map(|waiting| waiting.waker.take()).collect();
        drop(state);
        wakers.into_iter().for_each(|waker| wake(Some(waker)));
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut newest = None;
        loop {
            let mut state = lock(&self.0);
            if let Some((item, sender)) = state.pop() {
                drop(state);
                wake(sender);
                return Poll::Ready(Some(item));
            }
            if state.is_over() {
                return Poll::Ready(None);
            }
            if state.receiver.as_ref().is_some_and(|stored| stored.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            if let Some(newest) = newest.take() {
                state.home = Some(thread::current().id());
                let old = state.receiver.replace(newest);
                drop(state);
                drop(old);
                return Poll::Pending;
            }
            // A clone of a foreign waker may do anything, so it is made without the lock.
            drop(state);
            newest = Some(cx.waker().clone());
        }
    }
}

impl<T> State<T> {
    /// Will nothing come any more?
    fn is_over(&self) -> bool {
        self.senders == 0 || self.closed
    }
}

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
            let mut state = lock(&self.0);
            (std::mem::take(&mut state.items), state.receiver.take())
        };
        drop((items, waker));
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
        wake(receiver);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.0);
        f.debug_struct("Sender").field("items", &state.items.len()).field("closed", &state.closed).finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.0);
        f.debug_struct("Receiver").field("items", &state.items.len()).field("senders", &state.senders).finish()
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::New(_) => "not started",
            Stage::InLine(_) => "waiting",
            Stage::Over => "over",
        };
        write!(f, "Sending({stage})")
    }
}

/// Wakes a thread that blocks.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
