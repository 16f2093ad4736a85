//! An executor as a value: hosts that drive it, and their hooks.

/// A host drives the executor in slices.
mod embedding;
/// `run_until_stalled` and `tick` end.
mod stalled;
/// The host is called once per idle period.
mod on_wake;
/// Several executors on one thread.
mod several;
/// A host's own code may panic or misbehave.
mod panics;
/// Ctrl-C: real signals to a child process.
mod ctrl_c;
/// A driver that comes into being while its executor runs.
mod driver;
