//! hyper's traits for streams.

#[cfg(unix)]
use crate::unix::stream::UnixStream;
use crate::{driver::waiters::Ticket, raw::fill::fill_cursor, tcp::stream::TcpStream};
use hyper::rt::{Read, ReadBufCursor, Write};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

macro_rules! traits {
    ($Stream:ty) => {
        #[cfg_attr(docsrs, doc(cfg(feature = "hyper")))]
        impl Read for $Stream {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                mut buf: ReadBufCursor<'_>,
            ) -> Poll<io::Result<()>> {
                let room = buf.remaining();
                if room == 0 {
                    return Poll::Ready(Ok(()));
                }
                self.0.poll_receive(cx, Ticket::POLL, room, |stream| fill_cursor(stream, &mut buf)).map_ok(drop)
            }
        }

        #[cfg_attr(docsrs, doc(cfg(feature = "hyper")))]
        impl Write for $Stream {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                self.0.poll_write_from(cx, Ticket::POLL, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.0.poll_write_slices(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            /// There is nothing to flush: what was written is with the system.
            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            /// Shuts the writing direction down, so that the peer reads an end. A connection that the peer has closed is closed.
            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.0.close())
            }
        }
    };
}
traits!(TcpStream);
#[cfg(unix)]
traits!(UnixStream);
