//! Anything that can be polled.

use crate::{
    driver::{side::Direction, source::Source, waiters::Ticket},
    fd::{AsFd, fd_of, lends_fd},
    sys,
};
use evenkeel_coop::poll_within_budget;
use futures_io::{AsyncRead, AsyncWrite};
use rustix::io::ioctl_fionbio;
use std::{
    fmt,
    future::poll_fn,
    io::{self, IoSlice, IoSliceMut, Read, Write},
    pin::Pin,
    task::{Context, Poll},
};

/// Anything that has a descriptor and can be polled, as a source of the loop's: a socket that this crate has no type for, a pipe, a terminal, an inotify
/// or timer descriptor. (On Windows: a socket.)
///
/// It registers with an executor at its first wait, so it can be made anywhere. It may move to another executor; if it is awaited on two at once, one of
/// them gets an error. Whoever closes the descriptor by other means leaves those who wait for it waiting: the system tells nobody.
///
/// A few tasks may wait at once, in both directions, and in the same one: each that waits in an `async` method is woken. Of the `poll_…` methods the
/// newest waker in each direction counts, and counts as one who waits until it was woken, also if whoever polled waits no more.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use evenkeel::{io::Async, run};
/// use rustix::{event::{EventfdFlags, eventfd}, io::{read, write}};
///
/// let counter = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
/// let counter = Async::new(counter).unwrap();
/// let sum = run(async {
///     write(counter.get_ref(), &7_u64.to_ne_bytes()).unwrap();
///     let mut sum = [0; 8];
///     counter.read_with(|counter| Ok(read(counter, &mut sum)?)).await.unwrap();
///     u64::from_ne_bytes(sum)
/// });
/// assert_eq!(sum, 7);
/// # }
/// ```
pub struct Async<T: AsFd> {
    source: Source,
    /// It is there until this value is taken apart or dropped.
    io: Option<T>,
}

impl<T: AsFd> Async<T> {
    /// Makes it a source, and sets the non-blocking mode. That mode is not the descriptor's but that of what is open: all who share it, as processes
    /// share a terminal, have it then.
    ///
    /// # Errors
    ///
    /// If the mode cannot be set.
    pub fn new(io: T) -> io::Result<Async<T>> {
        ioctl_fionbio(fd_of(&io), true)?;
        Ok(Async::new_nonblocking(io))
    }

    /// Makes something a source that is in non-blocking mode already. An operation that blocks holds up the loop.
    pub fn new_nonblocking(io: T) -> Async<T> {
        Async { source: Source::new(), io: Some(io) }
    }

    /// What it is made of.
    pub fn get_ref(&self) -> &T {
        self.io.as_ref().expect("it is there until this is dropped")
    }

    /// Takes it off the loop. It stays in non-blocking mode.
    pub fn into_inner(mut self) -> T {
        self.leave();
        self.io.take().expect("it is there until this is dropped")
    }

    /// Waits until it is readable, or has come to an end that a read tells of, whoever reads, and by what means. Another may have read before this
    /// one's task goes on, so that a read would block again.
    ///
    /// # Errors
    ///
    /// Outside an executor; on an executor that cannot have a driver; if the descriptor cannot be polled, as that of a file on a disk cannot.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time, and nothing is lost.
    pub async fn readable(&self) -> io::Result<()> {
        let wait = self.wait();
        poll_fn(|cx| self.poll_ready(cx, Direction::Read, wait.ticket)).await
    }

    /// Waits until it is writable, or cannot be written any more. [`readable`](Async::readable) says more.
    ///
    /// # Errors
    ///
    /// As those of [`readable`](Async::readable).
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time, and nothing is lost.
    pub async fn writable(&self) -> io::Result<()> {
        let wait = self.wait();
        poll_fn(|cx| self.poll_ready(cx, Direction::Write, wait.ticket)).await
    }

