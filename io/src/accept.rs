//! How connections are accepted when things go wrong.

use crate::{
    asynchronous::Async,
    driver::{side::Direction, waiters::Ticket},
    fd::AsFd,
    sys,
};
use evenkeel_executor::{Sleep, UnhandledKind, combinator::report_unhandled, sleep};
use rustix::{fd::OwnedFd, io::Errno, net::SocketAddrAny};
use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

/// One who accepts, and how often in a row he could not for want of something.
///
/// Three kinds of errors are told apart. An error of the *connection* that was to be accepted, which has gone meanwhile, concerns nobody: the next one
/// is accepted. If the process or the system has *run out* of descriptors or memory, the connection waits in the system's line, and to try again at
/// once would be in vain: so there is a pause, which is told of once, and grows up to a second. All other errors are the listener's own.
#[derive(Default)]
pub(crate) struct Acceptor {
    pause: Option<Pin<Box<Sleep>>>,
    failures: u32,
}

const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);

impl Acceptor {
    /// Accepts the next connection. `who` is what is told of.
    pub(crate) fn poll<T: AsFd>(
        &mut self,
        cx: &mut Context<'_>,
        listener: &Async<T>,
        ticket: Ticket,
        who: impl Fn() -> String,
    ) -> Poll<io::Result<(OwnedFd, Option<SocketAddrAny>)>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            let accepted = ready!(listener.poll_op(cx, Direction::Read, ticket, |listener| sys::accept(listener)));
            let Err(error) = accepted else {
                self.failures = 0;
                return Poll::Ready(accepted);
            };
            match Errno::from_io_error(&error) {
                Some(errno) if is_of_the_connection(errno) => {}
                Some(errno) if is_want(errno) => self.pause(&error, who()),
                _ => return Poll::Ready(Err(error)),
            }
        }
    }

    #[cold]
    fn pause(&mut self, error: &io::Error, who: String) {
        let pause = SHORTEST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        if self.failures == 0 {
            let text = format!("{who} cannot accept a connection ({error}), and tries again in {pause:?}");
            report_unhandled(UnhandledKind::Retried(text.into()));
        }
        self.failures = self.failures.saturating_add(1);
        self.pause = Some(Box::pin(sleep(pause)));
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("failures", &self.failures).finish_non_exhaustive()
    }
}

/// Is it an error of the one connection that was to be accepted? accept(2) lists those that Linux passes on.
fn is_of_the_connection(error: Errno) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if error == Errno::NONET {
        return true;
    }
    #[cfg(not(windows))]
    if error == Errno::PROTO {
        return true;
    }
    [
        Errno::CONNABORTED,
        Errno::CONNRESET,
        Errno::NETDOWN,
        Errno::NOPROTOOPT,
        Errno::HOSTDOWN,
        Errno::HOSTUNREACH,
        Errno::NETUNREACH,
    ]
    .contains(&error)
}

/// Has the process or the system run out of something?
fn is_want(error: Errno) -> bool {
    #[cfg(not(windows))]
    if [Errno::NFILE, Errno::NOMEM].contains(&error) {
        return true;
    }
    [Errno::MFILE, Errno::NOBUFS].contains(&error)
}
