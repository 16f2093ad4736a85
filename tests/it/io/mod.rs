//! Sockets on the loop: what is sent comes, and nothing else happens.

/// Both drivers, connected pairs, and descriptors that are counted.
mod kit;
/// Datagrams over IP.
mod udp;
/// Streams and datagrams within a host.
#[cfg(unix)]
mod unix;
/// hyper, both versions of HTTP, server and client.
mod hyper;
/// What is written for tokio's streams, and the same for those of futures: TLS and WebSockets.
mod tokio_io;
