//! How large futures are: what they are given lies in them once.

use evenkeel::{
    CancelScope, TaskGroup, as_completed,
    cancel::Deadline,
    combinator::settle,
    coop::unconstrained,
    finally, finally_with, gather, map_concurrent, race, run, scope, shield,
    sync::{Condition, Mutex, OnceCell, Queue, channel, watch},
    timeout, yield_now,
};
use futures::poll;
use std::{
    cell::RefCell,
    convert::Infallible,
    future::{pending, ready},
    hint::black_box,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Waker},
    time::Duration,
};

/// What a future is given to carry.
struct Load<const N: usize>([u8; N]);

fn touch<T>(load: &T) {
    black_box(load);
}

/// By how much a future grows for each byte that it is given: the expression is asked with a small load and with a large one.
macro_rules! growth {
    (|$load:ident| $future:expr) => {{
        fn size<const N: usize>() -> usize {
            let $load = Load([0_u8; N]);
            size_of_val(&$future)
        }
        (size::<8_016>() - size::<16>()) as f64 / 8_000.0
    }};
}

macro_rules! grow_once {
    ($($name:ident: |$load:ident| $future:expr;)*) => {$(
        #[test]
        fn $name() {
            let growth = growth!(|$load| $future);
            assert!((0.9..1.1).contains(&growth), "{growth:.2} bytes for each");
        }
    )*};
}

grow_once! {
    met_b7_the_body_of_a_scope: |load| scope(async move |_| {
        yield_now().await;
        touch(&load);
        Ok::<_, Infallible>(())
    });
    met_b7_the_body_of_a_group: |load| TaskGroup::<Infallible>::run(async move |_| {
        yield_now().await;
        touch(&load);
        Ok(())
    });
    met_b7_the_body_of_a_group_that_is_built: |load| TaskGroup::<Infallible>::builder().limit(1).run(async move |_| {
        yield_now().await;
        touch(&load);
        Ok(())
    });
    met_b7_the_body_of_finally: |load| finally(
        async move {
            yield_now().await;
            touch(&load);
        },
        async |_: Option<&()>| yield_now().await,
    );
    met_b7_the_clean_up_of_finally: |load| finally(yield_now(), async move |_: Option<&()>| {
        yield_now().await;
        touch(&load);
    });
    met_b7_the_clean_up_of_settle: |load| settle(yield_now(), async move |_: Option<()>| {
        yield_now().await;
        touch(&load);
        Some(())
    });
    met_b7_the_resource_of_finally_with: |load| finally_with(
        load,
        async |load: &mut _| {
            yield_now().await;
            touch(load);
        },
        async |load: Load<N>, _: Option<&()>| touch(&load),
    );
    met_b7_the_body_of_finally_with: |load| finally_with(
        (),
        async move |_: &mut ()| {
            yield_now().await;
            touch(&load);
        },
        async |(), _: Option<&()>| yield_now().await,
    );
    met_b7_the_clean_up_of_finally_with: |load| finally_with((), async |_: &mut ()| {}, async move |(), _: Option<&()>| {
        yield_now().await;
        touch(&load);
    });
    met_b7_the_value_of_a_scope: |load| {
        let of = [load.0[0]];
        scope(async move |_| {
            yield_now().await;
            Ok::<_, Infallible>(black_box(Load([of[0]; N])))
        })
    };
    met_b7_the_value_of_finally: |load| {
        let of = [load.0[0]];
        finally(
            async move {
                yield_now().await;
                black_box(Load([of[0]; N]))
            },
            async |_: Option<&Load<N>>| yield_now().await,
        )
    };
    met_b7_what_is_shielded: |load| shield(async move {
        yield_now().await;
        touch(&load);
    });
    met_b7_what_runs_under_a_timeout: |load| timeout(Duration::MAX, async move {
        yield_now().await;
        touch(&load);
    });
    met_b7_what_runs_under_a_deadline: |load| Deadline::never().run(async move {
        yield_now().await;
        touch(&load);
    });
    met_b7_what_runs_in_a_cancel_scope: |load| CancelScope::new().run(async move {
        yield_now().await;
        touch(&load);
    });
    met_b7_what_runs_unconstrained: |load| unconstrained(async move {
        yield_now().await;
        touch(&load);
    });
    met_b7_a_branch_of_a_race: |load| race((
        async move {
            yield_now().await;
            touch(&load);
        },
        yield_now(),
    ));
    met_b7_a_branch_of_a_gather: |load| gather((
        async move {
            yield_now().await;
            touch(&load);
        },
        yield_now(),
    ));
    met_b7_a_source_of_futures: |load| map_concurrent([1, 2], 1, move |_| {
        touch(&load);
        yield_now()
    });
    met_b7_a_source_whose_outputs_are_collected: |load| map_concurrent([1, 2], 1, move |_| {
        touch(&load);
        yield_now()
    }).collect();
    met_b7_a_source_whose_outputs_are_consumed: |load| map_concurrent([1, 2], 1, move |_| {
        touch(&load);
        yield_now()
    }).for_each(async |()| {});
    met_b7_a_consumer_of_outputs: |load| map_concurrent([1, 2], 1, |_| yield_now()).for_each(async move |()| {
        yield_now().await;
        touch(&load);
    });
    met_b7_a_source_that_is_cancelled: |load| map_concurrent([1, 2], 1, move |_| {
        touch(&load);
        yield_now()
    }).cancel();
    met_b7_an_item_that_is_put: |load| Queue::new(1).put(load);
    met_b7_an_item_that_is_sent: |load| channel(1).0.send(load);
    met_b7_a_condition_that_is_looked_at: |load| Condition::new().wait_for(
        &mut Mutex::new(0).try_lock().unwrap(),
        move |_| {
            touch(&load);
            true
        },
    );
    met_b7_a_predicate: |load| watch::channel(0).1.wait_for(move |_| {
        touch(&load);
        true
    });
}

