//! For tests: virtual time, and schedules that a seed repeats.
//!
//! [`testing::run`](run) is [`evenkeel::run`](crate::run) on a [`VirtualClock`]: sleeping takes no time. A [`Schedule`] decides wherever the
//! loop could go more than one way; [`Seeded`] decides at random, and the same way each time.
//!
//! ```
//! use evenkeel::{Executor, spawn, testing::Seeded};
//! use std::{cell::RefCell, rc::Rc};
//!
//! let order = |seed| {
//!     let order = Rc::new(RefCell::new(Vec::new()));
//!     let seen = order.clone();
//!     Executor::builder().schedule(Seeded::new(seed)).run(async move {
//!         let tasks: Vec<_> = (0..8)
//!             .map(|n| {
//!                 let seen = seen.clone();
//!                 spawn(async move { seen.borrow_mut().push(n) })
//!             })
//!             .collect();
//!         for task in tasks {
//!             task.await.unwrap();
//!         }
//!     });
//!     order.take()
//! };
//! assert_eq!(order(7), order(7));
//! assert_ne!(order(7), order(8));
//! ```

#[doc(inline)]
pub use evenkeel_executor::testing::{Choice, ClockHold, Fifo, Schedule, Seeded, VirtualClock, run};
