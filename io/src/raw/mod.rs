//! All `unsafe` code of this crate.
//!
//! It is needed where a library's function is `unsafe` and there is no other: to add a descriptor to the portable poller, and to read into
//! memory that hyper or tokio has not initialised.

pub(crate) mod in_poller;
#[cfg(any(feature = "hyper", feature = "tokio-io"))]
pub(crate) mod fill;
