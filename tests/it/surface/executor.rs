//! The executor from outside: counts, timers and tasks made outside, borrowed futures.
