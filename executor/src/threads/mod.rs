//! Other threads: those that an executor starts for blocking work, and those that call into it.
//!
//! Blocking work, from the call to the thread:
//!
//! ```text
//!  ToThread (the await) ──► Job ──► [ThreadLimiter's line] ──► the pool's Line ──► a thread of the Pool
//!        ▲                                                                              │
//!        └──────────────── the job's result, and the waker of the await ◄───────────────┘
//! ```
//!
//! Architecture invariant: every job in a line has a caller who awaits it. A caller who goes away takes his job out of the line,
//! so a line is never longer than the number of tasks that wait, and nothing piles up that nobody sees.
//!
//! A job may wait for the loop in its turn. Its thread is *absent* then, and another may be started: `absence.rs`.
//!
//! Locks: a line's lock may be held while a job's lock is taken, or a reply's, never the other way round, and never two lines' at once.
//! Nothing foreign (closures, destructors, wakers) runs while one is held.

pub(crate) mod to_thread;
pub mod remote;
pub(crate) mod handle;
pub(crate) mod remote_task;
pub(crate) mod reply;
pub(crate) mod absence;
pub(crate) mod limiter;
pub(crate) mod pool;
pub(crate) mod job;
pub(crate) mod line;
pub(crate) mod settings;
pub(crate) mod shortage;
pub(crate) mod locked_wait;
pub(crate) mod latch;
