//! A handle that yields a plain value, in the shape of one that yields a `Result`.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A handle whose task always has a value. It adds nothing: such a `Result` is laid out as the value is.
#[derive(Debug)]
#[repr(transparent)]
pub struct Plain<H>(pub H);

impl<H: Future + Unpin> Future for Plain<H> {
    type Output = Result<H::Output, Infallible>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(Ok)
    }
}
