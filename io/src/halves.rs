//! The two halves of a connection.

use futures_io::{AsyncRead, AsyncWrite};
use std::{
    error::Error,
    fmt,
    io::{self, IoSlice, IoSliceMut},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// The reading half of a connection that is borrowed: [`TcpStream::split`](crate::TcpStream::split) gives it. What reads from the connection reads from
/// the half, and [`as_ref`](AsRef::as_ref) lends the connection for all else.
#[derive(Debug)]
pub struct ReadHalf<'a, S>(&'a S);

/// The writing half of a connection that is borrowed: [`TcpStream::split`](crate::TcpStream::split) gives it. What writes to the connection writes to
/// the half, and [`as_ref`](AsRef::as_ref) lends the connection for all else.
#[derive(Debug)]
pub struct WriteHalf<'a, S>(&'a S);

/// The reading half of a connection: [`TcpStream::into_split`](crate::TcpStream::into_split) gives it. What reads from the connection reads from
/// the half, and [`as_ref`](AsRef::as_ref) lends the connection for all else.
#[derive(Debug)]
pub struct OwnedReadHalf<S>(Rc<S>);

/// The writing half of a connection: [`TcpStream::into_split`](crate::TcpStream::into_split) gives it. Dropping it shuts its direction down, so that the
/// peer reads an end; [`forget`](OwnedWriteHalf::forget) does not. What writes to the connection writes to the half, and
/// [`as_ref`](AsRef::as_ref) lends the connection for all else.
pub struct OwnedWriteHalf<S> {
    stream: Rc<S>,
    /// What is done when this is dropped, if anything.
    end: Option<fn(&S)>,
}

/// Borrows a stream as two halves.
pub(crate) fn split<S>(stream: &mut S) -> (ReadHalf<'_, S>, WriteHalf<'_, S>) {
    (ReadHalf(stream), WriteHalf(stream))
}

/// Parts a stream into two halves, of which the writing one ends its direction with `end`.
pub(crate) fn into_split<S>(stream: S, end: fn(&S)) -> (OwnedReadHalf<S>, OwnedWriteHalf<S>) {
    let stream = Rc::new(stream);
    (OwnedReadHalf(stream.clone()), OwnedWriteHalf { stream, end: Some(end) })
}

impl<S> OwnedReadHalf<S> {
    /// The whole connection again.
    ///
    /// # Errors
    ///
    /// Both halves, if they are not of the same connection.
    pub fn reunite(self, other: OwnedWriteHalf<S>) -> Result<S, ReuniteError<S>> {
        if !Rc::ptr_eq(&self.0, &other.stream) {
            return Err(ReuniteError(self, other));
        }
        other.forget();
        Ok(Rc::into_inner(self.0).expect("nobody has a third half"))
    }
}

impl<S> OwnedWriteHalf<S> {
    /// Drops it, and leaves the direction as it is: the peer reads an end when the other half is dropped, too.
    pub fn forget(mut self) {
        self.end = None;
    }
}

impl<S> Drop for OwnedWriteHalf<S> {
    fn drop(&mut self) {
        if let Some(end) = self.end {
            end(&self.stream);
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for OwnedWriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedWriteHalf").field(&self.stream).finish()
    }
}

/// Two halves that are not of the same connection.
#[derive(Debug)]
pub struct ReuniteError<S>(pub OwnedReadHalf<S>, pub OwnedWriteHalf<S>);

impl<S> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these are halves of two connections: reunite what into_split gave together")
    }
}

impl<S: fmt::Debug> Error for ReuniteError<S> {}

macro_rules! reads {
    ($($half:ty),*) => {$(
        impl<S> AsyncRead for $half
        where
            for<'b> &'b S: AsyncRead,
        {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self.0).poll_read(cx, buf)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self.0).poll_read_vectored(cx, bufs)
            }
        }

        impl<S> AsRef<S> for $half {
            fn as_ref(&self) -> &S {
                &self.0
            }
        }
    )*};
}
reads!(ReadHalf<'_, S>, OwnedReadHalf<S>);

macro_rules! writes {
    ($($half:ty: $stream:tt),*) => {$(
        impl<S> AsyncWrite for $half
        where
            for<'b> &'b S: AsyncWrite,
        {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self.$stream).poll_write(cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self.$stream).poll_write_vectored(cx, bufs)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut &*self.$stream).poll_flush(cx)
            }

            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut &*self.$stream).poll_close(cx)
            }
        }

        impl<S> AsRef<S> for $half {
            fn as_ref(&self) -> &S {
                &self.$stream
            }
        }
    )*};
}
writes!(WriteHalf<'_, S>: 0, OwnedWriteHalf<S>: stream);
