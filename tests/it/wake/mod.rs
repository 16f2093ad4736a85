//! Wakers: how a number finds its task, and what foreign ones do.

/// A waker is a number that may be kept and called at any time.
mod wakers;
/// A place in the table is used again, and old wakers do nothing to the next task.
mod generations;
/// A leaf future wakes the waker that it was given last.
mod newest;
/// Foreign wakers that do harm, on everything in the core that stores one.
mod bombs;
/// A wake set, and keys that no child has.
mod wake_set;
