//! How bytes come and go.

use crate::{
    asynchronous::Async,
    driver::{side::Direction, waiters::Ticket},
    fd::AsFd,
};
use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    net::{self, Shutdown},
    task::{Context, Poll},
};

/// A stream of std's.
pub(crate) trait Wire: AsFd {
    /// Does an operation that moves fewer bytes than it could show that another one would block? It does on TCP. On a Unix stream it does not: a
    /// read ends early where descriptors were passed along, and a write where the system has no large piece of memory at hand.
    const SHORT_MEANS_BLOCKED: bool;

    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
}

impl Wire for net::TcpStream {
    const SHORT_MEANS_BLOCKED: bool = true;

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

#[cfg(unix)]
impl Wire for std::os::unix::net::UnixStream {
    const SHORT_MEANS_BLOCKED: bool = false;

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

/// So many slices every system takes at a time.
const SLICES: usize = 64;

impl<T: AsFd> Async<T> {
    /// Reads with `read`, which has room for so many bytes, and says how many came.
    #[inline]
    pub(crate) fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        ticket: Ticket,
        room: usize,
        mut read: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>>
    where
        T: Wire,
    {
        self.poll_op(cx, Direction::Read, ticket, |stream| {
            let length = read(stream)?;
            if T::SHORT_MEANS_BLOCKED && length < room {
                self.source().was_read_short();
            }
            Ok(length)
        })
    }

    /// Writes with `write`, of so many bytes.
    #[inline]
    pub(crate) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        ticket: Ticket,
        offered: usize,
        mut write: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>>
    where
        T: Wire,
    {
        self.poll_op(cx, Direction::Write, ticket, |stream| {
            let length = write(stream)?;
            if T::SHORT_MEANS_BLOCKED && length < offered {
                self.source().side(Direction::Write).is_exhausted();
            }
            Ok(length)
        })
    }

    /// Shuts the writing direction down. A connection that the peer has closed is closed.
    pub(crate) fn close(&self) -> io::Result<()>
    where
        T: Wire,
    {
        match self.get_ref().shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            ended => ended,
        }
    }
}

impl<T: AsFd> Async<T>
where
    for<'a> &'a T: Read + Write,
{
    pub(crate) fn poll_read_into(&self, cx: &mut Context<'_>, ticket: Ticket, buf: &mut [u8]) -> Poll<io::Result<usize>>
    where
        T: Wire,
    {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.poll_receive(cx, ticket, buf.len(), |mut stream| stream.read(buf))
    }

    pub(crate) fn poll_write_from(&self, cx: &mut Context<'_>, ticket: Ticket, buf: &[u8]) -> Poll<io::Result<usize>>
    where
        T: Wire,
    {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.poll_send(cx, ticket, buf.len(), |mut stream| stream.write(buf))
    }

    pub(crate) fn poll_read_slices(&self, cx: &mut Context<'_>, bufs: &mut [IoSliceMut<'_>]) -> Poll<io::Result<usize>>
    where
        T: Wire,
    {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        // What lies in further slices may be left for the next call.
        let room = if bufs.len() <= SLICES { bufs.iter().map(|buf| buf.len()).sum() } else { 0 };
        self.poll_receive(cx, Ticket::POLL, room, |mut stream| stream.read_vectored(bufs))
    }

    pub(crate) fn poll_write_slices(&self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>>
    where
        T: Wire,
    {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        let offered = if bufs.len() <= SLICES { bufs.iter().map(|buf| buf.len()).sum() } else { 0 };
        self.poll_send(cx, Ticket::POLL, offered, |mut stream| stream.write_vectored(bufs))
    }
}
