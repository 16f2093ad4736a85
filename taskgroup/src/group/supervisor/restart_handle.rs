//! The handle of a child that is restarted.

use super::{super::join_handle::JoinHandle, keep_running::Progress};
use std::{
    borrow::Cow,
    fmt,
    ops::{Deref, DerefMut},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// The handle of a child that is [restarted](crate::TaskGroup::spawn_restarting): that of a group's child, which it
/// [derefs](Deref) to, and how often it was restarted.
///
/// Awaiting it yields the value of the last run, as awaiting a [`JoinHandle`] does.
pub struct RestartHandle<T> {
    handle: JoinHandle<T>,
    progress: Rc<Progress>,
}

impl<T> RestartHandle<T> {
    pub(super) fn new(handle: JoinHandle<T>, progress: Rc<Progress>) -> RestartHandle<T> {
        RestartHandle { handle, progress }
    }

    /// How often the child was restarted: how many runs have begun after the first one.
    pub fn restarts(&self) -> usize {
        self.progress.restarts.get()
    }

    /// Has a run ended, and the child waits for the time of the next?
    pub fn is_waiting(&self) -> bool {
        self.progress.is_waiting.get() && !self.handle.is_finished()
    }

    /// Gives the child a name, for errors and diagnostics.
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        RestartHandle { handle: self.handle.named(name), progress: self.progress }
    }
}

impl<T> Deref for RestartHandle<T> {
    type Target = JoinHandle<T>;

    fn deref(&self) -> &JoinHandle<T> {
        &self.handle
    }
}

impl<T> DerefMut for RestartHandle<T> {
    fn deref_mut(&mut self) -> &mut JoinHandle<T> {
        &mut self.handle
    }
}

impl<T> Future for RestartHandle<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.handle).poll(cx)
    }
}

impl<T> fmt::Debug for RestartHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestartHandle")
            .field("handle", &self.handle)
            .field("restarts", &self.restarts())
            .field("is_waiting", &self.is_waiting())
            .finish()
    }
}
