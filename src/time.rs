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

#[doc(no_inline)]
pub use crate::{Instant, interval, sleep, sleep_until, testing::VirtualClock};
#[doc(inline)]
pub use evenkeel_executor::{Clock, Interval, MissedTick, Sleep, interval_at};
