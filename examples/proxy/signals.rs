//! How the program is told to stop.

use evenkeel::cancel::CancelToken;
use std::io;

/// What a shell reports for a program that was interrupted. A second signal ends this one with it, whatever it is doing.
#[cfg(unix)]
const INTERRUPTED: i32 = 130;

/// A token that the first SIGTERM or SIGINT cancels.
///
/// # Errors
///
/// If the process has as many descriptors as it may have.
#[cfg(unix)]
pub(crate) fn stop() -> io::Result<CancelToken> {
    use evenkeel::{io::Async, spawn};
    use futures::AsyncReadExt;
    use signal_hook::{
        consts::{SIGINT, SIGTERM},
        flag, low_level,
    };
    use std::{
        os::unix::net::UnixStream,
        sync::{Arc, atomic::AtomicBool},
    };

    // A signal's handler may do next to nothing. It writes a byte, and the loop, which waits for sockets anyway, waits for that, too.
    let (comes, goes) = UnixStream::pair()?;
    let has_come = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // In this order: the first signal finds the flag as it was.
        flag::register_conditional_shutdown(signal, INTERRUPTED, has_come.clone())?;
        flag::register(signal, has_come.clone())?;
        low_level::pipe::register(signal, goes.try_clone()?)?;
    }
    let stop = CancelToken::new();
    let stops = stop.clone();
    let mut comes = Async::new(comes)?;
    spawn(async move {
        // An error would mean that nothing can come any more.
        let _ = comes.read(&mut [0]).await;
        stops.cancel("a signal has come");
    })
    .detach();
    Ok(stop)
}

/// A token that nobody cancels: elsewhere Ctrl-C ends the program at once.
#[cfg(not(unix))]
pub(crate) fn stop() -> io::Result<CancelToken> {
    Ok(CancelToken::new())
}
