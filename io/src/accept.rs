//! How connections are accepted when things go wrong.

use crate::{
    asynchronous::Async,
    driver::{side::Direction, waiters::Ticket},
    fd::AsFd,
    sys,
};
use evenkeel_executor::{Instant, Sleep, UnhandledKind, combinator::report_unhandled, sleep_until};
use rustix::{fd::OwnedFd, io::Errno, net::SocketAddrAny};
use std::{
    cell::Cell,
    io,
    panic::{RefUnwindSafe, UnwindSafe},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

/// How often in a row a listener could not accept for want of something, and until when it pauses.
///
/// Three kinds of errors are told apart. An error of the *connection* that was to be accepted, which has gone meanwhile, concerns nobody: the next one
/// is accepted. If the process or the system has *run out* of descriptors or memory, the connection waits in the system's line, and to try again at
/// once would be in vain: so there is a pause, which is told of at the first of several failures in a row, and grows up to a second. It is the listener's, whoever accepts, and however often
/// he gives up and begins again. All other errors are the listener's own.
#[derive(Default)]
pub(crate) struct Want {
    failures: Cell<u32>,
    until: Cell<Option<Instant>>,
}

/// A panic leaves it whole.
impl UnwindSafe for Want {}
impl RefUnwindSafe for Want {}

/// One who accepts.
#[derive(Default)]
pub(crate) struct Acceptor {
    pause: Option<Pin<Box<Sleep>>>,
}

const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);

impl Acceptor {
    /// Accepts the next connection. `who` is what is told of.
    pub(crate) fn poll<T: AsFd>(
        &mut self,
        cx: &mut Context<'_>,
        (listener, want): (&Async<T>, &Want),
        ticket: Ticket,
        who: impl Fn() -> String,
    ) -> Poll<io::Result<(OwnedFd, Option<SocketAddrAny>)>> {
        loop {
            if let (None, Some(until)) = (&self.pause, want.until.get()) {
                // It may have been another executor's pause, by another clock.
                let until = until.min(Instant::now() + LONGEST);
                self.pause = Some(Box::pin(sleep_until(until)));
            }
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
                want.is_over(Instant::now());
            }
            let accepted = ready!(listener.poll_op(cx, Direction::Read, ticket, |listener| sys::accept(listener)));
            let Err(error) = accepted else {
                want.failures.set(0);
                want.until.set(None);
                return Poll::Ready(accepted);
            };
            match Errno::from_io_error(&error) {
                Some(errno) if is_of_the_connection(errno) => {}
                Some(errno) if is_want(errno) => want.pause(&error, who()),
                _ => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Want {
    /// The pause of one who accepts is over. Another's may be longer.
    fn is_over(&self, now: Instant) {
        self.until.set(self.until.get().filter(|until| *until > now));
    }

    #[cold]
    fn pause(&self, error: &io::Error, who: String) {
        let failures = self.failures.get();
        let pause = SHORTEST.saturating_mul(1 << failures.min(10)).min(LONGEST);
        if failures == 0 {
            let text = format!("{who} cannot accept a connection ({error}), and tries again in {pause:?}");
            report_unhandled(UnhandledKind::Retried(text.into()));
        }
        self.failures.set(failures.saturating_add(1));
        self.until.set(Some(Instant::now() + pause));
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
    if [Errno::NFILE, Errno::NOMEM, Errno::NOSPC, Errno::PERM].contains(&error) {
        // The last one: a rule of a firewall forbids this connection, or a sandbox all of them.
        return true;
    }
    [Errno::MFILE, Errno::NOBUFS].contains(&error)
}
