//! A `Task` owns its task: what awaiting, keeping, detaching and dropping it means.

use crate::kit::probe::{Drops, Record, Wakes, ms, panic_of, poll_with_noop};
use evenkeel::{CancelReason, Executor, JoinError, Task, host::Readiness, run, sleep, spawn, testing, yield_now};
use futures::future::{Either, select};
use std::{
    cell::RefCell,
    future::{pending, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

#[test]
fn awaiting_a_task_gives_its_value() {
    let value = run(async { spawn(async { String::from("value") }).await });
    assert_eq!(value.unwrap(), "value");
}

#[test]
fn an_await_that_is_dropped_leaves_the_outcome_in_place() {
    testing::run(async {
        let mut task = spawn(async {
            sleep(ms(5)).await;
            7
        });
        assert!(poll_with_noop(&mut task).is_pending());
        assert!(matches!(select(&mut task, yield_now()).await, Either::Right(_)));
        assert_eq!(task.outcome().await.unwrap(), 7);
    });
}

#[test]
fn take_result_gives_the_outcome_once_and_without_waiting() {
    let executor = Executor::new();
    let mut task = executor.spawn(async { 3 });
    assert!(task.take_result().is_none() && !task.is_finished());
    executor.run_until_stalled();
    assert!(task.is_finished());
    assert_eq!(task.take_result().unwrap().unwrap(), 3);
    assert!(task.take_result().is_none() && task.is_finished());
}

#[test]
fn asking_again_for_an_outcome_that_was_given_away_panics_with_the_repair() {
    let executor = Executor::new();
    let mut task = executor.spawn(async { 3 });
    executor.run_until_stalled();
    assert!(poll_with_noop(&mut task).is_ready());
    let message = panic_of(|| poll_with_noop(&mut task));
    assert!(message.contains("given it away"), "{message}");
}

#[test]
fn own_01_dropping_a_task_cancels_it_and_the_loop_drops_its_future() {
    let drops = Drops::default();
    let executor = Executor::new();
    let guard = drops.guard();
    let task = executor.spawn(async move {
        let _guard = guard;
        pending::<()>().await
    });
    executor.run_until_stalled();
    drop(task);
    assert_eq!(drops.count(), 0, "not on the caller's stack");
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
    assert_eq!(drops.count(), 1);
}

#[test]
fn own_01_an_output_that_nobody_took_is_dropped_with_the_handle() {
    let drops = Drops::default();
    let executor = Executor::new();
    let guard = drops.guard();
    let task = executor.spawn(async move { guard });
    executor.run_until_stalled();
    assert_eq!(drops.count(), 0);
    drop(task);
    assert_eq!(drops.count(), 1);
}

#[test]
fn own_02_a_detached_task_goes_on_and_its_output_is_dropped_by_the_loop() {
    let drops = Drops::default();
    let record = Record::new();
    let executor = Executor::new();
    let (guard, says) = (drops.guard(), record.clone());
    executor
        .spawn(async move {
            yield_now().await;
            says.add("ran");
            guard
        })
        .detach();
    executor.run_until_stalled();
    executor.run_until_stalled();
    assert_eq!((record.take(), drops.count()), (vec!["ran"], 1));
}

#[test]
fn own_02_a_task_that_has_ended_can_be_detached() {
    let drops = Drops::default();
    let executor = Executor::new();
    let guard = drops.guard();
    let task = executor.spawn(async move { guard });
    executor.run_until_stalled();
    task.detach();
    assert_eq!(drops.count(), 1);
}

#[test]
fn own_03_outcomes_are_readable_after_the_executors_end() {
    let drops = Drops::default();
    let executor = Executor::builder().on_unhandled(|unhandled| panic!("{unhandled}")).build();
    let (value, unread) = (drops.guard(), drops.guard());
    let mut value = executor.spawn(async move { value });
    let unread = executor.spawn(async move { unread });
    let mut panicked = executor.spawn(async { panic!("early") });
    executor.run_until_stalled();
    let mut cancelled = executor.spawn(pending::<()>()).named("kept");
    executor.run_until_stalled();
    drop(executor);

    assert!(value.is_finished() && value.id().is_none());
    drop(value.take_result().unwrap().unwrap());
    assert_eq!(drops.count(), 1);
    drop(unread);
    assert_eq!(drops.count(), 2);
    let Some(Err(JoinError::Cancelled(reason))) = cancelled.take_result() else { panic!() };
    assert_eq!((reason, cancelled.name().as_deref()), (CancelReason::Shutdown, Some("kept")));
    let outcome: Result<(), _> = futures::executor::block_on(&mut panicked);
    let Err(JoinError::Panicked(panic)) = outcome else { panic!() };
    assert_eq!(panic.message(), "early");
    // Nothing is left that they could do, and nothing happens.
    cancelled.cancel("late");
    cancelled.abort();
    cancelled.detach();
}

#[test]
fn only_the_newest_waker_that_waits_for_a_task_is_woken() {
    let executor = Executor::new();
    let mut task = executor.spawn(yield_now());
    let (first, first_waker) = Wakes::new();
    let (second, second_waker) = Wakes::new();
    for waker in [&first_waker, &second_waker, &first_waker, &first_waker, &second_waker] {
        assert!(Pin::new(&mut task).poll(&mut Context::from_waker(waker)).is_pending());
    }
    executor.tick(evenkeel::host::Budget::polls(4));
    assert!(task.is_finished());
    assert_eq!((first.count(), second.count()), (0, 1));
}

#[test]
fn fault_13_a_task_that_awaits_itself_waits_until_it_is_cancelled() {
    type Own = Rc<RefCell<Option<Task<()>>>>;
    let drops = Drops::default();
    let own = Own::default();
    let executor = Executor::new();
    let (mine, guard) = (own.clone(), drops.guard());
    let task = executor.spawn(async move {
        let _guard = guard;
        let task = mine.take().unwrap();
        let _ = task.await;
    });
    *own.borrow_mut() = Some(task);
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
    assert_eq!(drops.count(), 0);
    drop(executor);
    assert_eq!(drops.count(), 1);
}

#[test]
fn two_tasks_that_await_each_other_wait_until_they_are_cancelled() {
    let drops = Drops::default();
    run(async {
        let slots: [Rc<RefCell<Option<Task<()>>>>; 2] = Default::default();
        for n in 0..2 {
            let (other, guard) = (slots[1 - n].clone(), drops.guard());
            let task = spawn(async move {
                let _guard = guard;
                yield_now().await;
                let other = other.take();
                let _ = other.unwrap().await;
            });
            *slots[n].borrow_mut() = Some(task);
        }
        for _ in 0..5 {
            yield_now().await;
        }
        assert_eq!(drops.count(), 0);
    });
    assert_eq!(drops.count(), 2);
}

#[test]
fn a_task_of_one_executor_can_be_awaited_in_another() {
    let (one, other) = (Executor::new(), Executor::new());
    let task = one.spawn(async {
        yield_now().await;
        4
    });
    let mut joining = other.spawn(task);
    other.run_until_stalled();
    for _ in 0..3 {
        one.run_until_stalled();
    }
    assert_eq!(other.run_until_stalled().readiness, Readiness::Finished);
    assert_eq!(joining.take_result().unwrap().unwrap().unwrap(), 4);
}

#[test]
fn a_task_can_be_awaited_by_one_task_after_another() {
    run(async {
        let gate = Rc::new(RefCell::new(false));
        let open = gate.clone();
        let task = Rc::new(RefCell::new(spawn(poll_fn(move |cx| {
            cx.waker().wake_by_ref();
            if *open.borrow() { Poll::Ready(9) } else { Poll::Pending }
        }))));
        let ask = || {
            let task = task.clone();
            poll_fn(move |cx| Pin::new(&mut *task.borrow_mut()).poll(cx))
        };
        let first = spawn(ask());
        yield_now().await;
        drop(first);
        yield_now().await;
        let second = spawn(ask());
        yield_now().await;
        *gate.borrow_mut() = true;
        assert_eq!(second.await.unwrap().unwrap(), 9);
    });
}
