//! How a connection is made.

use crate::{asynchronous::Async, sys};
use rustix::{
    fd::OwnedFd,
    net::{SocketType, addr::SocketAddrArg, sockopt::socket_error},
};
use std::{io, net::SocketAddr};

/// Connects to the first of these addresses that can be connected to, one after the other. The error is the last one's.
pub(crate) async fn connect_to_any(addresses: Vec<SocketAddr>) -> io::Result<OwnedFd> {
    let mut last = None;
    for address in addresses {
        let connected = match sys::socket_for(&address, SocketType::STREAM) {
            Ok(socket) => connect(socket, &address).await,
            Err(error) => Err(error),
        };
        match connected {
            Ok(socket) => return Ok(socket),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "there is no address to connect to")))
}

/// Connects a socket. If this is dropped, the socket is closed.
async fn connect(socket: OwnedFd, address: &impl SocketAddrArg) -> io::Result<OwnedFd> {
    let is_done = sys::begin_to_connect(&socket, address)?;
    connected(socket, is_done).await
}

/// A socket that has begun to connect, as soon as that is done. If this is dropped, the socket is closed.
pub(crate) async fn connected(socket: OwnedFd, is_done: bool) -> io::Result<OwnedFd> {
    if is_done {
        return Ok(socket);
    }
    let socket = Async::new_nonblocking(socket);
    socket.writable().await?;
    socket_error(&socket)??;
    Ok(socket.into_inner())
}
