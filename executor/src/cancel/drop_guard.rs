//! A cancellation that comes with the end of something.

use crate::{cancel::token::CancelToken, outcome::reason::CancelReason};

impl CancelToken {
    /// Cancels the token when the guard is dropped, for the reason [`CancelReason::OwnerDropped`], unless it is
    /// [disarmed](DropGuard::disarm) before. (Who keeps the token guards a clone: that is tokio-util's `drop_guard_ref`.)
    ///
    /// ```
    /// use evenkeel::{CancelReason, cancel::CancelToken, run, spawn};
    ///
    /// run(async {
    ///     let token = CancelToken::new();
    ///     let helper = spawn({
    ///         let token = token.clone();
    ///         async move { token.cancelled().await }
    ///     });
    ///     {
    ///         let _guard = token.drop_guard();
    ///         // Whatever happens here, also an early return or a panic, the helper stops.
    ///     }
    ///     assert_eq!(helper.await.unwrap(), CancelReason::OwnerDropped);
    /// });
    /// ```
    pub fn drop_guard(self) -> DropGuard {
        DropGuard(Some(self))
    }
}

/// Cancels a token when it is dropped. Made by [`CancelToken::drop_guard`].
#[derive(Debug)]
#[must_use = "the token is cancelled when this is dropped, and `let _ = …` drops it: bind it to a name, as in `let _guard = …`"]
pub struct DropGuard(Option<CancelToken>);

impl DropGuard {
    /// The token that is guarded.
    pub fn token(&self) -> &CancelToken {
        self.0.as_ref().expect("a guard has its token until it is dropped")
    }

    /// Gives the token back, and cancels nothing.
    pub fn disarm(mut self) -> CancelToken {
        self.0.take().expect("a guard has its token until it is dropped")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = &self.0 {
            token.cancel(CancelReason::OwnerDropped);
        }
    }
}
