//! Datagrams of the Unix domain.

use super::{
    address::{at_path, not_bound},
    pauses::with_pauses,
};
use crate::{
    asynchronous::Async,
    driver::side::Direction,
    fd::{converts, lends_fd},
};
use std::{
    fmt, io,
    net::Shutdown,
    os::unix::net::{self, SocketAddr},
    path::Path,
};

/// A socket for datagrams of the Unix domain: to anybody on this host, or [connected](UnixDatagram::connect) to one peer.
///
/// Each datagram arrives as a whole, once and in order. All methods need a shared reference only, so that several tasks can share a socket, in an
/// `Rc`: each datagram goes to one that receives.
///
/// **Room.** A datagram that is larger than the buffer that it is received into is cut off: the rest of it is lost. How many may wait for a receiver is
/// the system's affair (Linux: `net.unix.max_dgram_qlen`); who sends more waits.
///
/// ```
/// use evenkeel::{io::UnixDatagram, run};
///
/// run(async {
///     let (one, other) = UnixDatagram::pair().unwrap();
///     one.send(b"ahoy").await.unwrap();
///     let mut text = [0; 64];
///     let length = other.recv(&mut text).await.unwrap();
///     assert_eq!(&text[..length], b"ahoy");
/// });
/// ```
pub struct UnixDatagram(Async<net::UnixDatagram>);

