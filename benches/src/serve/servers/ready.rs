//! A server tells that it listens, and learns when it is to end.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    process, thread,
};

/// Tells on standard output where the server listens and how it waits for its sockets. When standard input is closed, the
/// process ends.
pub(super) fn ready(address: SocketAddr, driver: &str) -> io::Result<()> {
    thread::Builder::new().name("standard input".to_owned()).spawn(|| {
        // Nothing comes; and if it cannot be read, nobody is there any more.
        let _ = io::stdin().read(&mut [0]);
        process::exit(0);
    })?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{} {driver}", address.port())?;
    stdout.flush()
}
