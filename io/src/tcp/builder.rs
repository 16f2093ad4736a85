//! What a listener is made of.

use crate::{
    addresses::{ToSocketAddrs, resolve},
    sys,
    tcp::listener::TcpListener,
};
use rustix::net::{SocketType, bind, listen, sockopt};
use std::{io, net::SocketAddr};

impl TcpListener {
    /// Listens on that address, with a backlog of 1 024 and, on Unix, reuse of the address. Of several addresses the first is taken that can be bound.
    ///
    /// # Errors
    ///
    /// If the name has no address, or none of them can be bound.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, nothing listens.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
        TcpListener::builder().bind(address).await
    }

    /// A listener with settings.
    pub fn builder() -> TcpListenerBuilder {
        TcpListenerBuilder::new()
    }
}

/// Settings of a [`TcpListener`].
///
/// ```
/// use evenkeel::io::TcpListener;
///
/// evenkeel::run(async {
///     let listener = TcpListener::builder().backlog(64).bind("127.0.0.1:0").await.unwrap();
///     println!("listening on {}", listener.local_addr().unwrap());
/// });
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder listens nowhere before bind() is called"]
pub struct TcpListenerBuilder {
    backlog: u32,
    reuse_address: bool,
    #[cfg(unix)]
    reuse_port: bool,
    only_v6: Option<bool>,
}

impl TcpListenerBuilder {
    pub(crate) fn new() -> TcpListenerBuilder {
        // On Windows reuse of addresses means that anybody may take over a port that is in use.
        TcpListenerBuilder {
            backlog: 1024,
            reuse_address: cfg!(unix),
            #[cfg(unix)]
            reuse_port: false,
            only_v6: None,
        }
    }

    /// How many connections may wait to be accepted: 1 024 by default. The system may have a limit of its own (Linux: `net.core.somaxconn`).
    pub fn backlog(mut self, connections: u32) -> Self {
        self.backlog = connections;
        self
    }

    /// Whether the address may be bound though connections of an earlier listener there still end (`SO_REUSEADDR`); by default so on Unix, as std
    /// does.
    pub fn reuse_address(mut self, reuse: bool) -> Self {
        self.reuse_address = reuse;
        self
    }

    /// Whether others of this user, who say so too, may listen on the same port (`SO_REUSEPORT`); by default not. On Linux the system spreads
    /// connections over them, so that each core of a program can have a listener.
    #[cfg(unix)]
    pub fn reuse_port(mut self, reuse: bool) -> Self {
        self.reuse_port = reuse;
        self
    }

    /// Whether a listener on an IPv6 address takes connections over IPv6 only; by default as the system is set.
    pub fn only_v6(mut self, only: bool) -> Self {
        self.only_v6 = Some(only);
        self
    }

    /// Listens on the first of these addresses that can be bound. Port 0 lets the system choose one, which
    /// [`local_addr`](TcpListener::local_addr) tells.
    ///
    /// # Errors
    ///
    /// If the name has no address, or none of them can be bound: the last one's error.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, nothing listens.
    pub async fn bind(self, address: impl ToSocketAddrs) -> io::Result<TcpListener> {
        let mut last = None;
        for address in resolve(address).await? {
            match self.listen(&address) {
                Ok(listener) => return Ok(listener),
                Err(error) => last = Some(error),
            }
        }
        Err(last.expect("there is an address at least"))
    }

    fn listen(&self, address: &SocketAddr) -> io::Result<TcpListener> {
        let socket = sys::socket_for(address, SocketType::STREAM)?;
        sockopt::set_socket_reuseaddr(&socket, self.reuse_address)?;
        #[cfg(unix)]
        if self.reuse_port {
            sockopt::set_socket_reuseport(&socket, true)?;
        }
        if let (Some(only), true) = (self.only_v6, address.is_ipv6()) {
            sockopt::set_ipv6_v6only(&socket, only)?;
        }
        bind(&socket, address)?;
        listen(&socket, i32::try_from(self.backlog).unwrap_or(i32::MAX))?;
        Ok(TcpListener::of(socket.into()))
    }
}
