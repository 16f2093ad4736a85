//! Channels: reserved places, weak senders, counts, streams, sinks.