    /// [`readable`](Async::readable) for those who poll. Of several the newest is woken.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx, Direction::Read, Ticket::POLL)
    }

    /// [`writable`](Async::writable) for those who poll. Of several the newest is woken.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx, Direction::Write, Ticket::POLL)
    }

    /// Calls `op` until it does not fail with [`WouldBlock`](io::ErrorKind::WouldBlock), and after each time that it does when the source has become
    /// readable. An operation that is interrupted is tried again.
    ///
    /// `op` is to fail so only if the system did, in its last call on this descriptor: what it left unread is not told of again.
    ///
    /// # Errors
    ///
    /// Those of `op`, and those of [`readable`](Async::readable).
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, `op` has done nothing: after the call in which it does something this is done.
    pub async fn read_with<R>(&self, mut op: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        let wait = self.wait();
        poll_fn(|cx| self.poll_op(cx, Direction::Read, wait.ticket, &mut op)).await
    }

    /// [`read_with`](Async::read_with) for an operation that waits until the source is writable.
    ///
    /// # Errors
    ///
    /// Those of `op`, and those of [`readable`](Async::readable).
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, `op` has done nothing: after the call in which it does something this is done.
    pub async fn write_with<R>(&self, mut op: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        let wait = self.wait();
        poll_fn(|cx| self.poll_op(cx, Direction::Write, wait.ticket, &mut op)).await
    }

    /// [`read_with`](Async::read_with) for those who poll. Of several the newest is woken.
    pub fn poll_read_with<R>(&self, cx: &mut Context<'_>, op: impl FnMut(&T) -> io::Result<R>) -> Poll<io::Result<R>> {
        self.poll_op(cx, Direction::Read, Ticket::POLL, op)
    }

    /// [`write_with`](Async::write_with) for those who poll. Of several the newest is woken.
    pub fn poll_write_with<R>(&self, cx: &mut Context<'_>, op: impl FnMut(&T) -> io::Result<R>) -> Poll<io::Result<R>> {
        self.poll_op(cx, Direction::Write, Ticket::POLL, op)
    }
}

impl<T: AsFd> Async<T> {
    /// What the driver knows of it.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// A wait of a future's own.
    pub(crate) fn wait(&self) -> Wait<'_> {
        Wait { source: &self.source, ticket: self.source.new_ticket() }
    }

    /// Does `op` as soon as that direction is ready for it, within the task's budget.
    #[inline]
    pub(crate) fn poll_op<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        ticket: Ticket,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let (io, side) = (self.get_ref(), self.source.side(direction));
        poll_within_budget(cx, |cx| {
            loop {
                if side.is_ready() {
                    side.take_fresh();
                    match op(io) {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => side.would_block(),
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        done => return Poll::Ready(done),
                    }
                } else {
                    if let Err(error) = self.source.wait(fd_of(io), direction, ticket, cx.waker()) {
                        return Poll::Ready(Err(error));
                    }
                    // Cloning a waker may be foreign code, which drives the loop of another executor.
                    if !side.is_ready() {
                        return Poll::Pending;
                    }
                }
            }
        })
    }

    fn poll_ready(&self, cx: &mut Context<'_>, direction: Direction, ticket: Ticket) -> Poll<io::Result<()>> {
        let side = self.source.side(direction);
        poll_within_budget(cx, |cx| {
            side.ask_poller();
            // What was told is news once. Then it may be over, by operations that went another way, so the system is asked.
            if side.is_ready() && !side.take_fresh() && !sys::is_ready(fd_of(self.get_ref()), direction)? {
                side.would_block();
            }
            if !side.is_ready() {
                if let Err(error) = self.source.wait(fd_of(self.get_ref()), direction, ticket, cx.waker()) {
                    return Poll::Ready(Err(error));
                }
            }
            if side.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
    }

    /// Does `op` now, whether the driver says that it is ready or not.
    pub(crate) fn try_op<R>(&self, direction: Direction, mut op: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.source.side(direction).take_fresh();
        loop {
            match op(self.get_ref()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.source.side(direction).would_block();
                    return Err(error);
                }
                done => return done,
            }
        }
    }

    fn leave(&mut self) {
        if let Some(io) = &self.io {
            self.source.leave(fd_of(io));
        }
    }
}

impl<T: AsFd> Drop for Async<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

lends_fd!(Async<T> [T], this => this.get_ref());

impl<T: AsFd + fmt::Debug> fmt::Debug for Async<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Async").field(self.get_ref()).finish()
    }
}

/// It never pins what it is made of.
impl<T: AsFd> Unpin for Async<T> {}

impl<T: AsFd> AsyncRead for Async<T>
where
    for<'a> &'a T: Read,
{
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_read_with(cx, |mut io| io.read(buf))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_with(cx, |mut io| io.read_vectored(bufs))
    }
}

impl<T: AsFd> AsyncWrite for Async<T>
where
    for<'a> &'a T: Write,
{
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |mut io| io.write(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |mut io| io.write_vectored(bufs))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_with(cx, |mut io| io.flush())
    }

    /// Flushes. What ends when this value is dropped ends then.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// A future's wait. When it is dropped, nothing wakes the future's task any more.
pub(crate) struct Wait<'a> {
    source: &'a Source,
    pub(crate) ticket: Ticket,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.source.forget(self.ticket);
    }
}
