//! Cancellation that is passed by hand.

use crate::{
    outcome::reason::CancelReason,
    region::{
        region::{Kind, Region},
        remote::RemoteToken,
    },
};
use evenkeel_coop::poll_within_budget;
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// Tells whether a scope was cancelled, to code that does not run in it. Or it stands alone, and tells of what is cancelled by it.
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
///
/// A token [of its own](CancelToken::new) is what tokio-util's `CancellationToken` is. Clones are the same token;
/// [children](CancelToken::child_token) are cancelled with it, and [what runs until it is cancelled](CancelToken::run_until_cancelled) is
/// stopped.
///
/// ```
/// use evenkeel::{cancel::CancelToken, run, spawn};
/// use std::future::pending;
///
/// run(async {
///     let shutdown = CancelToken::new();
///     let connections: Vec<_> = (0..3)
///         .map(|_| {
///             let token = shutdown.child_token();
///             spawn(async move { token.run_until_cancelled(pending::<()>()).await })
///         })
///         .collect();
///     shutdown.cancel("the shop closes");
///     for connection in connections {
///         assert_eq!(connection.await.unwrap(), None);
///     }
/// });
/// ```
#[derive(Clone)]
pub struct CancelToken(pub(crate) Rc<Region>);

impl CancelToken {
    /// A token that stands alone: of no scope, and of no executor.
    pub fn new() -> CancelToken {
        CancelToken(Region::new(Kind::Scope))
    }

    /// A token that is cancelled with this one, for the same reason; but this one is not cancelled with it. It is cancelled already if this
    /// one is. (If only a scope around this one's is cancelled, the child [counts](CancelToken::is_cancelled) as cancelled, too; it has a
    /// [reason](CancelToken::reason) no sooner than this one.)
    ///
    /// Children leave nothing behind in a token that lives on, and a chain of children keeps no token in it that nobody has, on this thread
    /// or, as a [`RemoteToken`], on another.
    ///
    /// ```
    /// use evenkeel::cancel::CancelToken;
    ///
    /// let server = CancelToken::new();
    /// let [one, two] = [server.child_token(), server.child_token()];
    /// one.cancel("its client is gone");
    /// assert!(!server.is_cancelled() && !two.is_cancelled());
    /// server.cancel("the server stops");
    /// assert_eq!(one.reason().unwrap().to_string(), "its client is gone");
    /// assert_eq!(two.reason().unwrap().to_string(), "the server stops");
    /// ```
    pub fn child_token(&self) -> CancelToken {
        CancelToken(self.0.heir())
    }

    /// Was the token cancelled, or the token whose child it is, or its scope, or a scope around that?
    pub fn is_cancelled(&self) -> bool {
        self.0.look();
        self.0.is_cancelled_now() || self.0.is_ancestor_cancelled()
    }

    /// Why this very token was cancelled, or its scope.
    pub fn reason(&self) -> Option<CancelReason> {
        self.0.look();
        self.0.reason().cloned()
    }

    /// Cancels the token, its children, and the scope, as [`CancelScope::cancel`](crate::CancelScope::cancel) does. The first reason stays;
    /// `false` if it was cancelled before.
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.0.cancel_once(reason.into())
    }

    /// Waits until the token is cancelled, and yields the reason. Cancel-safe. The future borrows nothing (tokio-util's
    /// `cancelled_owned`).
    ///
    /// If only a scope around the token's was cancelled, the wait ends at the latest when the token's scope's future is dropped, with the
    /// reason [`CancelReason::OwnerDropped`].
    pub fn cancelled(&self) -> WaitCancelled {
        WaitCancelled { token: self.clone(), key: None }
    }

    /// A form of this token that may go to other threads.
    pub fn remote(&self) -> RemoteToken {
        self.0.look();
        RemoteToken(self.0.remote().clone())
    }
}

impl Default for CancelToken {
    /// As [`CancelToken::new`].
    fn default() -> CancelToken {
        CancelToken::new()
    }
}

impl Drop for CancelToken {
    fn drop(&mut self) {
        self.0.leave_out();
    }
}

/// Who cancels leaves nothing of it half done, whatever wakers do.
impl UnwindSafe for CancelToken {}
impl RefUnwindSafe for CancelToken {}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("reason", &self.reason()).finish()
    }
}

