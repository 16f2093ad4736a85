//! What is handed over to a future: it is dropped once, wherever it is, and there as long as anybody can take it.

use crate::tools::{DropGuard, Drops};
use evenkeel_executor::{
    combinator::{Handed, hand_over},
    run, yield_now,
};
use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The text of the panic with which a poll ends.
fn panic_of<F: Future>(future: Pin<&mut F>) -> String {
    let caught = catch_unwind(AssertUnwindSafe(|| poll(future).is_ready()));
    let payload = caught.expect_err("the poll was to panic");
    payload
        .downcast_ref::<&str>()
        .map(|text| text.to_string())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap()
}

#[test]
fn what_is_handed_over_lends_itself_in_a_future_that_is_half_way() {
    let large = hand_over(Box::new([7_u64; 20]), async |handed| {
        let numbers = handed.take();
        let first = &numbers[0];
        let mut sum = 0;
        let adds = &mut sum;
        yield_now().await;
        *adds += *first;
        yield_now().await;
        *adds += numbers[19];
        sum
    });
    let small = hand_over((), async |handed| {
        let () = handed.take();
        let many = [1_u64; 40];
        let all = &many;
        yield_now().await;
        all.iter().sum::<u64>()
    });
    assert_eq!(run(async { (large.await, small.await) }), (14, 40));
}

#[test]
fn what_is_never_polled_drops_what_it_was_given() {
    let drops = Drops::default();
    drop(hand_over(drops.guard(), async |handed| drop(handed.take())));
    assert_eq!(drops.count(), 1);
}

#[test]
fn a_future_that_is_dropped_half_way_drops_what_it_has_taken() {
    let drops = Drops::default();
    {
        let mut future = pin!(hand_over(drops.guard(), async |handed| {
            let _taken = handed.take();
            std::future::pending::<()>().await;
        }));
        assert!(poll(future.as_mut()).is_pending());
        assert_eq!(drops.count(), 0);
    }
    assert_eq!(drops.count(), 1);
}

#[test]
fn a_future_that_waits_before_it_has_taken_is_dropped_then_and_panics() {
    let drops = Drops::default();
    let mut future = pin!(hand_over(drops.guard(), async |handed| {
        let _own = drops.guard();
        yield_now().await;
        drop(handed.take());
    }));
    assert!(panic_of(future.as_mut()).contains("taken before that waits"));
    assert_eq!(drops.count(), 2);
    assert!(panic_of(future.as_mut()).contains("after it had ended"));
}

#[test]
fn a_future_that_ends_and_has_not_taken_panics() {
    let drops = Drops::default();
    let mut future = pin!(hand_over(drops.guard(), async |_handed| ()));
    assert!(panic_of(future.as_mut()).contains("taken before that waits"));
    assert_eq!(drops.count(), 1);
}

/// Takes what was handed over when it is dropped itself, and tells of it.
struct Late<'a, 'b>(Option<Handed<'a, DropGuard>>, &'b RefCell<Vec<&'static str>>);

impl Drop for Late<'_, '_> {
    fn drop(&mut self) {
        let taken = self.0.take().map(Handed::take);
        self.1.borrow_mut().push(if taken.is_some() { "there" } else { "gone" });
    }
}

#[test]
fn destructors_of_a_future_that_has_not_taken_still_can() {
    for panics in [false, true] {
        let (drops, log) = (Drops::default(), RefCell::default());
        {
            let mut future = pin!(hand_over(drops.guard(), async |handed| {
                let _late = Late(Some(handed), &log);
                assert!(!panics, "before it has taken");
                yield_now().await;
            }));
            let text = panic_of(future.as_mut());
            assert!(text.contains(if panics { "before it has taken" } else { "what is handed over" }), "{text}");
            assert_eq!(drops.count(), 1);
        }
        assert_eq!(log.take(), ["there"]);
    }
}
