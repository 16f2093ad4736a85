//! evenkeel: a single-threaded async executor with asyncio's vocabulary and better rules.
//!
//! * **Every task has an owner.** Dropping a [`Task`] cancels it, a [`TaskGroup`] does not end before its children, and nothing
//!   outlives [`run`].
//! * **Every wait can be cancelled,** and clean-up may await: with [`finally`], a client that is stopped says goodbye first.
//! * **Nothing is lost silently.** An error or a panic that nobody can receive any more goes to a hook, or to stderr in one line.
//! * **One thread.** Tasks need not be `Send`, and the children of a [`scope`] may borrow. What blocks goes [to a thread](to_thread).
//! * **Repeatable.** With the virtual clock and a seed of [`testing`], a program runs in no time, and the same way each time.
//!
//! No other runtime lies underneath: evenkeel stands on [`std::task`]. It has [sockets](io) on its loop. It is not multi-threaded, and does
//! not replace tokio for libraries that ask for its runtime.
//!
//! ```
//! use evenkeel::{TaskGroup, run, sleep};
//! use std::time::Duration;
//!
//! let sum = run(TaskGroup::run(async |group: TaskGroup<String>| {
//!     let slow = group.spawn(async {
//!         sleep(Duration::from_millis(2)).await;
//!         Ok(40)
//!     });
//!     let quick = group.spawn(async { Ok(2) });
//!     Ok(slow.await + quick.await)
//! }));
//! assert_eq!(sum.unwrap(), 42);
//! ```
//!
//! # Five doors
//!
//! **Run.** [`run`] makes an executor, runs a future on it and ends what is left. [`spawn`] makes a task, [`yield_now`] lets the others
//! go first. More is in [`host`] (settings, and [`try_run`](host::try_run)) and in [`task`] (names, locals, spawners).
//!
//! **Own.** A [`Task`] is the owner of what was spawned: awaiting it gives the value, dropping it cancels. A [`TaskGroup`] owns
//! children that fail together: the first error cancels the others, and all errors come back in one [`GroupError`]. In a
//! [`Supervisor`] children fail alone, and may be restarted. In a [`scope`] the children borrow. [`gather`], [`try_gather`], [`race`], [`first_ok`], [`as_completed`] and [`map_concurrent`] run
//! several futures in place, without tasks. More is in [`group`].
//!
//! ```
//! use evenkeel::{gather, race, run, sleep};
//! use std::time::Duration;
//!
//! run(async {
//!     assert_eq!(gather((async { 1 }, async { "two" })).await, (1, "two"));
//!     let late = async {
//!         sleep(Duration::from_secs(60)).await;
//!         "late"
//!     };
//!     assert_eq!(race((late, async { "early" })).await, "early");
//! });
//! ```
//!
//! **Stop.** [`timeout`] bounds a wait, a [`CancelScope`] stops a part of the program, and each says why with a [`CancelReason`].
//! [`finally`], [`finally_with`] and [`shield`] are for what must still be done then. More is in [`cancel`] (tokens, deadlines that move).
//!
//! ```
//! use evenkeel::{Elapsed, finally, run, sleep, timeout};
//! use std::{cell::Cell, time::Duration};
//!
//! let closed = Cell::new(false);
//! let outcome = run(timeout(
//!     Duration::from_millis(1),
//!     finally(sleep(Duration::MAX), async |_: Option<&()>| {
//!         sleep(Duration::from_millis(1)).await;
//!         closed.set(true);
//!     }),
//! ));
//! assert_eq!((outcome, closed.get()), (Err(Elapsed), true));
//! ```
//!
//! **Wait.** [`sleep`], [`sleep_until`] and [`interval`] wait for an [`Instant`]; more is in [`time`]. [`sync`] has what tasks wait for
//! from each other: queues, locks, semaphores, events, channels, limiters. The module [`io`] has sockets, which wait
//! on the loop itself. [`to_thread`] waits for code that blocks, and a [`Handle`] brings work from other threads; more is in [`threads`].
//!
//! **Embed.** A program with a loop of its own keeps an [`Executor`], and calls [`tick`](Executor::tick) when it has time. The rest of
//! that is in [`host`]. [`combinator`] is for those who write their own `race` or their own kind of group.
//!
//! ```
//! use evenkeel::{Executor, host::Readiness, yield_now};
//! use std::time::Duration;
//!
//! let executor = Executor::new();
//! let mut task = executor.spawn(async {
//!     yield_now().await;
//!     "done"
//! });
//! while executor.tick(Duration::from_millis(4)).readiness == Readiness::MoreReady {
//!     // The program's own work.
//! }
//! assert_eq!(task.take_result().unwrap().unwrap(), "done");
//! ```
//!
//! # Features
//!
//! | feature | on by default | what it adds |
//! |---|---|---|
//! | `io` | yes | the module [`io`]: sockets, with the crates `rustix` and `polling` underneath; nothing on wasm |
//! | `hyper` | no | hyper's traits for the streams of [`io`], its timer and its executor, with hyper's traits and types underneath |
//! | `tokio-io` | no | tokio's traits for the streams of [`io`], with the crate `tokio` underneath, without any feature of its own |
//! | `ctrl-c` | no | [`ExecutorBuilder::cancel_on_ctrl_c`](host::ExecutorBuilder#method.cancel_on_ctrl_c), with the crate `ctrlc` underneath |
//!
//! Rust 1.85 or newer. The book of the repository explains how all of this works, and why it is right.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod task;
pub mod group;
pub mod cancel;
pub mod time;
pub mod sync;
pub mod threads;
pub mod host;
#[cfg(all(feature = "io", not(target_family = "wasm")))]
#[cfg_attr(docsrs, doc(cfg(feature = "io")))]
pub mod io;
pub mod testing;
pub mod coop;
pub mod combinator;

// What everybody writes; the rest stands in the modules.

#[doc(inline)]
pub use evenkeel_executor::{
    CancelReason, CancelScope, Cancelled, Elapsed, Executor, Handle, Instant, JoinError, Task, current_task, finally,
    finally_with, interval, run, shield, sleep, sleep_until, spawn, timeout, to_thread, yield_now,
};
#[doc(inline)]
pub use evenkeel_taskgroup::{
    GroupError, Scope, Supervisor, TaskGroup, as_completed, first_ok, gather, map_concurrent, race, race_biased, scope,
    try_gather,
};
