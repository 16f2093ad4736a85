//! One future, and then another.

use crate::raw::place::Place;
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    /// One future, and then in its place another that is made of its output. An enum of ours, as an async block would have room for the
    /// first one twice. Which of the two is there is noted beside a `Place`, never in a future.
    #[project = Parts]
    pub(super) enum Then<F, M, G> {
        First {
            #[pin]
            first: Place<F>,
            make: Option<M>,
        },
        Second {
            #[pin]
            second: Place<G>,
        },
    }
}

/// Runs `first`, and then what `make` makes of its output.
pub(super) fn then<F: Future, M: FnOnce(F::Output) -> G, G: Future>(first: F, make: M) -> Then<F, M, G> {
    Then::First { first: Place::new(first), make: Some(make) }
}

impl<F: Future, M: FnOnce(F::Output) -> G, G: Future> Future for Then<F, M, G> {
    type Output = G::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<G::Output> {
        if let Parts::First { first, .. } = self.as_mut().project() {
            let output = ready!(first.get().expect("one follows the other").poll(cx));
            go_on(self.as_mut(), output);
        }
        let Parts::Second { second } = self.project() else { unreachable!("one has followed the other") };
        second.get().expect("it is there").poll(cx)
    }
}

/// The first future has ended. This has room on its stack for what the second is made of.
#[inline(never)]
fn go_on<F: Future, M: FnOnce(F::Output) -> G, G>(mut then: Pin<&mut Then<F, M, G>>, output: F::Output) {
    let Parts::First { mut first, make } = then.as_mut().project() else { return };
    first.as_mut().clear();
    let make = make.take().expect("the second future is made once");
    then.set(Then::Second { second: Place::new(make(output)) });
}
