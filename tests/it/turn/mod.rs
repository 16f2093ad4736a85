//! The loop: who is polled, in which order, when it parks and how it ends.

/// Nobody is starved.
mod fairness;
/// A schedule decides wherever the loop could go more than one way.
mod schedule;
/// Waiting costs nothing, and a park is asked for exactly the time until the next deadline.
mod parking;
/// A driver in a park is looked at under load, too.
mod looks;
/// Nothing comes between the last look and the sleep.
mod last_look;
/// `run` ends, and nothing outlives it.
mod ending;
/// A `run` inside another is an error.
mod nested;
/// Random programs agree with a model of the loop.
mod model;
/// A million of everything, on little stack.
mod scale;
