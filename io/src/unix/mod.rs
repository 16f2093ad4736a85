//! Sockets of the Unix domain, which connect processes of one host.

pub(crate) mod listener;
pub(crate) mod stream;
pub(crate) mod datagram;
mod address;
mod pauses;
