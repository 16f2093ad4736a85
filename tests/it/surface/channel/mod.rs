//! Channels: reserved places, weak ends, counts, streams, sinks.

/// Places that are reserved, as tokio's users know them.
mod reserve;
/// The ends: weak ones, counts, and what closes a channel.
mod ends;
/// Streams, sinks, and many items at once.
mod flows;
/// Places in line that streams and sinks keep from poll to poll.
mod stays;
/// Random programs against a plain model.
mod model;
/// Waits and places that are dropped at every point, and wakers that are hostile.
mod drops;
