//! Addresses of std's as the system's calls take them.

use rustix::net::SocketAddrUnix;
#[cfg(target_os = "android")]
use std::os::android::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::{
    io,
    os::unix::net::SocketAddr,
    path::{Path, PathBuf},
};

/// The address at that path.
pub(super) fn at_path(path: &Path) -> io::Result<SocketAddr> {
    SocketAddr::from_pathname(path)
}

/// That address, if it names anybody.
pub(super) fn named(address: &SocketAddr) -> io::Result<SocketAddrUnix> {
    if let Some(path) = address.as_pathname() {
        return Ok(SocketAddrUnix::new(path)?);
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = address.as_abstract_name() {
        return Ok(SocketAddrUnix::new_abstract_name(name)?);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "an address without a name is nobody's: give a path"))
}

/// The address of a peer that has none.
pub(super) fn unnamed() -> SocketAddr {
    SocketAddr::from_pathname("").expect("no path is not too long")
}

/// An error of binding that address, in clear words.
pub(super) fn not_bound(address: &SocketAddr, error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::AddrInUse {
        return error;
    }
    let text = match address.as_pathname().map(PathBuf::from) {
        Some(path) => format!(
            "{} is there already ({error}): a socket's file stays when its socket is closed, so remove it if nobody listens there any more",
            path.display()
        ),
        None => format!("that name is taken ({error})"),
    };
    io::Error::new(io::ErrorKind::AddrInUse, text)
}