/// A group's value lies in its future once, and once more in the outcome that its clean-up point hands on.
#[test]
fn met_b7_memory_03_the_value_of_a_group_lies_in_its_future_twice() {
    let growth = growth!(|load| {
        let of = [load.0[0]];
        TaskGroup::<Infallible>::run(async move |_| {
            yield_now().await;
            Ok(black_box(Load([of[0]; N])))
        })
    });
    assert!((1.9..2.1).contains(&growth), "{growth}");
}

/// A once-cell has no executor's combinators, so what makes its value lies there as what was captured, and as a future.
#[test]
fn met_b7_memory_03_a_maker_lies_in_the_future_of_a_once_cell_twice() {
    let growth = growth!(|load| OnceCell::new().get_or_init(async move || {
        yield_now().await;
        touch(&load);
    }));
    assert!((1.9..2.1).contains(&growth), "{growth}");
}

/// Where the stack is.
fn depth() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(black_box(&here)).addr()
}

/// How deep the stack is in each poll of the future that `wrap` wraps, below the caller's, as that future waits once.
fn depths<F: Future>(wrap: impl FnOnce(Pin<Box<dyn Future<Output = ()>>>) -> F) -> Vec<usize> {
    let (top, depths) = (depth(), Rc::new(RefCell::new(Vec::new())));
    let inner = depths.clone();
    let future = Box::pin(wrap(Box::pin(async move {
        for _ in 0..2 {
            inner.borrow_mut().push(top.abs_diff(depth()));
            yield_now().await;
        }
    })));
    run(future);
    depths.take()
}

/// A future that is given to be run is polled where it lies, from the first poll on.
#[test]
fn met_b7_memory_03_a_body_that_is_a_future_never_lies_on_the_stack() {
    const LARGE: usize = 20_000;
    let load = Load([1; LARGE]);
    let depths = depths(|inner| {
        let body = async move {
            inner.await;
            touch(&load);
        };
        finally(finally(finally(body, async |_: Option<&()>| {}), async |_: Option<&()>| {}), async |_: Option<&()>| {})
    });
    assert!(depths.iter().all(|&depth| depth < LARGE), "{depths:?}");
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
