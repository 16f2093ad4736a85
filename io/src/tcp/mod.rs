//! TCP.

pub(crate) mod builder;
pub(crate) mod listener;
pub(crate) mod stream;
