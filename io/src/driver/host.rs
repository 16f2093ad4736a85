//! A host that waits for an executor's descriptor.

use super::driver::Driver;
use evenkeel_executor::Executor;
use rustix::fd::BorrowedFd;
use std::{
    fmt, io,
    panic::{RefUnwindSafe, UnwindSafe},
    rc::Rc,
};

/// Executors that a host can wait for by a descriptor, in an event loop of its own.
pub trait ExecutorFd {
    /// A descriptor that is readable when [`tick`](Executor::tick) has something to do: something was woken, from this thread or another, a
    /// socket is ready, or a deadline has come. It can be waited for by any poll, epoll or library that takes descriptors, for reading,
    /// level- or edge-triggered; it is not to be read.
    ///
    /// Each tick that ends makes it readable at the right time: also at once, if something is ready still. So tick before the first wait. Behind a
    /// [run](Executor::run) or a [park](Executor::park) it is readable at once, so that the next tick follows.
    /// [`on_wake`](evenkeel_executor::ExecutorBuilder::on_wake) is called as ever, and not needed.
    ///
    /// # Errors
    ///
    /// If the executor was built with a [`Park`](evenkeel_executor::Park) or has the portable driver; if the process has as many descriptors as it may
    /// have. There is such a descriptor on Linux and Android only.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use evenkeel::{Executor, host::Readiness, io::ExecutorFd, sleep};
    /// use rustix::event::{PollFd, PollFlags, poll};
    /// use std::time::Duration;
    ///
    /// let executor = Executor::new();
    /// let fd = executor.as_fd().unwrap();
    /// let mut task = executor.spawn(sleep(Duration::from_millis(1)));
    /// loop {
    ///     let progress = executor.tick(Duration::from_millis(4));
    ///     if task.take_result().is_some() {
    ///         break;
    ///     }
    ///     assert_eq!(progress.readiness, Readiness::Idle);
    ///     // The host's own descriptors would stand beside this one.
    ///     poll(&mut [PollFd::new(&fd, PollFlags::IN)], None).unwrap();
    /// }
    /// # }
    /// ```
    fn as_fd(&self) -> io::Result<LoopFd>;
}

/// An executor's descriptor, which [`ExecutorFd::as_fd`] gives. It stays valid while this lives. When the executor has ended it tells of nothing but
/// of sockets that have waited there and were kept.
pub struct LoopFd(Rc<Driver>);

impl ExecutorFd for Executor {
    fn as_fd(&self) -> io::Result<LoopFd> {
        let driver = Driver::of(self)?;
        driver.poller.watched()?;
        Ok(LoopFd(driver))
    }
}

impl LoopFd {
    fn watched(&self) -> BorrowedFd<'_> {
        self.0.poller.watched().expect("it was there when this was made")
    }
}

/// There is none on Windows.
#[cfg(not(windows))]
impl rustix::fd::AsFd for LoopFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watched()
    }
}

#[cfg(not(windows))]
impl std::os::fd::AsRawFd for LoopFd {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.watched().as_raw_fd()
    }
}

/// A panic of what the driver wakes leaves it whole.
impl UnwindSafe for LoopFd {}
impl RefUnwindSafe for LoopFd {}

impl fmt::Debug for LoopFd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoopFd({:?})", self.watched())
    }
}
