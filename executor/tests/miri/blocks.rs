//! Memory: sizes, alignments, recycling, the table's growth and its limit.

use crate::tools::Drops;
use evenkeel_executor::{CancelReason, Executor, Readiness, Task, TaskRef, combinator::Loose, run, spawn, yield_now};
use std::{
    cell::RefCell,
    future::{Ready, poll_fn, ready},
    panic::{AssertUnwindSafe, Location, catch_unwind},
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

#[repr(align(64))]
#[derive(Clone, Copy, Debug)]
struct Aligned([u8; 65]);

/// A future that keeps `N` bytes across an await, and gives them back.
async fn holding<const N: usize>(byte: u8) -> [u8; N] {
    let bytes = [byte; N];
    yield_now().await;
    bytes
}

async fn holding_aligned(byte: u8) -> usize {
    let value = Aligned([byte; 65]);
    let here = &value;
    yield_now().await;
    assert_eq!(std::ptr::from_ref(here).addr() % 64, 0);
    here.0.iter().map(|&byte| usize::from(byte)).sum()
}

#[test]
fn every_size_and_alignment_in_turn_and_together() {
    run(async {
        for _ in 0..2 {
            let tasks = (
                spawn(ready(())),
                spawn(holding::<1>(1)),
                spawn(holding::<31>(2)),
                spawn(holding::<64>(3)),
                spawn(holding::<1000>(4)),
                spawn(holding::<5000>(5)),
                spawn(holding_aligned(1)),
                // An output that is larger, or aligned more, than its future.
                spawn(async { [6_u64; 40] }),
                spawn(async { Aligned([7; 65]) }),
            );
            tasks.0.await.unwrap();
            assert_eq!(tasks.1.await.unwrap(), [1; 1]);
            assert_eq!(tasks.2.await.unwrap(), [2; 31]);
            assert_eq!(tasks.3.await.unwrap(), [3; 64]);
            assert_eq!(tasks.4.await.unwrap(), [4; 1000]);
            assert_eq!(tasks.5.await.unwrap(), [5; 5000]);
            assert_eq!(tasks.6.await.unwrap(), 65);
            assert_eq!(tasks.7.await.unwrap(), [6; 40]);
            assert_eq!(tasks.8.await.unwrap().0, [7; 65]);
        }
    });
}

#[test]
fn large_and_aligned_values_are_left_unread_before_and_after_the_executors_end() {
    for after in [false, true] {
        let executor = Executor::new();
        let drops = Drops::default();
        let guards = [drops.guard(), drops.guard()];
        let large = executor.spawn(async move { (guards, [0_u8; 4000]) });
        let aligned = executor.spawn(async { (Aligned([1; 65]), String::from("owned")) });
        executor.run_until_stalled();
        if after {
            drop(executor);
        }
        drop((large, aligned));
        assert_eq!(drops.count(), 2);
    }
}

#[test]
fn blocks_are_recycled_between_types_of_one_size() {
    let executor = Executor::new();
    for n in 0..20_u8 {
        let text = executor.spawn(async move { format!("{n}") });
        let bytes = executor.spawn(async move { [n; 24] });
        executor.run_until_stalled();
        if n % 2 == 0 {
            drop(text);
        } else {
            text.detach();
        }
        drop(bytes);
    }
}

#[test]
fn the_table_and_the_queue_grow_during_a_poll() {
    let drops = Drops::default();
    run(async {
        let guards: Vec<_> = (0..70).map(|_| drops.guard()).collect();
        let kept = spawn(async move {
            // More than the first ring has room for, while this task's own slot is in use.
            let tasks: Vec<Task<usize>> = guards
                .into_iter()
                .enumerate()
                .map(|(n, guard)| {
                    spawn(async move {
                        let _guard = guard;
                        yield_now().await;
                        n
                    })
                })
                .collect();
            yield_now().await;
            tasks
        });
        for (n, task) in kept.await.unwrap().into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), n);
        }
    });
    assert_eq!(drops.count(), 70);
}

