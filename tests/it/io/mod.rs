//! Sockets on the loop: what is sent comes, and nothing else happens.

/// Both drivers, connected pairs, and descriptors that are counted.
mod kit;
/// Datagrams over IP.
mod udp;
/// Streams and datagrams within a host.
#[cfg(unix)]
mod unix;
