//! Timers for hyper.

use evenkeel_executor::{Instant, Sleep, sleep, sleep_until};
use hyper::rt;
use send_wrapper::SendWrapper;
use std::{
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
    time::{self, Duration},
};

/// hyper's timer: its timeouts are sleeps of the executor that polls them.
///
/// Its time is that of the current executor, also under a [virtual clock](evenkeel_executor::VirtualClock), where a timeout of hyper's passes as all
/// others do. std's `Instant`, in which hyper counts, is made up then: it means something to this timer only, on this clock.
///
/// ```
/// use evenkeel::io::HyperTimer;
/// use std::time::Duration;
///
/// let mut http = hyper::server::conn::http1::Builder::new();
/// http.timer(HyperTimer::new()).header_read_timeout(Duration::from_secs(5));
/// ```
///
/// # Panics
///
/// Its sleeps panic outside an executor, as all sleeps do, and on another thread than the one that they were made on: hyper wants them to be `Send`,
/// which they are in name only. hyper moves none to another thread as long as its connection stays on one, as a connection over this crate's streams
/// must.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HyperTimer;

impl HyperTimer {
    /// hyper's timer.
    pub const fn new() -> HyperTimer {
        HyperTimer
    }
}

impl rt::Timer for HyperTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(OnThread(SendWrapper::new(sleep(duration))))
    }

    fn sleep_until(&self, deadline: time::Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(OnThread(SendWrapper::new(sleep_until(ours(deadline)))))
    }

    fn now(&self) -> time::Instant {
        let now = Instant::now();
        now.into_std().or_else(|| origin().checked_add(now.since_origin())).unwrap_or_else(origin)
    }

    /// Moves a sleep of this timer's without making another.
    fn reset(&self, sleep: &mut Pin<Box<dyn rt::Sleep>>, deadline: time::Instant) {
        match sleep.as_mut().downcast_mut_pin::<OnThread>() {
            Some(sleep) => sleep.get_mut().0.reset(ours(deadline)),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

/// That time on the current executor's clock.
fn ours(deadline: time::Instant) -> Instant {
    let made_up = || Instant::from_origin(deadline.saturating_duration_since(origin()));
    Instant::from_std(deadline).unwrap_or_else(made_up)
}

/// What stands for the origin of clocks that have nothing to do with std's.
fn origin() -> time::Instant {
    static ORIGIN: OnceLock<time::Instant> = OnceLock::new();
    *ORIGIN.get_or_init(time::Instant::now)
}

/// A sleep, which is used on the thread only on which it was made: another use panics. So it may be called `Send` and `Sync`: what another thread
/// has of it, it can do nothing with. It may drop it there, which panics, too.
struct OnThread(SendWrapper<Sleep>);

impl Future for OnThread {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut *self.0).poll(cx)
    }
}

impl rt::Sleep for OnThread {}
