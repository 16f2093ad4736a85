//! A TCP connection.

use crate::{
    addresses::{ToSocketAddrs, resolve},
    asynchronous::Async,
    connect::connect_to_any,
    driver::{side::Direction, waiters::Ticket},
    tcp::split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, into_split},
};
use futures_io::{AsyncRead, AsyncWrite};
use rustix::{
    fd::{AsFd, BorrowedFd},
    net::sockopt,
};
use std::{
    fmt,
    future::poll_fn,
    io::{self, IoSlice, IoSliceMut, Read, Write},
    net::{self, Shutdown, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
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
pub struct TcpStream(Async<net::TcpStream>);

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

    pub(super) fn of(stream: net::TcpStream) -> TcpStream {
        TcpStream(Async::new(stream))
    }

    /// A connection of std's, which is in non-blocking mode from now on.
    ///
    /// # Errors
    ///
    /// If the mode cannot be set.
    pub fn from_std(stream: net::TcpStream) -> io::Result<TcpStream> {
        stream.set_nonblocking(true)?;
        Ok(TcpStream::of(stream))
    }

    /// The connection as std has it. It stays in non-blocking mode.
    pub fn into_std(self) -> net::TcpStream {
        self.0.into_inner()
    }

    /// Reads some bytes, as many as there are and the buffer takes, and waits if there are none. 0 means that the peer will send no more (or that
    /// the buffer is empty).
    ///
    /// # Errors
    ///
    /// The system's; outside an executor, or on one that cannot have a driver.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time: then nothing was read.
    pub async fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let wait = self.0.wait();
        poll_fn(|cx| self.poll_read_into(cx, wait.ticket, buf)).await
    }

    /// Writes some bytes, at least one, and waits while the system takes none. Returns how many there were.
    ///
    /// # Errors
    ///
    /// The system's; outside an executor, or on one that cannot have a driver.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time: then nothing was written.
    pub async fn write(&self, buf: &[u8]) -> io::Result<usize> {
        let wait = self.0.wait();
        poll_fn(|cx| self.poll_write_from(cx, wait.ticket, buf)).await
    }

    /// Writes all of these bytes.
    ///
    /// # Errors
    ///
    /// As [`write`](TcpStream::write). Some of the bytes may have been written.
    ///
    /// # Cancel safety
    ///
    /// It is not: if it is dropped, some of the bytes were written, and nobody knows how many. Use [`write`](TcpStream::write) to know.
    pub async fn write_all(&self, mut buf: &[u8]) -> io::Result<()> {
        while !buf.is_empty() {
            match self.write(buf).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => buf = &buf[written..],
            }
        }
        Ok(())
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

    /// Waits until there is something to read, or the peer will send no more. Another may have read it before this one's task goes on.
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

    /// Waits until the system takes bytes, or there is nobody any more to send them to.
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

    /// Reads some bytes if there are any.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing to read now; the system's.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_op(Direction::Read, |mut stream| stream.read(buf))
    }

    /// Writes some bytes if the system takes any.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if it takes none now; the system's.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_op(Direction::Write, |mut stream| stream.write(buf))
    }

    /// Borrows it as two halves, for a branch that reads and one that writes.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        (ReadHalf(self), WriteHalf(self))
    }

    /// Parts it into two halves, for a task that reads and one that writes. A writing half that is dropped shuts its direction down, so that the peer
    /// reads an end; the connection is closed with the second half.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        into_split(self)
    }

    /// Ends one direction or both. Behind [`Shutdown::Write`] the peer reads an end when it has read what was sent before; it can go on sending.
    ///
    /// # Errors
    ///
    /// If there is no connection any more; the system's.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.get_ref().shutdown(how)
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

    /// The error that came since the last operation, if one did (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.get_ref().take_error()
    }
}

impl TcpStream {
    /// Reads with `read`, which is told the connection and says how many bytes it had room for, and how many came.
    #[inline]
    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        ticket: Ticket,
        room: usize,
        mut read: impl FnMut(&net::TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.0.poll_op(cx, Direction::Read, ticket, |stream| {
            let length = read(stream)?;
            if length < room {
                self.0.source().was_read_short();
            }
            Ok(length)
        })
    }

    /// Writes with `write`, of so many bytes.
    #[inline]
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        ticket: Ticket,
        offered: usize,
        mut write: impl FnMut(&net::TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.0.poll_op(cx, Direction::Write, ticket, |stream| {
            let length = write(stream)?;
            if length < offered {
                self.0.source().side(Direction::Write).is_exhausted();
            }
            Ok(length)
        })
    }

    fn poll_read_into(&self, cx: &mut Context<'_>, ticket: Ticket, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_receive(cx, ticket, buf.len(), |mut stream| stream.read(buf))
    }

    fn poll_write_from(&self, cx: &mut Context<'_>, ticket: Ticket, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, ticket, buf.len(), |mut stream| stream.write(buf))
    }
}

impl AsyncRead for &TcpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_read_into(cx, Ticket::POLL, buf)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let room = bufs.iter().map(|buf| buf.len()).sum();
        self.poll_receive(cx, Ticket::POLL, room, |mut stream| stream.read_vectored(bufs))
    }
}

impl AsyncWrite for &TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_from(cx, Ticket::POLL, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // The system takes so many slices at a time only; what it leaves then says nothing of its room.
        let offered = if bufs.len() <= 64 { bufs.iter().map(|buf| buf.len()).sum() } else { 0 };
        self.poll_send(cx, Ticket::POLL, offered, |mut stream| stream.write_vectored(bufs))
    }

    /// There is nothing to flush: what was written is with the system.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Shuts the writing direction down, so that the peer reads an end. A connection that the peer has closed is closed.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match self.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            ended => ended,
        })
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read(cx, buf)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read_vectored(cx, bufs)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_close(cx)
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpStream").field(self.0.get_ref()).finish()
    }
}
