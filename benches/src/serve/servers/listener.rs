//! The socket that all servers listen at.

use rustix::net::{AddressFamily, Ipv4Addr, SocketAddrV4, SocketFlags, SocketType, bind, listen, socket_with};
use std::{io, net::TcpListener};

/// So many connections wait at most for being accepted.
pub(super) const BACKLOG: i32 = 1024;

/// A socket that listens on loopback, at a port that the system chooses.
pub(super) fn listener() -> io::Result<TcpListener> {
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}
