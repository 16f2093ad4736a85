//! Memory that is read into without being initialised before.
//!
//! Whoever says how many bytes are initialised is believed. So the count is taken where it arises, from the slice that rustix calls
//! initialised, and nobody outside this file can hand in another one.

use rustix::fd::AsFd;
use std::{io, mem::MaybeUninit};

/// Receives into `room`, and returns how many of its first bytes are initialised. Nothing else is written to, and nothing is read.
fn receive(socket: impl AsFd, room: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    #[cfg(not(windows))]
    return Ok(rustix::io::read(socket, room)?.0.len());
    #[cfg(windows)]
    match rustix::net::recv(socket, room, rustix::net::RecvFlags::empty()) {
        Ok(((filled, _), _)) => Ok(filled.len()),
        // Behind a shutdown of this side there is an end, as on other systems.
        Err(rustix::io::Errno::SHUTDOWN) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Receives into hyper's buffer, and returns how many bytes came.
#[cfg(feature = "hyper")]
pub(crate) fn fill_cursor(socket: impl AsFd, cursor: &mut hyper::rt::ReadBufCursor<'_>) -> io::Result<usize> {
    // SAFETY: nothing in it may be made uninitialised. `receive` writes bytes of the system's only.
    let room = unsafe { cursor.as_mut() };
    let came = receive(socket, room)?;
    // SAFETY: so many bytes of what is not filled are initialised: `receive` says so of the first ones of exactly that slice.
    unsafe { cursor.advance(came) };
    Ok(came)
}

/// Receives into tokio's buffer, and returns how many bytes came.
#[cfg(feature = "tokio-io")]
pub(crate) fn fill_buf(socket: impl AsFd, buf: &mut tokio::io::ReadBuf<'_>) -> io::Result<usize> {
    // SAFETY: nothing in it may be made uninitialised. `receive` writes bytes of the system's only.
    let room = unsafe { buf.unfilled_mut() };
    let came = receive(socket, room)?;
    // SAFETY: so many bytes of what is not filled are initialised: `receive` says so of the first ones of exactly that slice.
    unsafe { buf.assume_init(came) };
    buf.advance(came);
    Ok(came)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use rustix::{
        fd::OwnedFd,
        io::write,
        net::{AddressFamily, SocketFlags, SocketType, socketpair},
    };

    /// A socket that a text has come to. Of its kind Miri knows pairs, and reading and writing.
    fn heard(text: &str) -> [OwnedFd; 2] {
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::empty(), None).unwrap();
        assert_eq!(write(&other, text.as_bytes()), Ok(text.len()));
        [one, other]
    }

    #[cfg(feature = "hyper")]
    #[test]
    fn io_10_what_comes_fills_hypers_buffer_behind_what_is_in_it() {
        let [one, _other] = heard("ahoy there");
        let mut memory = [MaybeUninit::uninit(); 6];
        let mut buf = hyper::rt::ReadBuf::uninit(&mut memory);
        buf.unfilled().put_slice(b"->");
        assert_eq!(fill_cursor(&one, &mut buf.unfilled()).unwrap(), 4);
        assert_eq!(buf.filled(), b"->ahoy");
        assert_eq!(fill_cursor(&one, &mut buf.unfilled()).unwrap(), 0, "it is full");
    }

    #[cfg(feature = "tokio-io")]
    #[test]
    fn io_10_what_comes_fills_tokios_buffer_behind_what_is_in_it() {
        let [one, _other] = heard("ahoy there");
        let mut memory = [MaybeUninit::uninit(); 8];
        let mut buf = tokio::io::ReadBuf::uninit(&mut memory);
        buf.put_slice(b"->");
        assert_eq!(fill_buf(&one, &mut buf.take(4)).unwrap(), 4);
        drop(one);
        assert_eq!(
            (buf.filled(), buf.remaining()),
            (&b"->"[..], 6),
            "what is taken of it is counted by whoever took it"
        );
    }
}