impl UnixDatagram {
    /// A socket at that path, where a file is made that stays there.
    ///
    /// # Errors
    ///
    /// [`AddrInUse`](io::ErrorKind::AddrInUse), with the path, if something is there already, also the file of a socket that is gone. If the path is
    /// too long for the system (108 bytes on Linux), or no file can be made there.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixDatagram> {
        UnixDatagram::bind_addr(&at_path(path.as_ref())?)
    }

    /// A socket at that address of std's: a path, or on Linux an abstract name.
    ///
    /// # Errors
    ///
    /// As [`bind`](UnixDatagram::bind).
    pub fn bind_addr(address: &SocketAddr) -> io::Result<UnixDatagram> {
        let socket = net::UnixDatagram::bind_addr(address).map_err(|error| not_bound(address, error))?;
        UnixDatagram::from_std(socket)
    }

    /// A socket without an address: it can send, and be [connected](UnixDatagram::connect), and nobody can send to it.
    ///
    /// # Errors
    ///
    /// If the process has as many descriptors as it may have.
    pub fn unbound() -> io::Result<UnixDatagram> {
        UnixDatagram::from_std(net::UnixDatagram::unbound()?)
    }

    /// Two sockets that are connected to each other, and have no names.
    ///
    /// # Errors
    ///
    /// If the process has as many descriptors as it may have.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = net::UnixDatagram::pair()?;
        Ok((UnixDatagram::from_std(one)?, UnixDatagram::from_std(other)?))
    }

    /// A socket of std's, which is in non-blocking mode from now on.
    ///
    /// # Errors
    ///
    /// If the mode cannot be set.
    pub fn from_std(socket: net::UnixDatagram) -> io::Result<UnixDatagram> {
        socket.set_nonblocking(true)?;
        Ok(UnixDatagram(Async::new_nonblocking(socket)))
    }

    /// The socket as std has it. It stays in non-blocking mode.
    pub fn into_std(self) -> net::UnixDatagram {
        self.0.into_inner()
    }

    /// From now on the socket sends to this peer, and receives from it only. It may be connected again.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if nothing is at that path, and [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) if nobody
    /// receives there any more; the system's.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.0.get_ref().connect(path)
    }

    /// From now on the socket sends to the peer at that address of std's, and receives from it only.
    ///
    /// # Errors
    ///
    /// As [`connect`](UnixDatagram::connect).
    pub fn connect_addr(&self, address: &SocketAddr) -> io::Result<()> {
        self.0.get_ref().connect_addr(address)
    }

    /// Sends a datagram to the peer that the socket is [connected](UnixDatagram::connect) to, and waits while there is no room for it. Returns its
    /// length.
    ///
    /// # Errors
    ///
    /// If the socket is not connected, or its peer is gone; if the datagram is too large; the system's. Outside an executor, or on one that cannot
    /// have a driver.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time: then nothing was sent.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.0.write_with(|socket| socket.send(datagram)).await
    }

    /// Sends a datagram to whoever receives at that path, and waits while there is no room for it. Returns its length.
    ///
    /// The system tells only those who are [connected](UnixDatagram::connect) to a receiver when it has room again, so this tries again after pauses
    /// that grow from 1 ms to 64 ms. Connect first to send much.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if nothing is at that path, and [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) if nobody
    /// receives there any more; if the datagram is too large; the system's.
    ///
    /// # Panics
    ///
    /// If it has to wait outside an executor.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time: then nothing was sent.
    pub async fn send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        self.send_to_addr(datagram, &at_path(path.as_ref())?).await
    }

    /// Sends a datagram to whoever receives at that address of std's. Otherwise as [`send_to`](UnixDatagram::send_to).
    ///
    /// # Errors
    ///
    /// As [`send_to`](UnixDatagram::send_to).
    ///
    /// # Panics
    ///
    /// If it has to wait outside an executor.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time: then nothing was sent.
    pub async fn send_to_addr(&self, datagram: &[u8], address: &SocketAddr) -> io::Result<usize> {
        with_pauses(|| self.0.get_ref().send_to_addr(datagram, address)).await
    }

    /// Receives a datagram. Returns its length.
    ///
    /// # Errors
    ///
    /// The system's; outside an executor, or on one that cannot have a driver.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time: then nothing was received.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_with(|socket| socket.recv(buf)).await
    }

    /// Receives a datagram, and tells whose it is. Otherwise as [`recv`](UnixDatagram::recv).
    ///
    /// # Errors
    ///
    /// As [`recv`](UnixDatagram::recv).
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time: then nothing was received.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.read_with(|socket| socket.recv_from(buf)).await
    }

    /// Sends a datagram to the peer that the socket is [connected](UnixDatagram::connect) to, if there is room for it now.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; as [`send`](UnixDatagram::send).
    pub fn try_send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.0.try_op(Direction::Write, |socket| socket.send(datagram))
    }

    /// Sends a datagram to whoever receives at that path, if there is room for it now.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none; as [`send_to`](UnixDatagram::send_to).
    pub fn try_send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        self.0.get_ref().send_to(datagram, path)
    }

    /// Receives a datagram, if one is there.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if none is there; as [`recv`](UnixDatagram::recv).
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_op(Direction::Read, |socket| socket.recv(buf))
    }

    /// Receives a datagram, if one is there, and tells whose it is.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if none is there; as [`recv`](UnixDatagram::recv).
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.try_op(Direction::Read, |socket| socket.recv_from(buf))
    }

    /// Waits until there is a datagram to receive. Another may have received it before this one's task goes on.
    ///
    /// # Errors
    ///
    /// Outside an executor, or on one that cannot have a driver.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time, and nothing is lost.
    pub async fn readable(&self) -> io::Result<()> {
        self.0.readable().await
    }

    /// Waits until there is room for a datagram: at the peer, too, if the socket is [connected](UnixDatagram::connect).
    ///
    /// # Errors
    ///
    /// Outside an executor, or on one that cannot have a driver.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time, and nothing is lost.
    pub async fn writable(&self) -> io::Result<()> {
        self.0.writable().await
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    ///
    /// If it is not connected; the system's.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.get_ref().shutdown(how)
    }

    /// The socket's own address, which it may not have.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
    }

    /// The address of the peer that the socket is [connected](UnixDatagram::connect) to, which that may not have.
    ///
    /// # Errors
    ///
    /// If it is not connected; the system's.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().peer_addr()
    }

    /// The error that came since the last operation, if one did (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.get_ref().take_error()
    }
}

lends_fd!(UnixDatagram, this => this.0);
converts!(UnixDatagram, net::UnixDatagram);

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnixDatagram").field(self.0.get_ref()).finish()
    }
}
