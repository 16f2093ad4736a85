//! Sleeps: deadlines, resets.
