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
//! Locks: a line's lock may be held while a job's lock is taken, never the other way round, and never two lines' at once.
//! Nothing foreign (closures, destructors, wakers) runs while one is held.

mod to_thread;
mod locked_wait;
mod job;
mod line;
mod pool;
mod limiter;
mod call_error;
mod reply;
mod remote_task;
pub mod remote;
mod local_callback;

pub use call_error::CallError;
pub use job::JobContext;
pub use limiter::ThreadLimiter;
pub use remote_task::RemoteTask;
pub use to_thread::{ToThread, to_thread, to_thread_with};

pub(crate) use local_callback::{LocalCallback, LocalKey};
pub(crate) use pool::{Settings, Threads};
pub(crate) use remote_task::spawn_remotely;
pub(crate) use reply::Reply;
