//! Scopes whose memory was another's before, and how often a task that cleans up is polled.

use crate::kit::{probe::ms, stage::run_clean};
use evenkeel::{finally, shield, sleep, spawn, timeout, yield_now};
use futures::{StreamExt, future::join, stream::FuturesUnordered};
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    pin::pin,
    rc::Rc,
};

#[test]
fn clean_up_points_are_called_in_the_order_in_which_they_came_whatever_was_in_the_scope_before() {
    let orders: [[u64; 4]; 4] = [[1, 2, 3, 4], [2, 1, 4, 3], [4, 3, 2, 1], [3, 1, 4, 2]];
    for order in orders {
        run_clean(async {
            // Members leave a scope in this order.
            let shields: FuturesUnordered<_> = order.map(|after| shield(sleep(ms(after)))).into_iter().collect();
            timeout(ms(100), shields.collect::<Vec<()>>()).await.unwrap();
            let called = RefCell::new(Vec::new());
            let points = (0..4).map(|point| {
                let called = &called;
                finally(pending::<()>(), async move |_: Option<&()>| called.borrow_mut().push(point))
            });
            timeout(ms(1), points.collect::<FuturesUnordered<_>>().collect::<Vec<()>>()).await.unwrap_err();
            assert_eq!(called.into_inner(), [0, 1, 2, 3], "after {order:?}");
        });
    }
}

#[test]
fn a_scope_that_was_used_before_is_neither_cancelled_nor_waits_for_what_was_in_it() {
    run_clean(async {
        for _ in 0..3 {
            let cleaned = Cell::new(false);
            let point = finally(pending::<()>(), async |_: Option<&()>| {
                sleep(ms(1)).await;
                cleaned.set(true);
            });
            timeout(ms(1), point).await.unwrap_err();
            assert!(cleaned.get());
            assert_eq!(timeout(ms(5), finally(sleep(ms(1)), async |_: Option<&()>| yield_now().await)).await, Ok(()));
        }
    });
}

/// Two clean-up points, of which one is done sooner. Counts its polls.
async fn cleans_twice(polls: Rc<Cell<u32>>) {
    let short = finally(pending::<()>(), async |_: Option<&()>| yield_now().await);
    let long = finally(pending::<()>(), async |_: Option<&()>| sleep(ms(5)).await);
    let mut both = pin!(join(short, long));
    poll_fn(|cx| {
        polls.set(polls.get() + 1);
        both.as_mut().poll(cx).map(drop)
    })
    .await;
}

#[test]
fn clean_up_that_ends_while_its_task_is_polled_does_not_have_it_polled_again() {
    run_clean(async {
        // It begins; it is cancelled; the short one ends; the long one ends.
        let polls = Rc::default();
        timeout(ms(1), cleans_twice(Rc::clone(&polls))).await.unwrap_err();
        assert_eq!(polls.replace(0), 4, "in a scope");
        let task = spawn(cleans_twice(polls.clone()));
        sleep(ms(1)).await;
        task.cancel("enough");
        assert!(task.await.is_err());
        assert_eq!(polls.get(), 4, "in a task");
    });
}
