//! The surface: what users of other libraries know, in our own words.

/// Channels: reserved places, weak senders, counts, streams, sinks.
mod channel;
/// Channels from other threads: ends, counts, time limits.
mod remote;
/// Semaphores: permits forgotten, limits lowered.
mod semaphore;
/// Mutexes: parts of a value, owned futures, unsized values.
mod locks;
/// Read-write locks: parts, upgradable readers, bounds.
mod rw_lock;
/// Futures that own what they wait for.
mod owned;
/// Notify: enabled early, owned, last first.
mod notify;
/// Cells that are filled once, and who waits for that.
mod once;
/// Watch: changes that are marked, streams.
mod watch;
/// Broadcast: ends, lengths, weak senders, streams.
mod broadcast;
/// Oneshot: ends that are polled and asked.
mod oneshot;
/// Sleeps: deadlines, resets.
mod sleep;
/// Intervals: resets, polls, streams, missed ticks.
mod interval;
/// Instants: checked arithmetic, std's instants.
mod instant;
/// Tasks and their errors: what handles tell, and what may be kept.
mod tasks;
/// Tokens that stand alone: children, guards, runs.
mod token;
/// The executor from outside: counts, timers and tasks made outside, borrowed futures.
mod executor;
/// Supervisors: children that fail alone.
mod supervisor;
/// Sets that grow and whose children are joined as they end.
mod join_set;
