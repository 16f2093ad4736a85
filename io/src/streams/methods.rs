//! The methods that all streams have.

#[cfg(unix)]
use crate::unix::stream::UnixStream;
use crate::{
    asynchronous::Async,
    driver::side::Direction,
    fd::{converts, lends_fd},
    halves::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf},
    tcp::stream::TcpStream,
};
use std::{
    fmt,
    future::poll_fn,
    io::{self, Read, Write},
    net::{self, Shutdown},
};

/// `methods!(Stream, std)`: for a stream that is made of an [`Async`] of std's.
macro_rules! methods {
    ($Stream:ident, $std:ty) => {
        impl $Stream {
            pub(crate) fn of(stream: $std) -> Self {
                $Stream(Async::new_nonblocking(stream))
            }

            /// A connection of std's, which is in non-blocking mode from now on.
            ///
            /// # Errors
            ///
            /// If the mode cannot be set.
            pub fn from_std(stream: $std) -> io::Result<Self> {
                stream.set_nonblocking(true)?;
                Ok(Self::of(stream))
            }

            /// The connection as std has it. It stays in non-blocking mode.
            pub fn into_std(self) -> $std {
                self.0.into_inner()
            }

            /// Reads some bytes, as many as there are and the buffer takes, and waits if there are none. 0 means that the peer will send no more (or
            /// that the buffer is empty).
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
                poll_fn(|cx| self.0.poll_read_into(cx, wait.ticket, buf)).await
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
                poll_fn(|cx| self.0.poll_write_from(cx, wait.ticket, buf)).await
            }

            /// Writes all of these bytes.
            ///
            /// # Errors
            ///
            /// As [`write`](Self::write). Some of the bytes may have been written.
            ///
            /// # Cancel safety
            ///
            /// It is not: if it is dropped, some of the bytes were written, and nobody knows how many. Use [`write`](Self::write) to know.
            pub async fn write_all(&self, mut buf: &[u8]) -> io::Result<()> {
                while !buf.is_empty() {
                    match self.write(buf).await? {
                        0 => return Err(io::ErrorKind::WriteZero.into()),
                        written => buf = &buf[written..],
                    }
                }
                Ok(())
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
            ///
            /// Where `futures::AsyncReadExt` is in scope, `stream.split()` is the method of that name that it has, which consumes the stream and puts
            /// a lock around it: write the path of this one, with `&mut stream`.
            pub fn split(&mut self) -> (ReadHalf<'_, Self>, WriteHalf<'_, Self>) {
                halves::split(self)
            }

            /// Parts it into two halves, for a task that reads and one that writes. A writing half that is dropped shuts its direction down, so that
            /// the peer reads an end; the connection is closed with the second half.
            pub fn into_split(self) -> (OwnedReadHalf<Self>, OwnedWriteHalf<Self>) {
                // The peer may have closed the connection before.
                halves::into_split(self, |stream| drop(stream.0.close()))
            }

            /// Ends one direction or both. Behind [`Shutdown::Write`] the peer reads an end when it has read what was sent before; it can go on
            /// sending.
            ///
            /// # Errors
            ///
            /// If there is no connection any more; the system's.
            pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                self.0.get_ref().shutdown(how)
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

        lends_fd!($Stream, this => this.0);
        converts!($Stream, $std);

        impl fmt::Debug for $Stream {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($Stream)).field(self.0.get_ref()).finish()
            }
        }
    };
}
methods!(TcpStream, net::TcpStream);
#[cfg(unix)]
methods!(UnixStream, std::os::unix::net::UnixStream);
