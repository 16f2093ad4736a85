//! Sleeping, clocks and intervals.

/// Never too early, never for ever by accident, and nothing is left behind.
mod sleep;
/// Intervals, and ticks that nobody waited for.
mod interval;
/// Clocks of the host's may stand, jump and step back.
mod clocks;
/// The timer wheel against a model that sorts.
mod wheel;
/// Random programs of timers against a list of deadlines.
mod fuzz;
