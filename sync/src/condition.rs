//! The condition: waiting for a change of what a mutex protects.

use crate::{
    arrivals::Ticket,
    calls::Calls,
    mutex_guard::MutexGuard,
    wait::{Attempt, Line, Wait},
    wait_queue::{WaitQueue, WaitStats},
};
use evenkeel_coop::consume_budget;
use std::{fmt, future::poll_fn, pin::Pin};

/// asyncio's `Condition`: lets go of a [`Mutex`](crate::Mutex) until somebody says that its value has changed.
///
/// ```
/// use evenkeel::sync::{Condition, Mutex};
///
/// # futures::executor::block_on(async {
/// let stock = Mutex::new(0);
/// let changed = Condition::new();
/// let buy = async {
///     let mut stock = stock.lock().await;
///     changed.wait_for(&mut stock, |stock| *stock >= 3).await;
///     *stock -= 3;
/// };
/// let deliver = async {
///     for _ in 0..3 {
///         *stock.lock().await += 1;
///         changed.notify_all();
///     }
/// };
/// futures::join!(buy, deliver);
/// assert_eq!(*stock.lock().await, 0);
/// # });
/// ```
pub struct Condition {
    queue: WaitQueue<Ticket, Notice>,
}

/// For whom a notification is.
#[derive(Clone, Copy)]
enum Notice {
    /// A notification for one, who passes it on if he does not use it.
    One,
    /// A notification for all who waited.
    All,
}

impl Condition {
    /// A condition that nobody waits for.
    pub const fn new() -> Condition {
        Condition { queue: WaitQueue::new("Condition::wait") }
    }

    /// Unlocks the guard's mutex, waits for a notification, and locks again before it returns.
    ///
    /// Between the notification and the lock others may change the value: see [`wait_for`](Self::wait_for).
    ///
    /// Who is notified takes his place in the lock's line at that time: nobody who comes later has the lock before, by
    /// [`try_lock`](crate::Mutex::try_lock) either, and he is woken when he has it.
    ///
    /// Cancel-safe: dropped while it waits it leaves the line; a notification from [`notify_one`](Self::notify_one) that it
    /// did not live to return from goes to another waiter. A future that is dropped cannot wait for the lock: if the guard
    /// outlives it (as it does around a timeout), the guard [is not held](MutexGuard::is_held) and must be
    /// [locked again](MutexGuard::relock) before it is used. A future that is kept is to be polled or dropped: once notified it may have
    /// the lock.
    ///
    /// # Panics
    ///
    /// If the guard does not hold its lock.
    ///
    /// ```
    /// use evenkeel::sync::{Condition, Mutex};
    /// use futures::{FutureExt, executor::block_on};
    ///
    /// let mutex = Mutex::new(5);
    /// let condition = Condition::new();
    /// let mut guard = mutex.try_lock().unwrap();
    /// assert!(condition.wait(&mut guard).now_or_never().is_none()); // gave up waiting
    /// assert!(!guard.is_held());
    /// block_on(guard.relock());
    /// assert_eq!(*guard, 5);
    /// ```
    pub async fn wait<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>) {
        assert!(guard.is_held(), "Condition::wait needs a guard that holds its lock: call guard.relock().await first");
        let place = guard.mutex().enter_apart();
        let mut wait = Wait::<&Condition, AwaitingChange>::new(self, place.ticket());
        let mut locked = true;
        let notice = poll_fn(|cx| {
            let notice = Pin::new(&mut wait).poll(cx);
            // In line first, so that whoever gets the lock can notify this waiter.
            if std::mem::take(&mut locked) {
                guard.unlock();
            }
            notice
        })
        .await;
        let pass_on = PassOn { condition: self, notice: notice.unwrap_or(Notice::All) };
        guard.relock_from(place).await;
        std::mem::forget(pass_on);
    }

    /// Waits until `predicate` is true of the value. Returns at once if it is true already, and the task has a budget left.
    ///
    /// Cancel-safe as [`wait`](Self::wait). The predicate is called with the lock held; once it was true there is no await any more, so what
    /// it has taken out of the value is not lost.
    ///
    /// # Panics
    ///
    /// If the guard does not hold its lock.
    #[expect(clippy::manual_async_fn, reason = "an async fn holds what it is given twice")]
    pub fn wait_for<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        mut predicate: impl FnMut(&mut T) -> bool,
    ) -> impl Future<Output = ()> {
        async move {
            // Before the first look: a predicate that is true may have taken something out, which must not wait for anything more.
            consume_budget().await;
            while !predicate(guard) {
                self.wait(guard).await;
            }
        }
    }

    /// Notifies the one who has waited longest. He is woken when he has the lock, which need not be held here.
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Notifies the `count` who have waited longest, or as many as there are.
    pub fn notify(&self, count: usize) {
        self.notify_first(Notice::One, count.min(self.queue.len()));
    }

    /// Notifies all who wait now. They get the lock one after the other, in order, and are woken when they have it.
    pub fn notify_all(&self) {
        self.notify_first(Notice::All, self.queue.len());
    }

    /// How many wait for a notification.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What the condition's line has seen so far.
    pub fn stats(&self) -> WaitStats {
        self.queue.stats()
    }

    /// Notifies the first `count` waiters. Who finds his lock free has it now and is woken, the others stand in its line.
    fn notify_first(&self, notice: Notice, count: usize) {
        let mut calls = Calls::default();
        for _ in 0..count {
            let Ok((ticket, waker)) = self.queue.grant_unwoken(notice) else { break };
            if ticket.take_lock() { calls.push(waker) } else { ticket.arrive(waker) }
        }
    }

    fn pass_on(&self, notice: Notice) {
        if let Notice::One = notice {
            self.notify_one();
        }
    }
}

/// A waiter's notification, which is passed on if the waiter is dropped while it waits for the lock.
struct PassOn<'a> {
    condition: &'a Condition,
    notice: Notice,
}

impl Drop for PassOn<'_> {
    fn drop(&mut self) {
        self.condition.pass_on(self.notice);
    }
}

/// The rules of the line for a notification.
struct AwaitingChange;

impl Line for AwaitingChange {
    type Owner = Condition;
    type Request = Ticket;
    type Grant = Notice;

    fn queue(condition: &Condition) -> &WaitQueue<Ticket, Notice> {
        &condition.queue
    }

    fn attempt(_: &Condition, ticket: Ticket) -> Attempt<Ticket, Notice> {
        Attempt::Wait(ticket)
    }

    fn give_back(condition: &Condition, notice: Notice) {
        condition.pass_on(notice);
    }
}

impl Default for Condition {
    fn default() -> Self {
        Condition::new()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").field("waiting", &self.waiting()).finish()
    }
}
