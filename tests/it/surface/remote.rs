//! Channels from other threads: ends, counts, time limits.
