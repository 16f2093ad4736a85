//! What systems do differently: sockets that are born non-blocking and close-on-exec.

use crate::fd::AsFd;
use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, acceptfrom_with, addr::SocketAddrArg, connect, socket_with},
};
use std::{io, net::SocketAddr};

/// Where the system has no flags for it, it is set right after.
#[cfg(any(target_os = "linux", target_os = "android"))]
const FLAGS: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const FLAGS: SocketFlags = SocketFlags::empty();

/// A socket that does not block, and is closed on exec.
pub(crate) fn socket(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
    let socket = socket_with(family, kind, FLAGS, None)?;
    prepare(&socket)?;
    Ok(socket)
}

/// That of an address.
pub(crate) fn socket_for(address: &SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    socket(family, kind)
}

/// Begins to connect. `true`: that is done; `false`: the socket becomes writable then.
pub(crate) fn begin_to_connect(socket: &OwnedFd, address: &impl SocketAddrArg) -> io::Result<bool> {
    match connect(socket, address) {
        Ok(()) => Ok(true),
        // An interrupted one goes on by itself.
        Err(Errno::INPROGRESS | Errno::INTR) => Ok(false),
        #[cfg(windows)]
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Accepts a connection, if one waits.
pub(crate) fn accept(listener: &impl AsFd) -> io::Result<(OwnedFd, Option<rustix::net::SocketAddrAny>)> {
    let (socket, address) = acceptfrom_with(listener, FLAGS)?;
    prepare(&socket)?;
    Ok((socket, address))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn prepare(_: &OwnedFd) -> io::Result<()> {
    Ok(())
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn prepare(socket: &OwnedFd) -> io::Result<()> {
    rustix::io::ioctl_fioclex(socket)?;
    rustix::io::ioctl_fionbio(socket, true)?;
    Ok(())
}

#[cfg(windows)]
fn prepare(socket: &OwnedFd) -> io::Result<()> {
    rustix::io::ioctl_fionbio(socket, true)?;
    Ok(())
}
