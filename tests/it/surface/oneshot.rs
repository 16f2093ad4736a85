//! Oneshot: ends that are polled and asked.