#[test]
fn memory_is_given_back_while_the_executor_sleeps_and_taken_again() {
    let executor = Executor::new();
    for _ in 0..3 {
        // More than what is kept of one size.
        let count = if cfg!(miri) { 40 } else { 4000 };
        for _ in 0..count {
            executor.spawn(holding::<2000>(1)).detach();
            executor.spawn(holding::<10>(1)).detach();
        }
        while executor.run_until_stalled().readiness != Readiness::Finished {}
        let waits = executor.spawn(std::future::pending::<()>());
        executor.run_until_stalled();
        executor.park(Duration::from_millis(1));
        executor.park(Duration::from_millis(101));
        drop(waits);
        executor.run_until_stalled();
    }
}

#[test]
fn a_full_table_takes_tasks_of_another_size_when_there_is_room_again() {
    let executor = Executor::builder().max_tasks(3).build();
    for _ in 0..3 {
        let small: Vec<_> = (0..3).map(|_| executor.spawn(ready(1_u8))).collect();
        assert!(executor.spawner().spawn(ready(2_u8)).is_err());
        executor.run_until_stalled();
        assert!(executor.spawner().spawn(holding::<3000>(1)).is_err());
        drop(small);
        let large: Vec<_> = (0..3).map(|n| executor.spawn(holding::<500>(n))).collect();
        assert!(executor.spawner().spawn(ready(2_u8)).is_err());
        let aligned = executor.spawner().spawn(holding_aligned(1));
        assert!(aligned.is_err());
        drop(large);
        executor.run_until_stalled();
        executor.spawn(holding_aligned(2)).detach();
        while executor.run_until_stalled().readiness != Readiness::Finished {}
    }
}

#[test]
fn places_are_used_again_and_stale_wakers_reach_nobody() {
    let executor = Executor::new();
    let mut wakers = Vec::new();
    for _ in 0..30 {
        wakers.push(executor.run(crate::tools::my_waker()));
    }
    let task = executor.spawn(std::future::pending::<()>());
    executor.run_until_stalled();
    executor.run(async { wakers.iter().for_each(std::task::Waker::wake_by_ref) });
    wakers.into_iter().for_each(std::task::Waker::wake);
    assert!(!task.is_finished());
    executor.run_until_stalled();
}

#[test]
fn slots_that_were_taken_away_come_again_with_other_numbers() {
    const MANY: usize = 40;
    let executor = Executor::new();
    let wakers = Rc::new(RefCell::new(Vec::new()));
    let crowd = || {
        for n in 0..MANY {
            let wakers = wakers.clone();
            let mut has_left = false;
            let leave = poll_fn(move |cx| {
                if std::mem::replace(&mut has_left, true) {
                    return Poll::Ready(n);
                }
                wakers.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            });
            executor.spawn(leave).detach();
        }
        executor.run_until_stalled();
        wakers.take()
    };
    executor.spawn(std::future::pending::<()>()).detach();
    let early = crowd();
    early.iter().for_each(Waker::wake_by_ref);
    assert_eq!(executor.run_until_stalled().polled, MANY);
    // A long sleep.
    executor.park(Duration::from_millis(200));
    let late = crowd();
    early.into_iter().for_each(Waker::wake);
    assert_eq!(executor.run_until_stalled().polled, 0);
    late.into_iter().for_each(Waker::wake);
    assert_eq!(executor.run_until_stalled().polled, MANY);
}

/// What a maker was told outlives it, and a later task gets the block, or the slot of one that is not kept.
#[test]
fn a_number_told_to_a_maker_that_panics_names_no_later_task() {
    async fn told_in_vain<T: 'static>(value: impl Fn() -> T) {
        let mut told: Option<TaskRef> = None;
        let spawning = || {
            Loose::spawn(Location::caller(), |task| -> Ready<T> {
                told = Some(task);
                panic!("no future")
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(spawning)).is_err());
        let told = told.unwrap();
        assert!(!told.cancel(CancelReason::Aborted));
        let mut later = Loose::spawn(Location::caller(), |task| {
            assert!(task != told);
            ready(value())
        });
        assert!(!told.cancel(CancelReason::Aborted) && !told.abort());
        assert!(poll_fn(|cx| later.poll_value(cx)).await.is_some());
    }
    run(async {
        for _ in 0..2 {
            told_in_vain(|| 7_u8).await;
            told_in_vain(|| Aligned([7; 65])).await;
        }
    });
}
