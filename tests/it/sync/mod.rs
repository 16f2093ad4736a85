//! Primitives: locks, queues, and ways to tell others.

/// asyncio's semaphore, fact by fact.
mod semaphore;
/// Weights, extremes, closing, owned permits.
mod semaphore_bounds;
/// asyncio's `Lock`, fact by fact; and events.
mod lock;
/// Readers and writers; cells that are filled once.
mod rw_lock;
/// asyncio's `Condition`, fact by fact.
mod condition;
/// asyncio's `Barrier`, fact by fact.
mod barrier;
/// asyncio's queues: putting and getting.
mod queue;
/// asyncio's queues: jobs, join, shutdown; streams and channels.
mod queue_end;
/// Other orders, other policies, batches.
mod queue_orders;
/// Notify, oneshot, watch and broadcast.
mod news;
/// Rates and limits on virtual time.
mod overload;
/// The queue under all of them.
mod wait_queue;
/// Waiters that are dropped at every possible point.
mod drops;
/// Wakers that panic or come back in, at every primitive.
mod bombs;
/// Comparisons and timers that panic, and wakers too.
mod hostile;
/// What a panic drops, while it goes on.
mod unwinding;
/// Random programs of semaphores against a simple model.
pub(crate) mod model;
/// Random programs of locks and conditions against a simple model.
mod condition_model;
/// Random programs of queues against a simple model.
mod queue_model;
/// Random programs on every primitive, with hostile wakers.
mod fuzz;
