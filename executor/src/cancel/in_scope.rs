//! A future that runs in a cancel scope with handles, or under a deadline.

use crate::{
    cancel::{scoped::Scoped, visit::State},
    outcome::reason::Cancelled,
    region::{limit::NEVER, region::Region, timer::ScopeTimer},
    time::wheel::When,
};
use pin_project_lite::pin_project;
use std::{
    fmt,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

pin_project! {
    /// A future that runs in a scope: that of [`CancelScope::run`](crate::CancelScope::run).
    #[must_use = "nothing runs until this is awaited"]
    pub struct InScope<F> {
        #[pin]
        pub(super) scoped: Scoped<F, ScopeTimer>,
    }
}

impl<F> InScope<F> {
    /// A future in the scope that others have handles of. The deadline is the region's.
    pub(crate) fn new(region: Rc<Region>, future: F) -> InScope<F> {
        InScope { scoped: Scoped::new(Some(region), ScopeTimer::new(NEVER), future) }
    }

    /// A future in a scope that nobody has a handle of. Unless something in it needs a region, it does without one.
    #[inline]
    pub(crate) fn with_deadline(deadline: When, future: F) -> InScope<F> {
        InScope { scoped: Scoped::new(None, ScopeTimer::new(deadline), future) }
    }

    /// Was it not polled yet?
    pub(super) fn is_new(&self) -> bool {
        self.scoped.state == State::New
    }
}

impl<F: Future> Future for InScope<F> {
    type Output = Result<F::Output, Cancelled>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().scoped.poll(cx)
    }
}

impl<F> fmt::Debug for InScope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InScope").field("state", &self.scoped.state).finish_non_exhaustive()
    }
}
