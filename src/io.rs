//! Sockets on the loop, without a thread of their own.
//!
//! An executor gets a driver with its first wait for a socket, and parks in it from then on: epoll on Linux and Android, elsewhere what the crate `polling`
//! has. Without sockets there is no descriptor, no thread and no cost.
//!
//! | to | there is |
//! |---|---|
//! | serve and connect over TCP | [`TcpListener`] (with settings: [`TcpListenerBuilder`]), [`TcpStream`] |
//! | serve and connect within a host | [`UnixListener`], [`UnixStream`] (on Unix) |
//! | send datagrams | [`UdpSocket`], within a host [`UnixDatagram`] (on Unix) |
//! | read in one task and write in another | the halves of a stream: [`OwnedReadHalf`] and [`OwnedWriteHalf`], or [`ReadHalf`] and [`WriteHalf`], which borrow it |
//! | wait for anything else that has a descriptor | [`Async`] |
//! | wait for an executor in a loop of your own | [`ExecutorFd`], which gives a [`LoopFd`] |
//! | choose the driver | [`DriverBuilder`] |
//! | run hyper, HTTP/1 and HTTP/2 | with the feature `hyper`: hyper's traits for the streams, `HyperTimer`, `HyperExecutor` |
//! | run what is written for tokio's streams | with the feature `tokio-io`: tokio's traits for the streams and their halves |
//!
//! What goes on is bounded by whoever serves: a [`TaskGroup`](crate::TaskGroup) with a limit takes a connection only when there is room for it.
//! Adaptors (`copy`, lines, buffers) come from the crate `futures`, for whose traits these streams are made.
//!
//! **Under a virtual clock** time jumps over waits for sockets, too: what the system has by then is seen before, and what others have still to send is
//! not. [`VirtualClock::hold`](crate::testing::VirtualClock::hold) keeps the clock while somebody outside is waited for.

#[doc(inline)]
pub use evenkeel_io::{
    Async, DriverBuilder, ExecutorFd, Incoming, LoopFd, OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError,
    TcpListener, TcpListenerBuilder, TcpStream, ToSocketAddrs, UdpSocket, WriteHalf,
};
#[cfg(feature = "hyper")]
#[doc(inline)]
pub use evenkeel_io::{HyperExecutor, HyperTimer};
#[cfg(unix)]
#[doc(inline)]
pub use evenkeel_io::{UnixDatagram, UnixIncoming, UnixListener, UnixStream};
