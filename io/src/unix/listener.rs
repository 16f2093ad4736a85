//! Listening for connections of the Unix domain.

use super::{
    address::{at_path, not_bound, unnamed},
    stream::UnixStream,
};
use crate::{
    accept::{Acceptor, Want},
    asynchronous::{Async, Wait},
    driver::waiters::Ticket,
    fd::{converts, lends_fd},
};
use futures_core::Stream;
use std::{
    fmt,
    future::poll_fn,
    io,
    os::unix::net::{self, SocketAddr},
    path::Path,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Listens for connections of the Unix domain: at a path, or on Linux under an abstract name.
///
/// A listener may be awaited by several tasks: each connection goes to one of them. The file at its path stays when it is dropped; whoever made it
/// removes it.
///
/// ```
/// use evenkeel::{io::{UnixListener, UnixStream}, run, spawn};
///
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("socket");
/// run(async {
///     let listener = UnixListener::bind(&path).unwrap();
///     let client = spawn(async move {
///         let stream = UnixStream::connect(&path).await.unwrap();
///         stream.write_all(b"ahoy").await.unwrap();
///     });
///     let (stream, _) = listener.accept().await.unwrap();
///     let mut text = [0; 4];
///     assert_eq!(stream.read(&mut text).await.unwrap(), 4);
///     assert_eq!(&text, b"ahoy");
///     client.await.unwrap();
/// });
/// ```
pub struct UnixListener {
    io: Async<net::UnixListener>,
    want: Want,
}

impl UnixListener {
    /// Listens at that path, where a file is made that stays there. How many connections may wait to be accepted is std's affair, and the system's.
    ///
    /// # Errors
    ///
    /// [`AddrInUse`](io::ErrorKind::AddrInUse), with the path, if something is there already, also the file of a listener that is gone. If the path
    /// is too long for the system (108 bytes on Linux), or no file can be made there.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixListener> {
        UnixListener::bind_addr(&at_path(path.as_ref())?)
    }

    /// Listens at that address of std's: a path, or an abstract name.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use evenkeel::io::UnixListener;
    /// use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
    ///
    /// let name = SocketAddr::from_abstract_name(format!("evenkeel-{}", std::process::id())).unwrap();
    /// let listener = UnixListener::bind_addr(&name).unwrap();
    /// assert!(UnixListener::bind_addr(&name).is_err());
    /// # drop(listener);
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`bind`](UnixListener::bind).
    pub fn bind_addr(address: &SocketAddr) -> io::Result<UnixListener> {
        let listener = net::UnixListener::bind_addr(address).map_err(|error| not_bound(address, error))?;
        UnixListener::from_std(listener)
    }

    /// A listener of std's, which is in non-blocking mode from now on.
    ///
    /// # Errors
    ///
    /// If the mode cannot be set.
    pub fn from_std(listener: net::UnixListener) -> io::Result<UnixListener> {
        listener.set_nonblocking(true)?;
        Ok(UnixListener { io: Async::new_nonblocking(listener), want: Want::default() })
    }

    /// The listener as std has it. It stays in non-blocking mode.
    pub fn into_std(self) -> net::UnixListener {
        self.io.into_inner()
    }

    /// Accepts the next connection, and tells whose it is, which is nameless as a rule.
    ///
    /// While the process or the system has run out of descriptors or memory, this waits, and tries again after a pause between 10 ms and a second,
    /// as long as it takes; that is told of at the first of several failures in a row, as [`UnhandledKind::Retried`](evenkeel_executor::UnhandledKind), to `on_unhandled`.
    ///
    /// # Errors
    ///
    /// If the listener does not listen any more; outside an executor, or on one that cannot have a driver.
    ///
    /// # Panics
    ///
    /// If it has to pause outside an executor.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time: no connection is lost, the next one that accepts gets it.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let wait = self.io.wait();
        let mut acceptor = Acceptor::default();
        let stream = poll_fn(|cx| self.poll_accept(cx, &mut acceptor, wait.ticket)).await?;
        // Some systems have forgotten a peer that is gone.
        let address = stream.peer_addr().unwrap_or_else(|_| unnamed());
        Ok((stream, address))
    }

    fn poll_accept(
        &self,
        cx: &mut Context<'_>,
        acceptor: &mut Acceptor,
        ticket: Ticket,
    ) -> Poll<io::Result<UnixStream>> {
        let (socket, _) = ready!(acceptor.poll(cx, (&self.io, &self.want), ticket, || self.describe()))?;
        Poll::Ready(Ok(UnixStream::of(socket.into())))
    }

    fn describe(&self) -> String {
        match self.local_addr() {
            Ok(address) => format!("the listener on {address:?}"),
            Err(_) => "a listener".to_owned(),
        }
    }

    /// All connections that come, as a stream that ends with an error of the listener's own, behind which there is nothing. Each item is what
    /// [`accept`](UnixListener::accept) gives, without the address.
    pub fn incoming(&self) -> UnixIncoming<'_> {
        UnixIncoming { listener: self, wait: self.io.wait(), acceptor: Acceptor::default(), has_ended: false }
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }
}

lends_fd!(UnixListener, this => this.io);
converts!(UnixListener, net::UnixListener);

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnixListener").field(self.io.get_ref()).finish()
    }
}

/// The connections that come to a listener of the Unix domain: a [`Stream`], which [`UnixListener::incoming`] gives.
#[must_use = "a stream does nothing before it is polled"]
pub struct UnixIncoming<'a> {
    listener: &'a UnixListener,
    wait: Wait<'a>,
    acceptor: Acceptor,
    has_ended: bool,
}

impl Stream for UnixIncoming<'_> {
    type Item = io::Result<UnixStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<UnixStream>>> {
        let this = self.get_mut();
        if this.has_ended {
            return Poll::Ready(None);
        }
        let accepted = ready!(this.listener.poll_accept(cx, &mut this.acceptor, this.wait.ticket));
        this.has_ended = accepted.is_err();
        Poll::Ready(Some(accepted))
    }
}

impl fmt::Debug for UnixIncoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnixIncoming").field(self.listener).finish()
    }
}
