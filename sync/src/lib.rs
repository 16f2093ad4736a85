//! Synchronisation primitives of evenkeel: one wait queue, and over it every primitive in which more than one may wait.
//!
//! They know nothing but [`core::task`] and work under any executor that polls on one thread. Nothing here is `Send`, nothing
//! is atomic, and all that is `unsafe` stands in one room, the last one.
//!
//! Four rules hold for all of them:
//!
//! 1. **First come, first served.** Nobody overtakes: a `try_…` fails while others wait, and a large request at the head of
//!    a line is not starved by small ones behind it. Exceptions are asked for by name: [`Notify::notify_last`] is for
//!    the one who came last, [`UpgradableReadGuard::upgrade`] goes before the line, and an item that goes from hand to hand passes those who
//!    only [`reserve`](Sender::reserve) a place.
//! 2. **Direct hand-off.** What becomes free is given to the first waiter right away, before it runs. Nobody can take it
//!    from a waiter that was woken, and no waiter runs in vain.
//! 3. **Cancel-safe by drop.** Dropping a future is how a wait ends early. One that was still waiting leaves the line; one
//!    that had been given something passes it on. A permit, a lock, an item or a notification is never lost.
//! 4. **Nothing is borrowed while foreign code runs.** Wakers, destructors and predicates may use the same primitive.
//!
//! A future that is forgotten ([`std::mem::forget`]) keeps its place in line, and whatever is given to it.
//!
//! The modules stand in reading order, from what is used to what it stands on: a line names only what stands below it. Whoever wants to
//! see the ground first begins at the end, with the wait queue.

extern crate alloc;

mod channel;
pub mod oneshot;
mod queue;
pub mod watch;
pub mod broadcast;
mod event;
mod notify;
mod barrier;
mod condition;
mod mutex_guard;
mod mapped_mutex_guard;
mod mutex;
mod lock;
mod arrivals;
mod upgradable_read_guard;
mod write_guard;
mod read_guard;
mod mapped_rw_guards;
mod rw_lock;
mod turns;
mod once_cell;
mod set_once;
mod rate_limiter;
mod adaptive_limiter;
mod timer;
mod permit;
mod semaphore;
mod guard_traits;
mod closed;
mod wait;
mod wait_hook;
mod wait_queue;
mod calls;
#[expect(unsafe_code, reason = "the raw room")]
mod raw;

pub use crate::{
    adaptive_limiter::{AdaptiveLimiter, LimiterSlot},
    barrier::{Barrier, Broken},
    channel::{
        OwnedSendPermit, Receiver, ReceiverItems, SendPermit, SendPermits, Sender, SenderSink, WeakReceiver,
        WeakSender, channel, unbounded_channel,
    },
    closed::Closed,
    condition::Condition,
    event::Event,
    mapped_mutex_guard::{MappedMutexGuard, OwnedMappedMutexGuard},
    mapped_rw_guards::{MappedReadGuard, MappedWriteGuard, OwnedMappedReadGuard, OwnedMappedWriteGuard},
    mutex::Mutex,
    mutex_guard::{MutexGuard, OwnedMutexGuard},
    notify::{Notified, Notify, OwnedNotified},
    once_cell::OnceCell,
    permit::{OwnedPermit, Permit},
    queue::{
        Fifo, Full, Job, Lifo, LifoQueue, Order, OrderedQueue, OwnedJob, OwnedQueueItems, Priority, PriorityQueue,
        PutError, Queue, QueueItems, Refused, TryGetError,
    },
    rate_limiter::RateLimiter,
    read_guard::{OwnedReadGuard, ReadGuard},
    rw_lock::RwLock,
    semaphore::{AcquireError, Semaphore, TryAcquireError},
    set_once::SetOnce,
    timer::Timer,
    upgradable_read_guard::{OwnedUpgradableReadGuard, UpgradableReadGuard},
    wait::{Attempt, Line, Then, Wait},
    wait_hook::{WaitHook, WaitReason, set_wait_hook},
    wait_queue::{WaitQueue, WaitStats},
    write_guard::{OwnedWriteGuard, WriteGuard},
};
