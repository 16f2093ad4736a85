//! A TCP connection.

use crate::{
    addresses::{ToSocketAddrs, resolve},
    asynchronous::Async,
    connect::connect_to_any,
};
use rustix::net::sockopt;
use std::{
    io,
    net::{self, SocketAddr},
    time::Duration,
};

/// A TCP connection.
///
/// Reading and writing need a shared reference only, so that a task that reads and one that writes can share a connection, in an `Rc` or
/// [split](TcpStream::into_split). `futures`' adaptors for `AsyncRead` and `AsyncWrite` take it, and references to it; with the features `hyper` and
/// `tokio-io` so does what is written for those traits.
///
/// Dropping it closes the connection: what was written is still sent, in the background. Data of the peer's that nobody has read makes the
/// system reset the connection instead.
///
/// ```
/// use evenkeel::{io::{TcpListener, TcpStream}, run, spawn};
/// use futures::{AsyncReadExt, AsyncWriteExt};
///
/// run(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
///     let address = listener.local_addr().unwrap();
///     let echo = spawn(async move {
///         let (stream, _) = listener.accept().await.unwrap();
///         futures::io::copy(&stream, &mut &stream).await.unwrap();
///     });
///     let mut stream = TcpStream::connect(address).await.unwrap();
///     AsyncWriteExt::write_all(&mut stream, b"ahoy").await.unwrap();
///     stream.close().await.unwrap();
///     let mut text = String::new();
///     stream.read_to_string(&mut text).await.unwrap();
///     assert_eq!(text, "ahoy");
///     echo.await.unwrap();
/// });
/// ```
pub struct TcpStream(pub(crate) Async<net::TcpStream>);

impl TcpStream {
    /// Connects to the first of these addresses that can be connected to, one after the other. A name is looked up on a
    /// [thread](evenkeel_executor::to_thread).
    ///
    /// It takes as long as the system lets it: two minutes per address say, if nobody answers. [`timeout`](evenkeel_executor::timeout()) bounds that.
    ///
    /// # Errors
    ///
    /// If the name has no address, or none of them can be connected to: the last one's error. Outside an executor, or on one that cannot have a
    /// driver.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, there is no connection; the peer may have seen one that was closed at once.
    pub async fn connect(address: impl ToSocketAddrs) -> io::Result<TcpStream> {
        let addresses = resolve(address).await?;
        connect_to_any(addresses).await.map(|socket| TcpStream::of(socket.into()))
    }

    /// Reads some bytes that stay there for the next read. Otherwise as [`read`](TcpStream::read).
    ///
    /// # Errors
    ///
    /// As [`read`](TcpStream::read).
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_with(|stream| stream.peek(buf)).await
    }

    /// Whose address this side of the connection has.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// If there is no connection any more; the system's.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().peer_addr()
    }

    /// Are small writes sent at once? [`set_nodelay`](TcpStream::set_nodelay) says so.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.get_ref().nodelay()
    }

    /// Says whether small writes are sent at once (`TCP_NODELAY`), or may wait for others, which is the system's default.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.get_ref().set_nodelay(nodelay)
    }

    /// How long closing the connection may take while there are bytes to be sent. [`set_linger`](TcpStream::set_linger) says more.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(sockopt::socket_linger(self)?)
    }

    /// Says what happens to bytes that were written and not sent when the connection is closed (`SO_LINGER`). With `None`, the default, the system
    /// goes on sending them. With a time of zero they are thrown away, and the connection is reset. With another time (in whole seconds) dropping
    /// the connection *blocks the loop* for so long at most.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        Ok(sockopt::set_socket_linger(self, linger)?)
    }

    /// How many hops its packets may take. [`set_ttl`](TcpStream::set_ttl) sets it.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.get_ref().ttl()
    }

    /// Sets how many hops its packets may take.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.0.get_ref().set_ttl(hops)
    }
}
