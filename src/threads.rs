//! Other threads: code that blocks, and calls that come from elsewhere.
//!
//! [`to_thread`] runs a closure on a thread of the executor's, and waits for what it returns without blocking the loop.
//! [`to_thread_with`] hands it a [`JobContext`], by which it learns that nobody waits any more. A [`ThreadLimiter`] bounds how many of one
//! kind run at a time.
//!
//! A [`Handle`] goes to other threads. They [`spawn`](Handle::spawn) through it and get a [`RemoteTask`], [`call`](Handle::call) a
//! function between two polls, or send through a [`remote::channel`].
//!
//! ```
//! use evenkeel::{Handle, run, to_thread};
//!
//! run(async {
//!     let handle = Handle::current();
//!     let sum = to_thread(move || {
//!         let from_the_loop = handle.call(|| 40).unwrap();
//!         from_the_loop + 2
//!     });
//!     assert_eq!(sum.await, 42);
//! });
//! ```

#[doc(no_inline)]
pub use crate::{Handle, to_thread};
#[doc(inline)]
pub use evenkeel_executor::{
    BlockingWork, CallError, ExecutorEnded, JobContext, RemoteTask, ThreadLimiter, ToThread, remote, to_thread_with,
};
