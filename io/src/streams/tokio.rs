//! tokio's traits for streams, for references to them, and for halves.

#[cfg(unix)]
use crate::unix::stream::UnixStream;
use crate::{
    driver::waiters::Ticket,
    halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf},
    raw::fill::fill_buf,
    tcp::stream::TcpStream,
};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

macro_rules! streams {
    ($($Stream:ty),*) => {$(
        #[cfg_attr(docsrs, doc(cfg(feature = "tokio-io")))]
        impl AsyncRead for $Stream {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                let room = buf.remaining();
                if room == 0 {
                    return Poll::Ready(Ok(()));
                }
                self.0.poll_receive(cx, Ticket::POLL, room, |stream| fill_buf(stream, buf)).map_ok(drop)
            }
        }

        #[cfg_attr(docsrs, doc(cfg(feature = "tokio-io")))]
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
    )*};
}
streams!(TcpStream, &TcpStream);
#[cfg(unix)]
streams!(UnixStream, &UnixStream);

macro_rules! reading_halves {
    ($($Half:ty),*) => {$(
        #[cfg_attr(docsrs, doc(cfg(feature = "tokio-io")))]
        impl<S> AsyncRead for $Half
        where
            for<'b> &'b S: AsyncRead,
        {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut (*self).as_ref()).poll_read(cx, buf)
            }
        }
    )*};
}
reading_halves!(ReadHalf<'_, S>, OwnedReadHalf<S>);

macro_rules! writing_halves {
    ($($Half:ty),*) => {$(
        #[cfg_attr(docsrs, doc(cfg(feature = "tokio-io")))]
        impl<S> AsyncWrite for $Half
        where
            for<'b> &'b S: AsyncWrite,
        {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                Pin::new(&mut (*self).as_ref()).poll_write(cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut (*self).as_ref()).poll_write_vectored(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut (*self).as_ref()).poll_flush(cx)
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut (*self).as_ref()).poll_shutdown(cx)
            }
        }
    )*};
}
writing_halves!(WriteHalf<'_, S>, OwnedWriteHalf<S>);
