//! A connection of the Unix domain.

use super::{
    address::{at_path, named},
    pauses::with_pauses,
};
use crate::{asynchronous::Async, connect::connected, sys};
use rustix::net::{AddressFamily, SocketType};
use std::{
    io,
    os::unix::net::{self, SocketAddr},
    path::Path,
};

/// A connection of the Unix domain.
///
/// Reading and writing need a shared reference only, so that a task that reads and one that writes can share a connection, in an `Rc` or
/// [split](UnixStream::into_split). `futures`' adaptors for `AsyncRead` and `AsyncWrite` take it, and references to it; with the features `hyper` and
/// `tokio-io` so does what is written for those traits.
///
/// ```
/// use evenkeel::{io::UnixStream, run};
/// use futures::AsyncReadExt;
///
/// run(async {
///     let (one, mut other) = UnixStream::pair().unwrap();
///     one.write_all(b"ahoy").await.unwrap();
///     drop(one);
///     let mut text = String::new();
///     other.read_to_string(&mut text).await.unwrap();
///     assert_eq!(text, "ahoy");
/// });
/// ```
pub struct UnixStream(pub(crate) Async<net::UnixStream>);

impl UnixStream {
    /// Connects to whoever listens at that path.
    ///
    /// While as many connections wait to be accepted there as may, this waits. Linux does not tell when there is room, so it is tried again after
    /// pauses that grow from 1 ms to 64 ms. (Other systems refuse such a connection.) [`timeout`](evenkeel_executor::timeout()) bounds that.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if nothing is there, and [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) if nobody listens there
    /// any more; if the path is too long for the system (108 bytes on Linux). Outside an executor, or on one that cannot have a driver.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, there is no connection; the peer may have seen one that was closed at once.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<UnixStream> {
        UnixStream::connect_addr(&at_path(path.as_ref())?).await
    }

    /// Connects to whoever listens at that address of std's: a path, or on Linux an abstract name. Otherwise as [`connect`](UnixStream::connect).
    ///
    /// # Errors
    ///
    /// As [`connect`](UnixStream::connect).
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, there is no connection; the peer may have seen one that was closed at once.
    pub async fn connect_addr(address: &SocketAddr) -> io::Result<UnixStream> {
        let address = named(address)?;
        let socket = sys::socket(AddressFamily::UNIX, SocketType::STREAM)?;
        let is_done = with_pauses(|| sys::begin_to_connect(&socket, &address)).await?;
        connected(socket, is_done).await.map(|socket| UnixStream::of(socket.into()))
    }

    /// Two streams that are connected to each other, and have no names.
    ///
    /// # Errors
    ///
    /// If the process has as many descriptors as it may have.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = net::UnixStream::pair()?;
        Ok((UnixStream::from_std(one)?, UnixStream::from_std(other)?))
    }

    /// Whose address this side of the connection has: none, as a rule, if it connected.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
    }

    /// The peer's address: none, as a rule, if the peer connected.
    ///
    /// # Errors
    ///
    /// If there is no connection any more; the system's.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().peer_addr()
    }
}
