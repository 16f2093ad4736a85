//! One client, from the connection to its upstream to the last byte.

use crate::{
    Proxy,
    stats::{End, Visit},
};
use evenkeel::{Instant, cancel::Deadline, io::TcpStream, timeout};
use futures::future::try_join;
use std::{cell::Cell, io, net::Shutdown, time::Duration};

/// So many bytes of each direction are under way in the proxy at most: who does not read holds up only whoever writes to him.
const CHUNK: usize = 16 * 1024;

/// Connects a client to the upstream, and passes on what both send until both have ended.
///
/// # Errors
///
/// If the upstream cannot be reached. What breaks later is counted only: a client may leave when he likes.
pub(crate) async fn relay(client: TcpStream, proxy: &Proxy) -> io::Result<()> {
    let (args, stats) = (&proxy.args, &proxy.stats);
    let mut visit = Visit::begin(stats);
    let client = Resetting::new(client);
    let upstream = match timeout(args.connect_timeout, TcpStream::connect(&*args.upstream)).await {
        Ok(Ok(upstream)) => Resetting::new(upstream),
        Ok(Err(error)) => return Err(unreachable(visit, &args.upstream, error)),
        Err(elapsed) => return Err(unreachable(visit, &args.upstream, elapsed.into())),
    };

    let idle = Idle { deadline: Deadline::after(args.idle_timeout), limit: args.idle_timeout };
    // The first direction that fails ends the other.
    let both = try_join(
        pass_on(&client.stream, &upstream.stream, &idle, &stats.bytes_up),
        pass_on(&upstream.stream, &client.stream, &idle, &stats.bytes_down),
    );
    match idle.deadline.run(both).await {
        Ok(Ok(_)) => {
            visit.end = End::Whole;
            client.close();
            upstream.close();
        }
        Ok(Err(_)) => visit.end = End::Broken,
        Err(_) => visit.end = End::Idle,
    }
    Ok(())
}

fn unreachable(mut visit: Visit<'_>, upstream: &str, error: io::Error) -> io::Error {
    visit.end = End::Unreachable;
    io::Error::new(error.kind(), format!("cannot connect to {upstream}: {error}"))
}

/// When a client has been idle for too long. Each byte moves that away.
struct Idle {
    deadline: Deadline,
    limit: Duration,
}

impl Idle {
    fn begin_again(&self) {
        let end = Instant::now().checked_add(self.limit).unwrap_or(Instant::NEVER);
        self.deadline.reschedule(Some(end));
    }
}

/// Passes bytes on to the end of what `from` sends, and then that end.
async fn pass_on(from: &TcpStream, to: &TcpStream, idle: &Idle, bytes: &Cell<u64>) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            // The other direction may go on for long.
            return to.shutdown(Shutdown::Write);
        }
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            idle.begin_again();
            let written = to.write(rest).await?;
            rest = &rest[written..];
            bytes.set(bytes.get() + written as u64);
        }
        idle.begin_again();
    }
}

/// A connection that is reset when it is dropped, however that comes, so that its peer learns that something went wrong.
struct Resetting {
    stream: TcpStream,
    is_whole: bool,
}

impl Resetting {
    fn new(stream: TcpStream) -> Resetting {
        Resetting { stream, is_whole: false }
    }

    /// Closes it in order: both directions have ended.
    fn close(mut self) {
        self.is_whole = true;
    }
}

impl Drop for Resetting {
    fn drop(&mut self) {
        if !self.is_whole {
            // It fails if the connection has gone, which is as good.
            let _ = self.stream.set_linger(Some(Duration::ZERO));
        }
    }
}
