//! When what a future was given goes: in the order in which it always went, and when the future has ended.

use evenkeel::{as_completed, finally, finally_with, map_concurrent, run, yield_now};
use futures::poll;
use std::{
    cell::RefCell,
    future::{pending, ready},
    hint::black_box,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    task::{Context, Waker},
};

fn touch<T>(value: &T) {
    black_box(value);
}

/// A value that tells when it is dropped.
struct Told(&'static str, Rc<RefCell<Vec<&'static str>>>);

impl Drop for Told {
    fn drop(&mut self) {
        self.1.borrow_mut().push(self.0);
    }
}

#[test]
fn met_b7_what_is_dropped_half_way_goes_as_before_the_body_then_the_resource_then_clean_up() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = |name| Told(name, told.clone());
    let (body, resource, cleanup) = (tell("body"), tell("resource"), tell("clean-up"));
    run(async {
        let mut half_way = Box::pin(finally_with(
            resource,
            async move |_: &mut Told| {
                touch(&body);
                pending::<()>().await;
            },
            async move |_: Told, _: Option<&()>| touch(&cleanup),
        ));
        assert!(poll!(half_way.as_mut()).is_pending());
    });
    assert_eq!(told.take(), ["body", "resource", "clean-up"]);

    let (consumer, running) = (tell("consumer"), tell("running"));
    run(async {
        let mapped = map_concurrent([running], 1, |running| async move {
            touch(&running);
            pending::<()>().await;
        });
        let mut half_way = Box::pin(mapped.for_each(async move |()| touch(&consumer)));
        assert!(poll!(half_way.as_mut()).is_pending());
    });
    assert_eq!(told.take(), ["consumer", "running"]);
}

#[test]
fn met_b7_what_was_cancelled_is_gone_when_that_is_done() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = |name| Told(name, told.clone());
    run(async {
        let mut all = as_completed([ready(tell("one")), ready(tell("two"))]);
        drop(all.next().await);
        let mut cancelling = Box::pin(all.cancel());
        assert!(poll!(cancelling.as_mut()).is_ready());
        assert_eq!(told.borrow().len(), 2, "what was not fetched went with the others");
        drop(cancelling);

        let by = tell("by");
        let mut cancelling = Box::pin(
            map_concurrent([1], 1, move |_| {
                touch(&by);
                yield_now()
            })
            .cancel(),
        );
        assert!(poll!(cancelling.as_mut()).is_ready());
        assert_eq!(told.borrow().len(), 3);
    });
}

/// Whoever polls it once more made a mistake, and is told so instead of waiting for ever.
#[test]
fn met_b7_clean_up_points_that_have_ended_say_so() {
    run(async {
        let mut ended = Box::pin(finally(async { 1 }, async |_: Option<&i32>| {}));
        assert_eq!(ended.as_mut().await, 1);
        let polled = catch_unwind(AssertUnwindSafe(|| ended.as_mut().poll(&mut Context::from_waker(Waker::noop()))));
        assert!(polled.is_err());
        let mut panicked = Box::pin(finally(async { panic!("a body") }, async |_: Option<&()>| {}));
        for _ in 0..2 {
            let polled =
                catch_unwind(AssertUnwindSafe(|| panicked.as_mut().poll(&mut Context::from_waker(Waker::noop()))));
            assert!(polled.is_err());
        }
    });
}
