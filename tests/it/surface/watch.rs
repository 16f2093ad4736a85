//! Watch: changes that are marked, streams.
