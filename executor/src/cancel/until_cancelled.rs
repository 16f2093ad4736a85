//! What runs until a token is cancelled.

use crate::{
    cancel::{in_scope::InScope, token::CancelToken},
    outcome::reason::CancelReason,
};
use pin_project_lite::pin_project;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

impl CancelToken {
    /// Runs a future until it has finished, or the token is cancelled: `None` then. If the token is cancelled already the future does not
    /// start. (It counts as cancelled as [`is_cancelled`](CancelToken::is_cancelled) says. But if only a scope *around* the token's is cancelled later
    /// on, that stops this future at the latest when the token's scope's future is dropped, as [`cancelled`](CancelToken::cancelled) ends then.)
    ///
    /// It runs in a scope of its own that is cancelled with the token, so it is stopped as everything is here, and not dropped in the middle as
    /// tokio-util's does: it is polled once more, so that a value that is ready is not lost, and its clean-up is done before this returns.
    ///
    /// The future that this gives borrows nothing of the token (tokio-util's `run_until_cancelled_owned`). Cancel-safe as far as `future` is.
    ///
    /// # Panics
    ///
    /// When polled outside an executor. When clean-up in it panicked.
    ///
    /// ```
    /// use evenkeel::{cancel::CancelToken, finally, run, sleep, spawn};
    /// use std::{cell::Cell, time::Duration};
    ///
    /// run(async {
    ///     let (token, said_goodbye) = (CancelToken::new(), Cell::new(false));
    ///     let stop = token.clone();
    ///     let stopper = spawn(async move { stop.cancel("enough") });
    ///     let client = finally(sleep(Duration::MAX), async |_: Option<&()>| {
    ///         sleep(Duration::from_millis(1)).await;
    ///         said_goodbye.set(true);
    ///     });
    ///     assert_eq!(token.run_until_cancelled(client).await, None);
    ///     assert!(said_goodbye.get() && stopper.await.unwrap());
    ///     assert_eq!(token.run_until_cancelled(async { 7 }).await, None);
    ///     assert_eq!(CancelToken::new().run_until_cancelled(async { 7 }).await, Some(7));
    /// });
    /// ```
    pub fn run_until_cancelled<F: Future>(&self, future: F) -> RunUntilCancelled<F> {
        let scope = self.child_token();
        RunUntilCancelled { inner: InScope::new(scope.0.clone(), future), scope }
    }
}

pin_project! {
    /// The future of [`CancelToken::run_until_cancelled`].
    #[must_use = "nothing runs until this is awaited"]
    pub struct RunUntilCancelled<F> {
        #[pin]
        inner: InScope<F>,
        // A scope that somebody has a handle of can be cancelled from elsewhere.
        scope: CancelToken,
    }
}

impl<F: Future> Future for RunUntilCancelled<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.inner.is_new() && this.scope.is_cancelled() {
            // Perhaps only what is around the scope of an ancestor is.
            this.scope.cancel(CancelReason::OwnerDropped);
        }
        this.inner.poll(cx).map(Result::ok)
    }
}

impl<F> fmt::Debug for RunUntilCancelled<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RunUntilCancelled").field(&self.inner).finish()
    }
}
