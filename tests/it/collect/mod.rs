//! Combinators: what collects several results.

/// `gather` and `try_gather`.
mod gather;
/// `race` and `first_ok`.
mod race;
/// `as_completed`.
mod as_completed;
/// `map_concurrent`.
mod map_concurrent;
/// `scope`, for children that borrow.
mod borrowing_scope;
/// What combinators are built of.
mod settle;
/// Children in place: panics, cancellation and moves in the middle of a poll.
mod hostile;
