//! What hyper asks of a runtime besides streams.

pub(crate) mod executor;
pub(crate) mod timer;
