//! Intervals: resets, polls, streams, missed ticks.
