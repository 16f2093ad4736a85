//! Giving way.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// Lets every other task that is ready run once, then goes on.
///
/// ```
/// evenkeel::run(evenkeel::yield_now());
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { gave_way: false }
}

/// The future of [`yield_now`].
#[derive(Debug)]
#[must_use = "nothing is yielded until this is awaited"]
pub struct YieldNow {
    gave_way: bool,
}

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.gave_way {
            return Poll::Ready(());
        }
        self.gave_way = true;
        // The waker that was given: it may be a combinator's, which would not poll this future again otherwise.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
