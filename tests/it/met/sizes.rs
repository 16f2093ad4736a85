//! How large futures are: what they are given lies in them once.

use evenkeel::{
    CancelScope, TaskGroup,
    cancel::Deadline,
    combinator::settle,
    coop::unconstrained,
    finally, finally_with, gather, map_concurrent, race, run, scope, shield,
    sync::{Condition, Mutex, OnceCell, Queue, channel, watch},
    timeout, yield_now,
};
use std::{cell::RefCell, convert::Infallible, hint::black_box, pin::Pin, rc::Rc, time::Duration};

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
    met_b7_the_value_of_a_group: |load| {
        let of = [load.0[0]];
        TaskGroup::<Infallible>::run(async move |_| {
            yield_now().await;
            Ok(black_box(Load([of[0]; N])))
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
