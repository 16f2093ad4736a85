//! Futures that no budget limits.

use crate::budget::Before;
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// Runs `future` without a limit: its awaits take nothing from the budget of the task's poll, and give way only when they have to wait.
/// A loop in it that never has to wait keeps its thread for ever.
///
/// ```
/// use evenkeel::{coop::unconstrained, run, sync::Semaphore};
///
/// run(unconstrained(async {
///     let semaphore = Semaphore::new(1);
///     for _ in 0..10_000 {
///         // Nobody else runs meanwhile.
///         drop(semaphore.acquire().await);
///     }
/// }));
/// ```
pub fn unconstrained<F: Future>(future: F) -> Unconstrained<F> {
    Unconstrained { future }
}

pin_project! {
    /// The future of [`unconstrained`].
    #[derive(Debug)]
    #[must_use = "nothing runs until this is awaited"]
    pub struct Unconstrained<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _before = Before::without_limit();
        self.project().future.poll(cx)
    }
}
