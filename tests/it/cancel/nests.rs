//! A nest, which groups are made of, takes its scope as `CancelScope::run` does.

use crate::kit::probe::{Wakes, panic_of};
use evenkeel::{
    CancelReason, CancelScope, Instant,
    combinator::{Nest, NestEnd},
    run, yield_now,
};
use std::{
    future::{pending, poll_fn},
    panic::Location,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

fn nest<F>(scope: &CancelScope, body: F) -> Nest<F> {
    Nest::new(scope, Location::caller(), body)
}

#[test]
fn a_scope_runs_one_nest_or_one_future() {
    run(async {
        let scope = CancelScope::new();
        drop(nest(&scope, pending::<()>()));
        let text = panic_of(|| drop(nest(&scope, pending::<()>())));
        assert!(text.contains("second future"), "{text}");
        let scope = CancelScope::new();
        scope.run(async {}).await.unwrap();
        let text = panic_of(|| drop(nest(&scope, pending::<()>())));
        assert!(text.contains("second future"), "{text}");
    });
}

#[test]
fn a_nest_heeds_no_deadline_and_says_so() {
    let scope = CancelScope::new();
    assert!(scope.set_deadline(Instant::NEVER));
    let _nest = nest(&scope, pending::<()>());
    assert!(!scope.set_deadline(Instant::NEVER));
}

#[test]
fn who_waits_for_a_token_is_told_of_a_nest_that_never_began() {
    run(async {
        let scope = CancelScope::new();
        let token = scope.token();
        drop(nest(&scope, pending::<()>()));
        token.cancelled().await;
        assert_eq!(scope.reason(), Some(CancelReason::OwnerDropped));
    });
}

#[test]
fn a_nest_lets_go_of_its_wakers_at_its_end() {
    /// Polls the nest once: has its body ended?
    fn poll<F: Future>(mut nest: Pin<&mut Nest<F>>, cx: &mut Context<'_>) -> Option<NestEnd<F::Output>> {
        assert!(nest.as_mut().arrive().is_none());
        match nest.poll_body(cx) {
            Poll::Ready(end) => Some(end),
            Poll::Pending => None,
        }
    }
    run(poll_fn(|_| {
        let ((wakes, waker), scope) = (Wakes::new(), CancelScope::new());
        let cx = &mut Context::from_waker(&waker);
        let before = Arc::strong_count(&wakes);
        {
            let mut nest = pin!(nest(&scope, yield_now()));
            assert!(poll(nest.as_mut(), cx).is_none());
            assert!(Arc::strong_count(&wakes) > before);
            assert!(matches!(poll(nest.as_mut(), cx), Some(NestEnd::Value(()))));
            assert!(nest.poll_rest(cx, |_| Poll::Ready(Some(()))).is_ready());
            assert_eq!(Arc::strong_count(&wakes), before);
        }
        let scope = CancelScope::new();
        let mut dropped = Box::pin(nest(&scope, pending::<()>()));
        assert!(poll(dropped.as_mut(), cx).is_none());
        drop(dropped);
        assert_eq!(Arc::strong_count(&wakes), before);
        Poll::Ready(())
    }));
}
