//! What evenkeel promises, one module per subject. A test's name says the rule that it holds fast; `fault_NN` is a class
//! of faults that other executors really had.
//!
//! Tests are deterministic: they compare records of what happened, count polls and drops, and run on clocks of their own.

#![expect(clippy::async_yields_async, reason = "tasks are handed out of tasks on purpose")]

/// What the tests look with and play on.
mod kit;
/// The loop: who is polled, in which order, when it parks and how it ends.
mod turn;
/// Wakers: how a number finds its task, and what foreign ones do.
mod wake;
/// Tasks: how they begin, what they own, and how they end.
mod task;
/// Sleeping, clocks and intervals.
mod time;
/// What users stop with: tasks, scopes, timeouts, tokens, and clean-up.
mod cancel;
/// Task groups.
mod group;
/// Combinators: what collects several results.
mod collect;
/// Other threads: wake-ups, jobs, handles and channels.
mod threads;
/// An executor as a value: hosts that drive it, and their hooks.
mod host;
/// Sockets on the loop.
#[cfg(target_os = "linux")]
mod io;
/// Primitives: locks, queues, and ways to tell others.
mod sync;
/// asyncio is the yardstick: its facts, and its own tests by their names.
mod asyncio;
/// Random programs of structured concurrency: each ends, and nothing is lost in it.
mod fuzz_structured;
/// What users met: starvation, silence, lost errors, missing words.
mod met;
/// The surface: what users of other libraries know, in our own words.
mod surface;
/// What the compiler and the messages say to users.
mod api;
/// The house: what may stand where.
mod tidy;
/// The book, the README and the examples.
mod book;
