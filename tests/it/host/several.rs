//! Several executors on one thread.

use crate::kit::probe::{Drops, Record, my_waker, wait_for_wake};
use evenkeel::{Executor, Task, spawn, yield_now};
use std::{
    cell::RefCell,
    future::{pending, poll_fn},
    rc::Rc,
    task::Poll,
};

#[test]
fn executors_on_one_thread_wake_each_others_tasks() {
    let record = Record::new();
    let executors: Vec<Executor> = (0..3).map(|_| Executor::new()).collect();
    let slots: Vec<_> = (0..3).map(|_| Rc::new(RefCell::new(None))).collect();
    for (n, executor) in executors.iter().enumerate() {
        let (slots, record) = (slots.clone(), record.clone());
        executor
            .spawn(async move {
                for _ in 0..3 {
                    wait_for_wake(&slots[n]).await;
                    record.add(n);
                    let next = slots[(n + 1) % 3].take();
                    next.unwrap().wake();
                }
            })
            .detach();
    }
    executors.iter().for_each(|executor| _ = executor.run_until_stalled());
    let first = slots[0].take();
    first.unwrap().wake();
    for _ in 0..4 {
        executors.iter().for_each(|executor| _ = executor.run_until_stalled());
    }
    let got = record.take();
    assert_eq!(got, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
}

#[test]
fn a_task_may_make_run_and_drop_an_executor_of_its_own() {
    let drops = Drops::default();
    let outer = Executor::new();
    let value = outer.run(async {
        let inner = Executor::new();
        let guard = drops.guard();
        inner
            .spawn(async move {
                let _guard = guard;
                pending::<()>().await
            })
            .detach();
        let mut task = inner.spawn(async { spawn(async { 3 }).await.unwrap() });
        inner.run_until_stalled();
        let mut waits = spawn(pending::<()>());
        drop(inner);
        assert_eq!(drops.count(), 1);
        // The outer one is the current one again, also for what is spawned now.
        assert!(crate::kit::probe::poll_with_noop(&mut waits).is_pending());
        task.take_result().unwrap().unwrap() + spawn(async { 1 }).await.unwrap()
    });
    assert_eq!(value, 4);
}

#[test]
fn an_executor_may_be_dropped_by_a_task_of_another_whose_task_awaits_one_of_its_tasks() {
    let one = Executor::new();
    let two = Executor::new();
    let task = two.spawn(pending::<()>());
    let mut joining = one.spawn(task);
    one.run_until_stalled();
    two.run_until_stalled();
    one.spawn(async move { drop(two) }).detach();
    one.run_until_stalled();
    one.run_until_stalled();
    assert!(joining.take_result().unwrap().unwrap().is_err());
}

#[test]
fn executors_inside_executors_inside_executors() {
    fn depth(left: usize) -> usize {
        if left == 0 {
            return 0;
        }
        let executor = Executor::new();
        let mut task = executor.spawn(async move { 1 + depth(left - 1) });
        executor.run_until_stalled();
        task.take_result().unwrap().unwrap()
    }
    assert_eq!(depth(20), 20);
}

#[test]
fn a_handle_of_one_executor_may_be_cancelled_and_dropped_in_a_task_of_another() {
    let drops = Drops::default();
    let (one, other) = (Executor::new(), Executor::new());
    let tasks: Vec<Task<()>> = (0..4)
        .map(|_| {
            let guard = drops.guard();
            one.spawn(async move {
                let _guard = guard;
                pending::<()>().await
            })
        })
        .collect();
    one.run_until_stalled();
    other.run(async move {
        for (n, task) in tasks.into_iter().enumerate() {
            match n {
                0 => task.cancel("stop"),
                1 => task.abort(),
                2 => task.detach(),
                _ => drop(task),
            }
            yield_now().await;
        }
    });
    assert_eq!(drops.count(), 0, "only its own loop drops it");
    one.run_until_stalled();
    assert_eq!(drops.count(), 3);
    drop(one);
    assert_eq!(drops.count(), 4);
}

#[test]
fn a_future_may_move_from_one_executor_to_another_between_its_polls() {
    // A task of the first polls it once; then it is spawned on the second.
    let future = Rc::new(RefCell::new(Some(Box::pin(async {
        let first = my_waker().await;
        yield_now().await;
        let second = my_waker().await;
        !first.will_wake(&second)
    }))));
    let (one, other) = (Executor::new(), Executor::new());
    let borrowed = future.clone();
    one.run(poll_fn(move |cx| {
        assert!(borrowed.borrow_mut().as_mut().unwrap().as_mut().poll(cx).is_pending());
        Poll::Ready(())
    }));
    let moved = future.take().unwrap();
    assert!(other.run(moved));
}
