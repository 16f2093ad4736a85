//! Every leaf future wakes the waker that it was given last, and no older one: also inside other people's combinators.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    probe::{Record, Wakes, at, ms, panic_of, poll_with_noop},
};
use evenkeel::{
    Executor, Instant, sleep, spawn,
    testing::{self, VirtualClock},
    yield_now,
};
use futures::{
    StreamExt,
    future::{FutureExt, join_all},
    stream::FuturesUnordered,
};
use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Waker},
    time::Duration,
};

fn virtual_executor() -> Executor {
    Executor::builder().clock(VirtualClock::new()).build()
}

#[test]
fn fault_14_a_sleep_wakes_the_newest_waker_only() {
    let executor = virtual_executor();
    let (old, old_waker) = Wakes::new();
    let (new, new_waker) = Wakes::new();
    executor.run(async {
        let mut wait = sleep(ms(5));
        for waker in [&old_waker, &new_waker, &old_waker, &new_waker, &new_waker] {
            assert!(Pin::new(&mut wait).poll(&mut Context::from_waker(waker)).is_pending());
            yield_now().await;
        }
        sleep(ms(10)).await;
        assert_eq!((old.count(), new.count()), (0, 1));
        wait.await;
    });
}

#[test]
fn fault_14_a_sleep_that_moves_to_another_task_wakes_that_one() {
    testing::run(async {
        let wait = Rc::new(RefCell::new(sleep(ms(5))));
        let polled_here = wait.clone();
        let first = spawn(poll_fn(move |cx| Pin::new(&mut *polled_here.borrow_mut()).poll(cx)));
        yield_now().await;
        let second = spawn(poll_fn(move |cx| Pin::new(&mut *wait.borrow_mut()).poll(cx)));
        second.await.unwrap();
        assert_eq!(Instant::now(), at(5));
        drop(first);
    });
}

#[test]
fn fault_11_a_sleep_that_moves_to_another_executor_survives_its_old_wakers_panic() {
    let (one, other) = (virtual_executor(), virtual_executor());
    let armed = Rc::new(Cell::new(true));
    let fuse = armed.clone();
    let waker = bomb(move |op| assert!(op != Op::Drop || !fuse.replace(false), "the old waker"));
    let mut moved = sleep(ms(20));
    let mut innocent = sleep(ms(10));
    one.run(async {
        armed.set(false);
        assert!(Pin::new(&mut moved).poll(&mut Context::from_waker(&waker)).is_pending());
        armed.set(true);
    });
    let refused = panic_of(|| other.run(async { poll_with_noop(&mut moved) }));
    assert_eq!(refused, "the old waker");
    one.run(async {
        // It may have the place that the other timer had.
        assert!(poll_with_noop(&mut innocent).is_pending());
    });
    drop(moved);
    one.run(innocent);
    drop(waker);
    defuse();
}

#[test]
fn fault_14_leaf_futures_work_in_join() {
    testing::run(async {
        let task = spawn(async {
            sleep(ms(3)).await;
            4
        });
        let ((), value, (), ()) = futures::join!(sleep(ms(5)), task, yield_now(), sleep(Duration::ZERO));
        assert_eq!(value.unwrap(), 4);
        assert_eq!(Instant::now(), at(5));
    });
}

#[test]
fn fault_14_leaf_futures_work_in_futures_unordered() {
    // It polls only those children whose own waker was called.
    let record = Record::new();
    testing::run(async {
        let mut all = FuturesUnordered::new();
        for n in (1..=20).rev() {
            all.push(
                async move {
                    yield_now().await;
                    sleep(Duration::ZERO).await;
                    sleep(ms(n)).await;
                    yield_now().await;
                    spawn(async move {
                        sleep(ms(1)).await;
                        n
                    })
                    .await
                    .unwrap()
                }
                .boxed_local(),
            );
        }
        while let Some(n) = all.next().await {
            record.add(n);
        }
        assert_eq!(Instant::now(), at(21));
    });
    assert_eq!(record.take(), (1..=20).collect::<Vec<_>>());
}

#[test]
fn fault_14_a_large_join_all_of_sleeps_and_tasks_completes() {
    testing::run(async {
        let waits = join_all((0..100).map(|n| sleep(ms(n % 7))));
        let tasks = join_all((0..100).map(|n| spawn(async move { sleep(ms(n % 5)).await })));
        let ((), tasks) = futures::join!(waits.map(drop), tasks);
        assert!(tasks.into_iter().all(|outcome| outcome.is_ok()));
        assert_eq!(Instant::now(), at(6));
    });
}

#[test]
fn fault_14_a_child_that_moves_between_combinators_is_woken_in_the_new_one() {
    testing::run(async {
        let wait = Rc::new(RefCell::new(sleep(ms(9))));
        let task = Rc::new(RefCell::new(spawn(async { sleep(ms(8)).await })));
        let mut first = FuturesUnordered::new();
        let (wait_here, task_here) = (wait.clone(), task.clone());
        first.push(poll_fn(move |cx| Pin::new(&mut *wait_here.borrow_mut()).poll(cx)).boxed_local());
        first.push(poll_fn(move |cx| Pin::new(&mut *task_here.borrow_mut()).poll(cx).map(drop)).boxed_local());
        assert!(first.next().now_or_never().is_none());
        yield_now().await;
        let mut second = FuturesUnordered::new();
        second.push(poll_fn(move |cx| Pin::new(&mut *wait.borrow_mut()).poll(cx)).boxed_local());
        second.push(poll_fn(move |cx| Pin::new(&mut *task.borrow_mut()).poll(cx).map(drop)).boxed_local());
        while second.next().await.is_some() {}
        assert_eq!(Instant::now(), at(9));
        // The first one would find them ended; it is dropped without another poll.
        drop(first);
    });
}

#[test]
fn fault_14_a_yield_wakes_the_given_waker_and_not_its_task() {
    testing::run(async {
        let (wakes, waker) = Wakes::new();
        let mut give_way = yield_now();
        assert!(Pin::new(&mut give_way).poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(wakes.count(), 1);
        assert!(Pin::new(&mut give_way).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    });
}
