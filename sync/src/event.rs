//! The event: something that happens, or has happened.

use crate::{
    wait::{Attempt, Line, Wait},
    wait_queue::{WaitQueue, WaitStats},
};
use std::{cell::Cell, fmt, rc::Rc};

/// A flag that tasks can wait for: asyncio's `Event`.
///
/// ```
/// use evenkeel::sync::Event;
///
/// # futures::executor::block_on(async {
/// let ready = Event::new();
/// futures::join!(ready.wait(), ready.wait(), async { ready.set() });
/// ready.wait().await; // it is set: this does not wait
/// # });
/// ```
pub struct Event {
    set: Cell<bool>,
    queue: WaitQueue,
}

impl Event {
    /// An event that has not happened.
    pub const fn new() -> Event {
        Event { set: Cell::new(false), queue: WaitQueue::new("Event::wait") }
    }

    /// Makes the event happen: all who wait go on, in order, and so does everyone who comes until [`clear`](Self::clear).
    ///
    /// Who waits at the time goes on also if it is cleared right afterwards.
    pub fn set(&self) {
        self.set.set(true);
        self.queue.grant_all(());
        self.queue.wake();
    }

    /// Makes the event one that has not happened.
    pub fn clear(&self) {
        self.set.set(false);
    }

    /// Has the event happened?
    pub fn is_set(&self) -> bool {
        self.set.get()
    }

    /// Waits until the event has happened; does not wait if it has.
    ///
    /// Cancel-safe.
    pub async fn wait(&self) {
        // It is never refused.
        let _ = Wait::<&Event, AwaitingEvent>::new(self, ()).await;
    }

    /// Waits as [`wait`](Self::wait) does, with a future that owns its part of the event: it may be kept in a struct, or moved into a
    /// `'static` task.
    ///
    /// # Panics
    ///
    /// The future, when it is polled after it gave its output.
    ///
    /// ```
    /// use evenkeel::{run, spawn, sync::Event};
    /// use std::rc::Rc;
    ///
    /// run(async {
    ///     let ready = Rc::new(Event::new());
    ///     let task = spawn(ready.wait_owned());
    ///     ready.set();
    ///     task.await.unwrap();
    /// });
    /// ```
    pub fn wait_owned(self: &Rc<Self>) -> impl Future<Output = ()> + Unpin + use<> {
        Wait::<Rc<Event>, AwaitingEvent>::new(self.clone(), ()).then(|_, _| ())
    }

    /// How many wait for the event.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What the event's line has seen so far.
    pub fn stats(&self) -> WaitStats {
        self.queue.stats()
    }
}

/// The rules of the line for the event.
struct AwaitingEvent;

impl Line for AwaitingEvent {
    type Owner = Event;
    type Request = ();
    type Grant = ();

    fn queue(event: &Event) -> &WaitQueue {
        &event.queue
    }

    fn attempt(event: &Event, request: ()) -> Attempt<(), ()> {
        if event.is_set() { Attempt::Granted(()) } else { Attempt::Wait(request) }
    }

    /// Gives nothing back: everyone has heard of the event.
    fn give_back(_: &Event, _: ()) {}
}

impl Default for Event {
    fn default() -> Self {
        Event::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("is_set", &self.is_set()).field("waiting", &self.waiting()).finish()
    }
}
