//! Sockets on the loop: what is sent comes, and nothing else happens.

/// Both drivers, connected pairs, and descriptors that are counted.
mod kit;
/// Executors without sockets.
mod no_sockets;
/// What operations do when all is well.
mod operations;
/// How connections end: half, at once, refused.
mod ends;
/// What is said to be ready is so, and what is always ready gives way.
mod readiness;
/// Nobody starves.
mod starvation;
/// Who waits for what, and on which executor.
mod waiting;
/// Descriptors: closed by others, used again, dropped at a bad moment, handed to no other program, leaked by nobody.
mod descriptors;
/// The process has no descriptor left.
mod exhaustion;
/// Every operation, cut short wherever it waits.
mod cancels;
/// Too many clients, slow ones, and one that never reads.
mod overload;
/// A host waits for an executor's descriptor.
mod fd;
/// What a host is told beyond ticks.
mod hosts;
/// Sockets under a virtual clock.
mod virtual_time;
/// Datagrams over IP.
mod udp;
/// Streams and datagrams within a host.
#[cfg(unix)]
mod unix;
/// hyper, both versions of HTTP, server and client.
mod hyper;
/// What is written for tokio's streams, and the same for those of futures: TLS and WebSockets.
mod tokio_io;
/// Random programs over a connection, against a model of its bytes.
mod random;
/// Random clients for as long as one likes, by hand.
mod soak;
