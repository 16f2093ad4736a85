//! `futures`' traits for streams, and for references to them.

#[cfg(unix)]
use crate::unix::stream::UnixStream;
use crate::{driver::waiters::Ticket, tcp::stream::TcpStream};
use futures_io::{AsyncRead, AsyncWrite};
use std::{
    io::{self, IoSlice, IoSliceMut},
    pin::Pin,
    task::{Context, Poll},
};

macro_rules! traits {
    ($($Stream:ty),*) => {$(
        impl AsyncRead for $Stream {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
                self.0.poll_read_into(cx, Ticket::POLL, buf)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                self.0.poll_read_slices(cx, bufs)
            }
        }

        impl AsyncWrite for $Stream {
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

            /// There is nothing to flush: what was written is with the system.
            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            /// Shuts the writing direction down, so that the peer reads an end. A connection that the peer has closed is closed.
            fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.0.close())
            }
        }
    )*};
}
traits!(TcpStream, &TcpStream);
#[cfg(unix)]
traits!(UnixStream, &UnixStream);
