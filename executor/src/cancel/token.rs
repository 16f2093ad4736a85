//! Cancellation that is passed by hand.

use crate::{
    outcome::reason::CancelReason,
    region::{
        region::Region,
        remote::{Remote, RemoteToken},
    },
    wake::call::call,
};
use evenkeel_coop::poll_within_budget;
use std::{
    fmt,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

/// Tells whether a scope was cancelled, to code that does not run in it.
///
/// Code that runs in the scope needs none: it is stopped. A token is for a computation that asks now and then, or for another
/// task that wants to stop together with this one. It counts as cancelled when its scope was, or one around that, or when
/// the scope's future was dropped unfinished.
///
/// ```
/// use evenkeel::{CancelScope, run, spawn};
///
/// run(async {
///     let scope = CancelScope::new();
///     let token = scope.token();
///     let watcher = spawn(async move { token.cancelled().await });
///     scope.cancel("enough");
///     assert_eq!(watcher.await.unwrap().to_string(), "enough");
/// });
/// ```
#[derive(Clone)]
pub struct CancelToken(pub(crate) Rc<Region>);

impl CancelToken {
    /// Was the scope cancelled, or one around it?
    pub fn is_cancelled(&self) -> bool {
        self.0.look();
        self.0.is_cancelled_now()
    }

    /// Why this very scope was cancelled.
    pub fn reason(&self) -> Option<CancelReason> {
        self.0.look();
        self.0.reason().cloned()
    }

    /// Cancels the scope, as [`CancelScope::cancel`](crate::CancelScope::cancel) does.
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.0.cancel_once(reason.into())
    }

    /// Waits until the scope is cancelled, and yields the reason. Cancel-safe.
    ///
    /// If only a scope around it was cancelled, the wait ends at the latest when this one's future is dropped, with the
    /// reason [`CancelReason::OwnerDropped`].
    pub fn cancelled(&self) -> WaitCancelled {
        WaitCancelled { region: self.0.clone(), key: None }
    }

    /// A form of this token that may go to other threads.
    pub fn remote(&self) -> RemoteToken {
        let remote = self.0.limit.remote.get_or_init(|| Arc::new(Remote::new())).clone();
        if let Some(reason) = self.reason() {
            remote.cancel(reason);
        }
        if let Some(waker) = self.0.limit.take_waker() {
            // The scope waits already: its future is to make itself known there.
            call(waker);
        }
        self.0.wake_waiters();
        RemoteToken(remote)
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("reason", &self.reason()).finish()
    }
}

/// The future of [`CancelToken::cancelled`].
#[must_use = "nothing is waited for until this is awaited"]
pub struct WaitCancelled {
    region: Rc<Region>,
    /// The key by which this future is registered with the scope.
    key: Option<usize>,
}

impl Future for WaitCancelled {
    type Output = CancelReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CancelReason> {
        poll_within_budget(cx, |cx| self.poll_reason(cx))
    }
}

impl WaitCancelled {
    fn poll_reason(&mut self, cx: &Context<'_>) -> Poll<CancelReason> {
        if let Some(reason) = self.reason() {
            self.leave();
            return Poll::Ready(reason);
        }
        let key = self.key.unwrap_or_else(|| self.region.new_waiter());
        self.key = Some(key);
        self.region.set_waiter(key, cx.waker());
        let waits = self.region.limit.remote.get().is_none_or(|remote| remote.keep_waiter(key, cx.waker()));
        // Another thread, or the waker's clone, may have cancelled it meanwhile.
        match self.reason() {
            Some(reason) => {
                self.leave();
                Poll::Ready(reason)
            }
            None => {
                debug_assert!(waits);
                Poll::Pending
            }
        }
    }

    fn reason(&self) -> Option<CancelReason> {
        self.region.look();
        self.region.reason().cloned()
    }

    /// Nobody waits with this future any more.
    fn leave(&mut self) {
        if let Some(key) = self.key.take() {
            self.region.remove_waiter(key);
            if let Some(remote) = self.region.limit.remote.get() {
                remote.remove_waiter(key);
            }
        }
    }
}

impl Drop for WaitCancelled {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for WaitCancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitCancelled").field("reason", &self.region.reason()).finish()
    }
}
