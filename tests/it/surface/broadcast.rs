//! Broadcast: ends, lengths, weak senders, streams.
