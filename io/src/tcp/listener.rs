//! Listening for connections.

use crate::{
    accept::{Acceptor, Want},
    asynchronous::{Async, Wait},
    driver::waiters::Ticket,
    fd::{converts, lends_fd},
    tcp::stream::TcpStream,
};
use futures_core::Stream;
use std::{
    fmt,
    future::poll_fn,
    io, net,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Listens for TCP connections.
///
/// A listener may be awaited by several tasks: each connection goes to one of them.
///
/// ```
/// use evenkeel::{io::{TcpListener, TcpStream}, run, spawn};
///
/// run(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
///     let address = listener.local_addr().unwrap();
///     let client = spawn(async move {
///         let stream = TcpStream::connect(address).await.unwrap();
///         stream.write_all(b"ahoy").await.unwrap();
///     });
///     let (stream, _) = listener.accept().await.unwrap();
///     let mut text = [0; 16];
///     let length = stream.read(&mut text).await.unwrap();
///     assert_eq!(&text[..length], b"ahoy");
///     client.await.unwrap();
/// });
/// ```
pub struct TcpListener {
    io: Async<net::TcpListener>,
    want: Want,
}

impl TcpListener {
    pub(super) fn of(listener: net::TcpListener) -> TcpListener {
        TcpListener { io: Async::new_nonblocking(listener), want: Want::default() }
    }

    /// A listener of std's, which is in non-blocking mode from now on.
    ///
    /// # Errors
    ///
    /// If the mode cannot be set.
    pub fn from_std(listener: net::TcpListener) -> io::Result<TcpListener> {
        listener.set_nonblocking(true)?;
        Ok(TcpListener::of(listener))
    }

    /// The listener as std has it. It stays in non-blocking mode.
    pub fn into_std(self) -> net::TcpListener {
        self.io.into_inner()
    }

    /// Accepts the next connection, and tells whose it is.
    ///
    /// A connection that has gone before it was accepted is passed over. While the process or the system has run out of descriptors or memory, this
    /// waits, and tries again after a pause between 10 ms and a second, as long as it takes; that is told of at the first of several failures in a row, as
    /// [`UnhandledKind::Retried`](evenkeel_executor::UnhandledKind), to `on_unhandled`.
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
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let wait = self.io.wait();
        let mut acceptor = Acceptor::default();
        poll_fn(|cx| self.poll_accept(cx, &mut acceptor, wait.ticket)).await
    }

    fn poll_accept(
        &self,
        cx: &mut Context<'_>,
        acceptor: &mut Acceptor,
        ticket: Ticket,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        loop {
            let (socket, address) = ready!(acceptor.poll(cx, (&self.io, &self.want), ticket, || self.describe()))?;
            let stream = TcpStream::of(socket.into());
            // Some systems accept a connection whose peer has gone, and then do not know who that was.
            let address = address.and_then(|address| SocketAddr::try_from(address).ok());
            if let Some(address) = address.or_else(|| stream.peer_addr().ok()) {
                return Poll::Ready(Ok((stream, address)));
            }
        }
    }

    fn describe(&self) -> String {
        match self.local_addr() {
            Ok(address) => format!("the listener on {address}"),
            Err(_) => "a listener".to_owned(),
        }
    }

    /// All connections that come, as a stream that ends with an error of the listener's own, behind which there is nothing. Each item is what
    /// [`accept`](TcpListener::accept) gives, without the address.
    ///
    /// ```
    /// use evenkeel::{io::{TcpListener, TcpStream}, run, spawn};
    /// use futures::StreamExt;
    ///
    /// run(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    ///     let address = listener.local_addr().unwrap();
    ///     let client = spawn(async move { TcpStream::connect(address).await.map(drop) });
    ///     let first = listener.incoming().next().await.unwrap().unwrap();
    ///     assert!(first.peer_addr().is_ok());
    ///     client.await.unwrap().unwrap();
    /// });
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self, wait: self.io.wait(), acceptor: Acceptor::default(), has_ended: false }
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// How many hops its packets may take. [`set_ttl`](TcpListener::set_ttl) sets it.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.get_ref().ttl()
    }

    /// Sets how many hops its packets may take.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.io.get_ref().set_ttl(hops)
    }
}

lends_fd!(TcpListener, this => this.io);
converts!(TcpListener, net::TcpListener);

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpListener").field(self.io.get_ref()).finish()
    }
}

/// The connections that come to a listener: a [`Stream`], which [`TcpListener::incoming`] gives.
#[must_use = "a stream does nothing before it is polled"]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
    wait: Wait<'a>,
    acceptor: Acceptor,
    has_ended: bool,
}

impl Stream for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<TcpStream>>> {
        let this = self.get_mut();
        if this.has_ended {
            return Poll::Ready(None);
        }
        let accepted = ready!(this.listener.poll_accept(cx, &mut this.acceptor, this.wait.ticket));
        this.has_ended = accepted.is_err();
        Poll::Ready(Some(accepted.map(|(stream, _)| stream)))
    }
}

impl fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Incoming").field(self.listener).finish()
    }
}
