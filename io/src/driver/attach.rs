//! A driver that is attached before the first socket asks for one.

use super::{driver::Driver, poller::Poller};
use std::io;

/// Settings of an executor's I/O driver.
///
/// Nobody needs them as a rule: an executor has the best driver of its system as soon as a socket waits on it.
///
/// ```
/// use evenkeel::io::{DriverBuilder, TcpListener};
///
/// evenkeel::run(async {
///     DriverBuilder::new().portable().attach().unwrap();
///     let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
///     assert_ne!(listener.local_addr().unwrap().port(), 0);
/// });
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a driver waits for sockets once it is attached: call .attach()"]
pub struct DriverBuilder {
    portable: bool,
}

impl DriverBuilder {
    /// The best driver of this system.
    pub fn new() -> DriverBuilder {
        DriverBuilder::default()
    }

    /// The driver that every system has, on the crate `polling`, also where there is a better one: to test with it what others will run.
    pub fn portable(mut self) -> Self {
        self.portable = true;
        self
    }

    /// Attaches the driver to the current executor.
    ///
    /// # Errors
    ///
    /// Outside an executor, unless one was [entered](evenkeel_executor::Executor::enter). If the executor has a driver, because a socket waited on
    /// it before for one, or was built with a [`Park`](evenkeel_executor::Park). If the process has as many descriptors as it may have.
    pub fn attach(self) -> io::Result<()> {
        let poller = if self.portable { Poller::portable() } else { Poller::new() };
        Driver::attach(poller?).map(drop)
    }
}
