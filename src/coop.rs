//! The cooperative budget: what is ready at once gives way after a while.
//!
//! An await that is ready at once does not return to the loop, so a task that awaits nothing else would keep its thread: no other task
//! would run, no timer fire, no host get its thread back. So each poll of a task begins with a budget of 128 operations. Every await of
//! evenkeel's that can be ready at once (a lock, an item, a permit, a channel of any kind, the outcome of a task or a thread) takes one
//! when it is ready; without a budget it gives way until the task's next poll, which is in the next turn. Who has to wait anyway takes none,
//! and nobody loses its place in a line.
//!
//! ```
//! use evenkeel::{run, sync::Queue, timeout};
//! use std::time::Duration;
//!
//! let queue = Queue::new(1);
//! let forever = async {
//!     loop {
//!         queue.put(1).await.unwrap();
//!         queue.get().await.unwrap();
//!     }
//! };
//! // Neither await ever has to wait, and yet the time is heard.
//! let _: Result<(), _> = run(timeout(Duration::from_millis(5), forever));
//! ```
//!
//! [`consume_budget`] is for loops that compute, [`has_budget`] for code that wants to know; [`unconstrained`] switches the budget off.
//! Combinators of evenkeel's poll no more of their futures when it is used up; those of others can ask [`poll_budget`], and futures of others
//! can take their share with [`poll_within_budget`] or [`try_consume_budget`]. [`with_budget`] is for executors of others that run
//! [`sync`](crate::sync), which has no limit there otherwise.
//!
//! Code that polls several futures in a fixed order, as `futures::join!` does, and has one that is always busy in front, leaves nothing to
//! those behind it: [`gather`](crate::gather) goes on with them in the next poll.
//!
//! Code that polls futures by hand in a task, with `now_or_never` say, finds nothing ready without a budget: use the `try_…` methods, or
//! [`unconstrained`].

#[doc(inline)]
pub use evenkeel_coop::{
    BUDGET, Unconstrained, consume_budget, has_budget, poll_budget, poll_within_budget, try_consume_budget,
    unconstrained, with_budget,
};
