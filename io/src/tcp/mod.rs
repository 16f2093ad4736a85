//! TCP.

pub(crate) mod builder;
pub(crate) mod listener;
pub(crate) mod split;
pub(crate) mod stream;
