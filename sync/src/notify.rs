//! The notifier: a nudge for one task, or for all.

use crate::{
    wait::{Attempt, Line, Wait},
    wait_queue::{WaitQueue, WaitStats},
};
use std::{
    cell::Cell,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// Notifies tasks without a value, as tokio's `Notify` does.
///
/// [`notify_one`](Self::notify_one) is for one task: the first that waits, or the next that comes.
/// [`notify_waiters`](Self::notify_waiters) is for all that wait now, and for nobody else.
///
/// ```
/// use evenkeel::sync::Notify;
///
/// # futures::executor::block_on(async {
/// let work = Notify::new();
/// work.notify_one();
/// work.notify_one(); // it remembers one, not two
/// work.notified().await;
/// futures::join!(work.notified(), async { work.notify_one() });
/// # });
/// ```
pub struct Notify {
    /// Is there a notification that nobody was there for?
    stored: Cell<bool>,
    /// How often all were notified.
    rounds: Cell<u64>,
    queue: WaitQueue<u64, Nudge>,
}

/// For whom a notification is.
#[derive(Clone, Copy)]
enum Nudge {
    One,
    All,
}

impl Notify {
    /// A notifier without a stored notification.
    pub const fn new() -> Notify {
        Notify { stored: Cell::new(false), rounds: Cell::new(0), queue: WaitQueue::new("Notify::notified") }
    }

    /// Wakes the one who has waited longest. If nobody waits, the next one to come does not wait; more than one notification
    /// is not stored.
    pub fn notify_one(&self) {
        if self.queue.grant(Nudge::One).is_err() {
            self.stored.set(true);
        }
        self.queue.wake();
    }

    /// Wakes all whose [`notified`](Self::notified) was called before, also if it was not polled yet.
    pub fn notify_waiters(&self) {
        self.rounds.set(self.rounds.get() + 1);
        self.queue.grant_all(Nudge::All);
        self.queue.wake();
    }

    /// Waits for a notification.
    ///
    /// Cancel-safe: dropped in line it leaves the line; a notification from [`notify_one`](Self::notify_one) that it had
    /// been given goes to the next one.
    pub fn notified(&self) -> Notified<'_> {
        Notified(Wait::new(self, self.rounds.get()))
    }

    /// How many wait for a notification.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What the notifier's line has seen so far.
    pub fn stats(&self) -> WaitStats {
        self.queue.stats()
    }
}

/// The future of [`Notify::notified`]. Its place in line begins with its first poll.
#[must_use = "nobody waits until this is awaited"]
pub struct Notified<'a>(Wait<&'a Notify, Notifying>);

impl Future for Notified<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(|_| ())
    }
}

struct Notifying;

impl Line for Notifying {
    type Owner = Notify;
    /// A waiter's request: the round in which it came.
    type Request = u64;
    type Grant = Nudge;

    fn queue(notify: &Notify) -> &WaitQueue<u64, Nudge> {
        &notify.queue
    }

    fn attempt(notify: &Notify, round: u64) -> Attempt<u64, Nudge> {
        if round != notify.rounds.get() {
            Attempt::Granted(Nudge::All)
        } else if notify.stored.take() {
            Attempt::Granted(Nudge::One)
        } else {
            Attempt::Wait(round)
        }
    }

    fn give_back(notify: &Notify, notice: Nudge) {
        if let Nudge::One = notice {
            notify.notify_one();
        }
    }
}

impl Default for Notify {
    fn default() -> Self {
        Notify::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notify").field("stored", &self.stored.get()).field("waiting", &self.waiting()).finish()
    }
}

impl fmt::Debug for Notified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
