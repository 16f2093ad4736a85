//! asyncio is the yardstick: its facts, and its own tests by their names.

/// Every fact and test that is listed is tested here, or explained in the book.
mod yardstick;
/// Cancelling tasks.
mod cancel;
/// `shield`.
mod shield;
/// `sleep`.
mod sleep;
/// Timeouts, and its `test_timeouts.py`.
mod timeouts;
/// `wait_for`, and its `test_waitfor.py`.
mod waitfor;
/// Task groups, fact by fact.
mod groups;
/// Its `test_taskgroups.py`.
mod taskgroups;
/// `gather`.
mod gather;
/// `wait`.
mod wait;
/// `as_completed`.
mod as_completed;
