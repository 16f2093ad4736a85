//! Hosting an executor: settings, ticks, closing, and reports of what nobody received.
//!
//! [`run`] is enough for a program that is asynchronous as a whole. A program with a loop of its own keeps an [`Executor`]:
//!
//! ```
//! use evenkeel::{Executor, host::Readiness, sleep};
//! use std::time::Duration;
//!
//! let executor = Executor::builder().shutdown_grace(Duration::from_secs(1)).build();
//! let mut task = executor.spawn(sleep(Duration::from_millis(1)));
//! while task.take_result().is_none() {
//!     // The program's own work. Then, for as long as it can spare:
//!     let progress = executor.tick(Duration::from_millis(4));
//!     if progress.readiness == Readiness::Idle {
//!         executor.park(progress.next_wait.unwrap_or(Duration::MAX));
//!     }
//! }
//! ```
//!
//! | to | there is |
//! |---|---|
//! | choose clock, schedule, threads, bounds, hooks | [`Executor::builder`], an [`ExecutorBuilder`] |
//! | run a future, between ticks too | [`Executor::run`] (tokio's `Runtime::block_on`) |
//! | spawn outside of runs, in code that asks for no executor | [`Executor::enter`], which gives an [`Entered`] |
//! | know whether there is anything left | [`Executor::live_tasks`] |
//! | run a slice | [`Executor::tick`] with a [`Budget`]; [`Progress`] and [`Readiness`] say what is left |
//! | hear that there is something to do | [`ExecutorBuilder::on_wake`] |
//! | wait for it by a descriptor, in an event loop of your own | `ExecutorFd` of the module `io` |
//! | wait inside something else than the thread, an I/O driver say | [`Park`]; [`attach_driver`] while it runs, and [`driver`] to find it |
//! | end in order | [`Executor::close`], which gives a [`CloseReport`] |
//! | hear of errors that nobody received | [`ExecutorBuilder::on_unhandled`], which gets [`Unhandled`] and its [`UnhandledKind`] |
//! | stop at Ctrl-C | `ExecutorBuilder::cancel_on_ctrl_c`, with the feature `ctrl-c` |

#[doc(no_inline)]
pub use crate::{Executor, run};
#[doc(inline)]
pub use evenkeel_executor::{
    AttachError, Budget, CloseReport, Entered, ExecutorBuilder, NestedRun, Park, Progress, Readiness, TooManyExecutors,
    Unhandled, UnhandledKind, attach_driver, driver, try_run,
};
