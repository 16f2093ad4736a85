//! The notifier: a nudge for one task, or for all.

use crate::{
    wait::{Attempt, Line, Wait},
    wait_queue::{WaitQueue, WaitStats},
};
use evenkeel_coop::try_consume_budget;
use std::{
    cell::Cell,
    fmt,
    ops::Deref,
    pin::Pin,
    rc::Rc,
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
    /// The one who came first.
    One,
    /// The one who came last.
    Last,
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

    /// Wakes the one who came last, for a pool whose warmest worker is to go first. If nobody waits, a notification is stored as
    /// [`notify_one`](Self::notify_one) stores it.
    ///
    /// While `notify_last` is used, who came first may wait for ever.
    ///
    /// ```
    /// use evenkeel::sync::Notify;
    /// use std::cell::RefCell;
    ///
    /// # futures::executor::block_on(async {
    /// let (work, order) = (Notify::new(), RefCell::new(Vec::new()));
    /// let worker = async |name| {
    ///     work.notified().await;
    ///     order.borrow_mut().push(name);
    /// };
    /// futures::join!(worker("cold"), worker("warm"), async {
    ///     work.notify_last();
    ///     work.notify_last();
    /// });
    /// work.notify_last(); // nobody waits: it is stored
    /// work.notified().await;
    /// # });
    /// ```
    pub fn notify_last(&self) {
        if self.queue.grant_last(Nudge::Last).is_err() {
            self.stored.set(true);
        }
        self.queue.wake();
    }

    /// Wakes all whose [`notified`](Self::notified) was called before, also if it was not polled yet. Nothing is stored.
    pub fn notify_waiters(&self) {
        self.rounds.set(self.rounds.get() + 1);
        self.queue.grant_all(Nudge::All);
        self.queue.wake();
    }

    /// Waits for a notification.
    ///
    /// For [`notify_waiters`](Self::notify_waiters) the wait begins with this call, for [`notify_one`](Self::notify_one) with the first poll
    /// or with [`Notified::enable`].
    ///
    /// Cancel-safe: dropped in line it leaves the line; a notification from [`notify_one`](Self::notify_one) that it had
    /// been given goes to the next one, and one from [`notify_last`](Self::notify_last) to the one who came last.
    pub fn notified(&self) -> Notified<'_> {
        Notified(Nudged::new(self, self.rounds.get()))
    }

    /// Waits as [`notified`](Self::notified) does, with a future that owns its part of the notifier: it may be kept in a struct, or moved
    /// into a `'static` task.
    ///
    /// ```
    /// use evenkeel::{run, spawn, sync::Notify, yield_now};
    /// use std::rc::Rc;
    ///
    /// run(async {
    ///     let ready = Rc::new(Notify::new());
    ///     let task = spawn(ready.notified_owned());
    ///     yield_now().await;
    ///     ready.notify_waiters();
    ///     task.await.unwrap();
    /// });
    /// ```
    pub fn notified_owned(self: &Rc<Self>) -> OwnedNotified {
        OwnedNotified(Nudged::new(self.clone(), self.rounds.get()))
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

/// The future of [`Notify::notified`]. Its place in line begins with its first poll, or with [`enable`](Self::enable).
///
/// # Panics
///
/// When it is polled after it gave its output.
#[must_use = "nobody waits until this is awaited"]
pub struct Notified<'a>(Nudged<&'a Notify>);

/// The future of [`Notify::notified_owned`]. Its place in line begins with its first poll, or with [`enable`](Self::enable).
///
/// # Panics
///
/// When it is polled after it gave its output.
#[must_use = "nobody waits until this is awaited"]
pub struct OwnedNotified(Nudged<Rc<Notify>>);

impl Notified<'_> {
    /// Begins to wait without a poll: takes the stored notification, or a place in line. Is it notified now? Then awaiting it does not wait.
    ///
    /// Who looks at some state and then waits for its change is to enable first, so that no [`notify_one`](Notify::notify_one) goes to
    /// somebody else in between. It takes no `Pin`, unlike tokio's.
    ///
    /// When the future has given its output, this is `true`: it was notified. But it is not to be polled again then, which panics, where
    /// tokio's is ready again. A stored notification that was taken by this is stored again if the future is dropped without a poll.
    ///
    /// ```
    /// use evenkeel::sync::Notify;
    /// use std::cell::RefCell;
    ///
    /// # futures::executor::block_on(async {
    /// let (items, came) = (RefCell::new(vec![1]), Notify::new());
    /// let take = async || loop {
    ///     let mut notified = came.notified();
    ///     notified.enable();
    ///     if let Some(item) = items.borrow_mut().pop() {
    ///         return item;
    ///     }
    ///     notified.await;
    /// };
    /// assert_eq!(take().await, 1);
    /// # });
    /// ```
    pub fn enable(&mut self) -> bool {
        self.0.enable()
    }
}

impl OwnedNotified {
    /// Begins to wait without a poll, as [`Notified::enable`] does. Is it notified now?
    pub fn enable(&mut self) -> bool {
        self.0.enable()
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx)
    }
}

impl Future for OwnedNotified {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx)
    }
}

/// A wait for a notification.
struct Nudged<P: Deref<Target = Notify>> {
    wait: Wait<P, Notifying>,
    /// Did it begin when it was enabled, and was not polled since? If it is met by then, awaiting it is ready, and takes an operation of the
    /// budget like all that is.
    is_early: bool,
}

impl<P: Deref<Target = Notify>> Nudged<P> {
    fn new(notify: P, round: u64) -> Nudged<P> {
        Nudged { wait: Wait::new(notify, round), is_early: false }
    }

    fn enable(&mut self) -> bool {
        let had_begun = self.wait.has_begun();
        let is_met = self.wait.begin();
        self.is_early |= !had_begun && self.wait.has_begun();
        is_met
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_early {
            if self.wait.begin() && !try_consume_budget() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.is_early = false;
        }
        Pin::new(&mut self.wait).poll(cx).map(|_| ())
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
        match notice {
            Nudge::One => notify.notify_one(),
            Nudge::Last => notify.notify_last(),
            Nudge::All => {}
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
        self.0.wait.fmt(f)
    }
}

impl fmt::Debug for OwnedNotified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.wait.fmt(f)
    }
}
