//! Tasks: how they begin, what they own, and how they end.

/// Spawning from everywhere, and when there is no room.
mod spawner;
/// Awaiting, keeping, detaching and dropping a task.
mod join;
/// Values that belong to a task.
mod locals;
/// A panic ends its task and nothing else.
mod panics;
/// User code may do anything from anywhere.
mod reentrancy;
/// What nobody is left to receive goes to `on_unhandled`.
mod unhandled;
/// Reports say what the program said.
mod reports;
