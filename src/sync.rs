//! What tasks wait for from each other: locks, queues, channels, events, limiters.
//!
//! All of it is made for one thread: nothing is atomic, nothing is `Send`. It stands on one wait queue, which serves who came first, and
//! hands over directly. A wait may be dropped at any time: what it had been given goes to the next in line.
//!
//! | to | there is |
//! |---|---|
//! | hand items on | [`Queue`], [`LifoQueue`], [`PriorityQueue`] (asyncio's, with jobs that are counted); [`channel()`], [`unbounded_channel`] |
//! | hand one value on, the newest value, or each value to all | [`oneshot`], [`watch`], [`broadcast`] |
//! | take turns | [`Mutex`], [`RwLock`]; [`Condition`] to wait for a state under a lock |
//! | let at most so many in | [`Semaphore`], whose [`Permit`] gives back when it is dropped |
//! | wait for something that happens | [`Event`], [`Notify`], [`Barrier`], [`OnceCell`], [`SetOnce`] |
//! | bound a rate, or how much goes on | [`RateLimiter`], [`AdaptiveLimiter`] |
//! | build something of one's own | [`WaitQueue`], [`Wait`] |
//!
//! ```
//! use evenkeel::{run, spawn, sync::Queue};
//! use std::rc::Rc;
//!
//! run(async {
//!     let queue = Rc::new(Queue::new(1));
//!     let producer = queue.clone();
//!     let task = spawn(async move {
//!         for n in 1..=3 {
//!             producer.put(n).await.unwrap(); // waits while there is an item that nobody took
//!         }
//!     });
//!     let mut sum = 0;
//!     for _ in 0..3 {
//!         sum += queue.get().await.unwrap();
//!     }
//!     task.await.unwrap();
//!     assert_eq!(sum, 6);
//! });
//! ```
//!
//! The crate `evenkeel-sync` has the same for any executor that polls on one thread, and there limiters take a [`Timer`].

#[doc(inline)]
pub use evenkeel_sync::{
    AcquireError, Attempt, Barrier, Broken, Closed, Condition, Event, Fifo, Full, Job, Lifo, LifoQueue, Line, Mutex,
    MutexGuard, Notified, Notify, OnceCell, Order, OrderedQueue, OwnedJob, OwnedMutexGuard, OwnedNotified, OwnedPermit,
    OwnedQueueItems, OwnedReadGuard, OwnedSendPermit, OwnedWriteGuard, Permit, Priority, PriorityQueue, PutError,
    Queue, QueueItems, ReadGuard, Receiver, ReceiverItems, Refused, RwLock, Semaphore, SendPermit, SendPermits, Sender,
    SenderSink, SetOnce, Then, Timer, TryAcquireError, TryGetError, Wait, WaitHook, WaitQueue, WaitReason, WaitStats,
    WeakReceiver, WeakSender, WriteGuard, broadcast, channel, oneshot, set_wait_hook, unbounded_channel, watch,
};
// Guards of a part of a value, and of readers who may write.
#[doc(inline)]
pub use evenkeel_sync::{
    MappedMutexGuard, MappedReadGuard, MappedWriteGuard, OwnedMappedMutexGuard, OwnedMappedReadGuard,
    OwnedMappedWriteGuard, OwnedUpgradableReadGuard, UpgradableReadGuard,
};

use evenkeel_executor::{Instant, Sleep, remote, sleep, sleep_until};
use std::time::Duration;

/// The current executor's time, for [`RateLimiter`] and [`AdaptiveLimiter`].
///
/// As with [`sleep`], waiting for it outside an executor panics.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoopTimer;

impl Timer for LoopTimer {
    type Sleep = Sleep;

    fn now(&self) -> Duration {
        Instant::now().since_origin()
    }

    fn sleep_until(&self, at: Duration) -> Sleep {
        sleep_until(Instant::from_origin(at))
    }
}

/// The name under which tokio's users know a send that waits for so long at most.
///
/// ```
/// use evenkeel::{sync::{PutError, Refused, SendTimeout, channel}, testing};
/// use std::time::Duration;
///
/// testing::run(async {
///     let (sender, _receiver) = channel(1);
///     let limit = Duration::from_millis(5);
///     assert_eq!(sender.send_timeout("a", limit).await, Ok(()));
///     assert_eq!(sender.send_timeout("b", limit).await, Err(PutError("b", Refused::TooLate)));
/// });
/// ```
pub trait SendTimeout<T> {
    /// [`PutError`], or what the sender has for that.
    type Error;

    /// Sends an item as [`Sender::send_until`] does, with a sleep of that length as the end: if there is no room in time, the item comes
    /// back. As with [`sleep`], waiting for it outside an executor panics.
    ///
    /// # Errors
    ///
    /// With the item, as [`Sender::send_until`].
    fn send_timeout(&self, item: T, limit: Duration) -> impl Future<Output = Result<(), Self::Error>>;
}

impl<T> SendTimeout<T> for Sender<T> {
    type Error = PutError<T>;

    async fn send_timeout(&self, item: T, limit: Duration) -> Result<(), PutError<T>> {
        self.send_until(item, sleep(limit)).await
    }
}

impl<T: Send> SendTimeout<T> for remote::Sender<T> {
    type Error = remote::SendError<T>;

    async fn send_timeout(&self, item: T, limit: Duration) -> Result<(), remote::SendError<T>> {
        self.send_until(item, sleep(limit)).await
    }
}

/// A token bucket on the loop's time: so many in a period, and the rest waits.
///
/// ```
/// use evenkeel::{Instant, sync::RateLimiter, testing};
/// use std::time::Duration;
///
/// testing::run(async {
///     let limiter = RateLimiter::new(10, Duration::from_secs(1));
///     let start = Instant::now();
///     for _ in 0..25 {
///         limiter.acquire(1).await;
///     }
///     assert_eq!(start.elapsed(), Duration::from_millis(1500)); // ten at once, then one each 100 ms
/// });
/// ```
pub type RateLimiter = evenkeel_sync::RateLimiter<LoopTimer>;

/// An adaptive concurrency limit on the loop's time.
pub type AdaptiveLimiter = evenkeel_sync::AdaptiveLimiter<LoopTimer>;

/// A slot of an [`AdaptiveLimiter`].
pub type LimiterSlot<'a> = evenkeel_sync::LimiterSlot<'a, LoopTimer>;
