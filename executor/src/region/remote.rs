//! Cancelling a scope from another thread.

use crate::{outcome::reason::CancelReason, wake::call::call};
use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
};

/// What a scope shares with other threads.
///
/// The scope looks at `cancelled` whenever it is polled or asked. Why no cancellation is lost: whoever waits stores its
/// waker under the lock and then looks at the reason under the same lock; whoever cancels sets the reason and takes the
/// wakers under it. So either the waiter sees the reason, or the canceller finds the waker.
pub(crate) struct Remote {
    cancelled: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    reason: Option<CancelReason>,
    /// The waker of the scope's future.
    scope: Option<Waker>,
    /// The wakers of those who wait for a token's `cancelled()`, by their key there.
    waiters: Vec<Option<Waker>>,
}

impl Remote {
    pub(crate) fn new() -> Remote {
        Remote { cancelled: AtomicBool::new(false), state: Mutex::default() }
    }

    /// Was the scope cancelled? One plain load tells.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    pub(crate) fn reason(&self) -> Option<CancelReason> {
        if self.is_cancelled() { self.lock().reason.clone() } else { None }
    }

    /// Sets the reason, if there is none, and wakes whoever waits.
    pub(crate) fn cancel(&self, reason: CancelReason) -> bool {
        let wakers: Vec<Waker> = {
            let mut state = self.lock();
            if state.reason.is_some() {
                return false;
            }
            state.reason = Some(reason);
            self.cancelled.store(true, Ordering::Release);
            let scope = state.scope.take();
            scope.into_iter().chain(std::mem::take(&mut state.waiters).into_iter().flatten()).collect()
        };
        wakers.into_iter().for_each(call);
        true
    }

    /// Keeps the waker of the scope's future, which waits. `false` if the scope was cancelled meanwhile.
    pub(crate) fn keep_scope(&self, newest: &Waker) -> bool {
        let newest = newest.clone();
        let mut state = self.lock();
        let old = state.scope.replace(newest);
        let waits = state.reason.is_none();
        drop(state);
        drop(old);
        waits
    }

    /// Keeps the waker of a waiter. `false` if the scope was cancelled meanwhile.
    pub(crate) fn keep_waiter(&self, key: usize, newest: &Waker) -> bool {
        let newest = newest.clone();
        let mut state = self.lock();
        if state.waiters.len() <= key {
            state.waiters.resize(key + 1, None);
        }
        let old = state.waiters[key].replace(newest);
        let waits = state.reason.is_none();
        drop(state);
        drop(old);
        waits
    }

    pub(crate) fn remove_waiter(&self, key: usize) {
        let old = self.lock().waiters.get_mut(key).and_then(Option::take);
        drop(old);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing foreign runs in a critical section.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A [`CancelToken`](crate::CancelToken) that may go to other threads. Made by
/// [`CancelToken::remote`](crate::CancelToken::remote).
///
/// ```
/// use evenkeel::{CancelReason, CancelScope, Cancelled, run};
///
/// let outcome = run(async {
///     let scope = CancelScope::new();
///     let remote = scope.token().remote();
///     std::thread::spawn(move || remote.cancel("the disk is full"));
///     scope.run(std::future::pending::<()>()).await
/// });
/// assert_eq!(outcome, Err(Cancelled(CancelReason::from("the disk is full"))));
/// ```
#[derive(Clone)]
pub struct RemoteToken(pub(crate) Arc<Remote>);

impl RemoteToken {
    /// Cancels the scope. The first reason stays. `false` if it was cancelled before, from another thread or its own.
    ///
    /// The scope's thread learns of it when it next looks: at once if it is parked, at the end of its turn if it is at work.
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.0.cancel(reason.into())
    }

    /// Was the scope cancelled? A cancellation of a scope around it is seen here once its own thread has seen it.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Why the scope was cancelled.
    pub fn reason(&self) -> Option<CancelReason> {
        self.0.reason()
    }
}

impl fmt::Debug for RemoteToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteToken").field("reason", &self.reason()).finish()
    }
}
