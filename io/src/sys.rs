//! What systems do differently: sockets that are born non-blocking and close-on-exec.

use crate::{driver::side::Direction, fd::AsFd};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::{BorrowedFd, OwnedFd},
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
    start()?;
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
    // A write to a peer that is gone is an error, also in a program that has not told the system to ignore that signal.
    #[cfg(target_vendor = "apple")]
    rustix::net::sockopt::set_socket_nosigpipe(socket, true)?;
    rustix::io::ioctl_fioclex(socket)?;
    rustix::io::ioctl_fionbio(socket, true)?;
    Ok(())
}

#[cfg(windows)]
fn prepare(socket: &OwnedFd) -> io::Result<()> {
    rustix::io::ioctl_fionbio(socket, true)?;
    Ok(())
}

/// Is that direction ready, or at an end, now?
pub(crate) fn is_ready(fd: BorrowedFd<'_>, direction: Direction) -> io::Result<bool> {
    let flag = match direction {
        Direction::Read => PollFlags::IN,
        Direction::Write => PollFlags::OUT,
    };
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        match poll(&mut [PollFd::new(&fd, flag)], Some(&now)) {
            // A signal that has come is taken by then.
            Err(Errno::INTR) => {}
            ready => return Ok(ready? != 0),
        }
    }
}

#[cfg(not(windows))]
fn start() -> io::Result<()> {
    Ok(())
}

/// Windows wants to be told of a program's first socket. std does that for its own.
#[cfg(windows)]
fn start() -> io::Result<()> {
    static STARTED: std::sync::OnceLock<Result<(), Errno>> = std::sync::OnceLock::new();
    Ok((*STARTED.get_or_init(|| rustix::net::wsa_startup().map(drop)))?)
}
