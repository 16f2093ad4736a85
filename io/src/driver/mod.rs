//! What an executor and its sockets have to do with each other.
//!
//! The [driver](driver::Driver) comes into being with an executor's first wait for a socket, by the public means of
//! [`attach_driver`](evenkeel_executor::attach_driver). Each socket is a [source](source::Source), which registers there with its first wait. The driver asks
//! the system through a [poller](poller::Poller), notes what has changed in the source's [sides](sides::Sides), and wakes who waits. All of it is on the
//! loop's thread; only the unparker is called from others.

pub(crate) mod attach;
pub(crate) mod host;
pub(crate) mod source;
#[expect(clippy::module_inception, reason = "the room is named after its first noun")]
mod driver;
mod sources;
mod poller;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod epoll;
mod portable;
mod sides;
mod change;
pub(crate) mod side;
pub(crate) mod waiters;

/// An error where a socket could not be awaited: outside an executor, or on one that can have no driver.
pub(crate) fn check() -> std::io::Result<()> {
    driver::Driver::current().map(drop)
}
