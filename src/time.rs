//! Time: instants, sleeping, ticking, and clocks to choose from.
//!
//! All of it goes by the clock of the executor. That is the system's as a rule; with a [`VirtualClock`] waiting takes no time at all.
//!
//! ```
//! use evenkeel::{Instant, interval, testing};
//! use std::time::Duration;
//!
//! testing::run(async {
//!     let start = Instant::now();
//!     let mut beat = interval(Duration::from_secs(3_600));
//!     beat.tick().await; // at once
//!     beat.tick().await;
//!     assert_eq!(start.elapsed(), Duration::from_secs(3_600));
//! });
//! ```
//!
//! [`sleep`] and [`sleep_until`] wait once. [`interval`] and [`interval_at`] wait again and again; [`MissedTick`] says what becomes of
//! ticks that came too late. To bound the time of something else, there is [`timeout`](crate::timeout). A host that has a clock of its
//! own implements [`Clock`], and gives it to [`ExecutorBuilder::clock`](crate::host::ExecutorBuilder::clock).
//!
//! # Names in other libraries
//!
//! | there | here |
//! |---|---|
//! | tokio's `Sleep::reset`, async-io's `Timer::set_at` | [`Sleep::reset`] |
//! | tokio's `MissedTickBehavior` (whose default is `Burst`) | [`MissedTick`] (whose default is `Skip`) |
//! | tokio's `IntervalStream`, async-io's `Timer::interval` as a stream | an [`Interval`] is one |
//! | tokio's `Interval::reset_after`, `reset_at`, `reset_immediately`, `poll_tick` | the same |
//! | tokio's `Instant::from_std`, `into_std` | the same, with an `Option`: a virtual clock has nothing to do with std's |
//! | tokio's `time::pause`, `advance` | a [`VirtualClock`], and its [`advance`](VirtualClock::advance) |

#[doc(no_inline)]
pub use crate::{Instant, interval, sleep, sleep_until, testing::VirtualClock};
#[doc(inline)]
pub use evenkeel_executor::{Clock, Interval, MissedTick, Sleep, interval_at};
