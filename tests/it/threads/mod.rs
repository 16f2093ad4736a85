//! Other threads: wake-ups, jobs, handles and channels.

/// What other threads may do to an executor, and when.
mod outside;
/// No wake-up between threads is lost.
mod handover;
/// `to_thread`, and what becomes of panics.
mod jobs;
/// How many jobs run at once, and in which order.
mod limits;
/// Calls whose callers go away.
mod cancel;
/// What other threads may ask of an executor.
mod handle;
/// The channel from other threads to the loop.
mod remote;
/// Where a receiver is at home, and wakers that do what is waited for.
mod receivers;
/// Hosts that tick, and wake-ups, calls and jobs from everywhere.
mod hosts;
/// The end of an executor whose jobs still run.
mod end;
/// The end of a thread, with executors and wakers in thread-locals.
mod exit;