/// The future of [`CancelToken::cancelled`].
#[must_use = "nothing is waited for until this is awaited"]
pub struct WaitCancelled {
    token: CancelToken,
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
        let key = self.key.unwrap_or_else(|| self.token.0.new_waiter());
        self.key = Some(key);
        self.token.0.set_waiter(key, cx.waker());
        let waits = self.token.0.limit.remote.get().is_none_or(|remote| remote.keep_waiter(key, cx.waker()));
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
        self.token.0.look();
        self.token.0.reason().cloned()
    }

    /// Nobody waits with this future any more.
    fn leave(&mut self) {
        if let Some(key) = self.key.take() {
            self.token.0.remove_waiter(key);
            if let Some(remote) = self.token.0.limit.remote.get() {
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
        f.debug_struct("WaitCancelled").field("reason", &self.token.0.reason()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// So many are many.
    const MANY: usize = if cfg!(miri) { 20 } else { 1_000 };

    /// How many children the token knows of.
    fn children(token: &CancelToken) -> usize {
        token.0.inner().heirs.borrow().len()
    }

    fn ancestors(token: &CancelToken) -> usize {
        std::iter::successors(Some(token.0.clone()), |region| region.parent()).count() - 1
    }

    #[test]
    fn token_children_leave_nothing_in_a_parent_that_lives_on() {
        let parent = CancelToken::new();
        for _ in 0..MANY {
            drop(parent.child_token());
        }
        assert_eq!(children(&parent), 0);
        let crowd: Vec<CancelToken> = (0..MANY).map(|_| parent.child_token().child_token()).collect();
        assert_eq!(children(&parent), MANY);
        drop(crowd);
        assert_eq!((children(&parent), Rc::strong_count(&parent.0)), (0, 1));
    }

    #[test]
    fn token_chain_of_children_keeps_no_token_that_nobody_has() {
        let root = CancelToken::new();
        let mut token = root.clone();
        for _ in 0..MANY {
            token = token.child_token();
            assert!(ancestors(&token) <= 2, "{}", ancestors(&token));
        }
        assert_eq!((ancestors(&token), children(&root)), (1, 1));
        let child = token.child_token();
        drop(root);
        assert_eq!(ancestors(&token), 0, "nobody can cancel what was above");
        drop(token.cancelled());
        drop(token);
        assert_eq!(ancestors(&child), 0);
    }

    #[test]
    fn token_that_somebody_waits_for_is_left_out_when_he_goes() {
        let root = CancelToken::new();
        let middle = root.child_token();
        let (leaf, wait) = (middle.child_token(), middle.cancelled());
        drop(middle);
        assert_eq!(ancestors(&leaf), 2, "he who waits would hear of it");
        drop(wait);
        assert_eq!((ancestors(&leaf), children(&root)), (1, 1));
    }

    /// How many remote parts keep each other above the token's.
    fn remote_ancestors(token: &CancelToken) -> usize {
        let part = |region: &Region| region.limit.remote.get().unwrap().clone();
        std::iter::successors(Some(part(&token.0)), |part| part.parent()).count() - 1
    }

    #[test]
    fn token_grandchild_of_two_who_cancel_at_once_is_cancelled() {
        let parent = CancelToken::new();
        let child = parent.child_token();
        let grandchild = child.child_token();
        let (remote_parent, remote_grandchild) = (parent.remote(), grandchild.remote());
        drop(grandchild);
        // Another thread has begun.
        let reason = CancelReason::from("from afar");
        let claimed = remote_parent.0.claim(reason.clone()).unwrap();
        // This one finds that, and comes to the child first.
        assert!(parent.is_cancelled() && child.is_cancelled());
        // The other one goes on.
        assert!(claimed.with_all_below(&reason).is_empty());
        assert_eq!(remote_grandchild.reason(), Some(reason));
    }

    #[test]
    fn token_chain_of_children_keeps_no_token_that_nobody_has_also_where_a_relative_is_remote() {
        let root = CancelToken::new();
        let remote = root.remote();
        let mut token = root.clone();
        for _ in 0..MANY {
            token = token.child_token();
            assert!(ancestors(&token) <= 2 && remote_ancestors(&token) <= 2);
        }
        assert_eq!((ancestors(&token), remote_ancestors(&token), children(&root)), (1, 1, 1));
        // What a thread has a handle of stays between them.
        let (middle, child) = (token.remote(), token.child_token());
        drop(token);
        assert_eq!((ancestors(&child), remote_ancestors(&child)), (2, 2));
        let leaf = child.child_token();
        drop(child);
        assert_eq!((ancestors(&leaf), remote_ancestors(&leaf)), (2, 2));
        middle.cancel("from the middle");
        assert!(leaf.is_cancelled() && !remote.is_cancelled());
        assert_eq!(leaf.reason(), Some("from the middle".into()));
    }

    #[test]
    fn token_chain_of_children_keeps_none_whose_last_handle_was_another_threads() {
        let mut token = CancelToken::new();
        let mut remote = token.remote();
        for _ in 0..MANY {
            let child = token.child_token();
            let its = child.remote();
            // The token goes while a thread has a handle of it, and that goes then.
            token = child;
            remote = its;
            assert!(ancestors(&token) <= 2 && remote_ancestors(&token) <= 2);
        }
        assert!(remote.cancel("the last") && token.is_cancelled());
    }

    #[test]
    fn token_that_was_left_out_of_a_remote_family_hands_on_what_is_above() {
        let root = CancelToken::new();
        let remote = root.remote();
        let leaf = root.child_token().child_token().child_token();
        let remote_leaf = leaf.remote();
        assert_eq!(ancestors(&leaf), 1);
        remote.cancel("from above");
        assert!(remote_leaf.is_cancelled() && leaf.is_cancelled());
        // Nothing is above any more, and what was there is given back.
        let root = CancelToken::new();
        let (weak, leaf) = (Arc::downgrade(&root.remote().0), root.child_token());
        drop(root);
        assert_eq!((ancestors(&leaf), remote_ancestors(&leaf), weak.strong_count()), (0, 0, 0));
        assert!(leaf.remote().cancel("itself") && leaf.is_cancelled());
    }
}
