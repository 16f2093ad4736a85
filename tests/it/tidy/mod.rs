//! The house: what may stand where.

/// A file names only what stands below it.
mod reading_order;
/// Unsafe code stands in the raw room, which knows nothing of the others.
pub(crate) mod raw_room;
/// The routes that ARCHITECTURE.md names exist.
mod routes;
/// Panics of others are caught in one place.
mod panics;
