//! What the tests look with and play on.

/// What all crates' tests look with; clocks and parks of a test's own.
pub(crate) mod probe;
/// Wakers whose every operation is a test's own code.
pub(crate) use evenkeel_testkit::bomb;
/// A virtual clock to play on, and small futures for combinators.
pub(crate) mod stage;
/// A log in words, what is reported, and counted polls: for cancellation.
pub(crate) mod scopes;
/// Children that yield, fail, wait and clean up: for task groups.
pub(crate) mod groups;
/// Gates that jobs wait at, and counts of values and threads.
pub(crate) mod gates;
/// Three executors for the primitives, and a hand that polls.
pub(crate) mod hosts;
/// Every primitive behind the same few calls.
pub(crate) mod cases;
