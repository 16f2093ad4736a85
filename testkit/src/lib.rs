//! What evenkeel's tests look with: records, drop counters, panics that are read, wakers that count, wakers that do harm, and a future
//! that must not move. No crate that is shipped depends on it.

mod record;
mod drops;
mod panics;
mod wakers;
pub mod bomb;
mod lends_itself;
mod unlike;
#[cfg(unix)]
mod closing;

#[cfg(unix)]
pub use closing::close_behind_the_back;
pub use drops::{DropGuard, Drops, OnDrop, on_drop};
pub use lends_itself::LendsItself;
pub use panics::{on_a_small_stack, panic_of, place_of_panic, text_of};
pub use record::Record;
pub use unlike::unlike;
pub use wakers::{Wakes, my_waker, poll_with_noop, wait_for_wake};
