//! Spawning from everywhere, and what happens when there is no room.

use crate::kit::probe::{Drops, panic_of};
use evenkeel::{
    Executor, Task, combinator::Loose, current_task, host::Readiness, run, spawn, task::spawner, yield_now,
};
use futures::task::{LocalFutureObj, LocalSpawn, LocalSpawnExt};
use std::{
    future::{Ready, pending, poll_fn, ready},
    panic::Location,
};

#[test]
fn spawn_outside_an_executor_panics_and_names_run() {
    let line = line!() + 1;
    let message = panic_of(|| drop(spawn(async {})));
    assert!(message.contains("evenkeel::run"), "{message}");
    assert!(message.contains(&format!("spawner.rs:{line}:")), "{message}");
    assert!(panic_of(spawner).contains("evenkeel::run"));
    assert!(panic_of(evenkeel::current_task).contains("evenkeel::run"));
    assert!(evenkeel::task::try_current_task().is_none());
}

#[test]
fn a_spawner_spawns_from_inside_and_outside() {
    let executor = Executor::new();
    let spawner = executor.spawner();
    assert!(spawner.status_local().is_ok());
    let mut first = spawner.spawn(async { 1 }).unwrap();
    let mut second = executor.run(async { evenkeel::task::spawner().clone().spawn(async { 2 }).unwrap() });
    spawner.spawn_local_obj(LocalFutureObj::new(Box::pin(async {}))).unwrap();
    executor.run_until_stalled();
    assert_eq!(first.take_result().unwrap().unwrap() + second.take_result().unwrap().unwrap(), 3);
    drop(executor);
    assert!(spawner.status_local().unwrap_err().is_shutdown());
    assert!(spawner.spawn_local_obj(LocalFutureObj::new(Box::pin(async {}))).is_err());
}

#[test]
fn libraries_that_are_written_against_futures_task_work() {
    let value = run(async { spawner().spawn_local_with_handle(async { 6 }).unwrap().await });
    assert_eq!(value, 6);
}

#[test]
fn a_tasks_parent_is_the_task_that_spawned_it() {
    run(async {
        let me = evenkeel::current_task();
        let child = spawn(async {
            let grandchild = spawn(async { evenkeel::current_task().parent() });
            (evenkeel::current_task().parent(), grandchild.await.unwrap(), evenkeel::current_task().id())
        });
        assert_eq!(child.parent(), Some(me.id()));
        let (parent, grandparent, id) = child.await.unwrap();
        assert_eq!((parent, grandparent), (Some(me.id()), Some(id)));
        assert_eq!(me.parent(), None);
    });
    // A host's spawn has no parent, whichever task ran last.
    let executor = Executor::new();
    executor.spawn(pending::<()>()).detach();
    executor.run_until_stalled();
    assert_eq!(executor.spawn(async {}).parent(), None);
    assert_eq!(executor.spawner().spawn(async {}).unwrap().parent(), None);
}

#[test]
fn limit_01_a_full_executor_refuses_with_a_message_or_an_error_and_drops_the_future() {
    let drops = Drops::default();
    let executor = Executor::builder().max_tasks(3).build();
    let tasks: Vec<Task<()>> = (0..3).map(|_| executor.spawn(pending())).collect();
    let guard = drops.guard();
    let message = panic_of(|| executor.spawn(async move { drop(guard) }));
    assert!(message.contains("3 tasks") && message.contains("max_tasks"), "{message}");
    let guard = drops.guard();
    assert!(executor.spawner().spawn(async move { drop(guard) }).is_err());
    let guard = drops.guard();
    let object = LocalFutureObj::new(Box::pin(async move { drop(guard) }));
    assert!(executor.spawner().spawn_local_obj(object).is_err());
    assert_eq!(drops.count(), 3);
    drop(tasks);
}

#[test]
fn limit_01_a_place_is_usable_again_when_its_task_has_ended_and_its_handle_is_gone() {
    let executor = Executor::builder().max_tasks(2).build();
    let first = executor.spawn(async { 1 });
    let second = executor.spawn(pending::<()>());
    executor.run_until_stalled();
    assert!(executor.spawner().spawn(async {}).is_err(), "an ended task counts while its handle is kept");
    drop(first);
    let third = executor.spawn(async { [3_u64; 100] });
    assert!(executor.spawner().spawn(async {}).is_err());
    drop(second);
    executor.run_until_stalled();
    // Blocks of another size have had the places before.
    let fourth = executor.spawn(async { 4_u8 });
    executor.run_until_stalled();
    assert!(third.is_finished() && fourth.is_finished());
    for size in 0..50 {
        let task = executor.spawner().spawn(async {});
        assert!(task.is_err(), "round {size}");
    }
    drop((third, fourth));
    for _ in 0..50 {
        executor.spawn(async {}).detach();
        executor.spawn(yield_now()).detach();
        while executor.run_until_stalled().readiness != Readiness::Finished {}
    }
}

/// What is made for a task is made in its place, which is nobody's if that panics.
#[test]
fn limit_01_a_place_is_usable_again_when_what_makes_its_future_panics() {
    #[derive(Debug)]
    #[repr(align(256))]
    struct Aligned([u8; 300]);
    let executor = Executor::builder().max_tasks(2).build();
    executor.run(async {
        for _ in 0..3 {
            let small = || Loose::spawn(Location::caller(), |_| -> Ready<u8> { panic!("no future") });
            assert_eq!(panic_of(small), "no future");
            let large = || Loose::spawn(Location::caller(), |_| -> Ready<Aligned> { panic!("no future") });
            assert_eq!(panic_of(large), "no future");
        }
        let mut task = Loose::spawn(Location::caller(), |task| async move { task == current_task() });
        assert_eq!(poll_fn(|cx| task.poll_value(cx)).await, Some(true));
        let mut task = Loose::spawn(Location::caller(), |_| ready(Aligned([7; 300])));
        assert!(poll_fn(|cx| task.poll_value(cx)).await.is_some_and(|aligned| aligned.0[299] == 7));
    });
}

/// What makes a task's future may spawn others: each has a place of its own.
#[test]
fn a_task_is_told_its_own_number_whatever_its_maker_spawns() {
    run(async {
        let mut inner = None;
        let mut outer = Loose::spawn(Location::caller(), |task| {
            inner = Some(spawn(async { current_task().id() }));
            async move { (task == current_task(), task.id()) }
        });
        let inner = inner.unwrap().await.unwrap();
        let (is_told, outer) = poll_fn(|cx| outer.poll_value(cx)).await.unwrap();
        assert!(is_told && inner != outer);
    });
}

#[test]
fn limit_01_the_main_future_needs_a_place_too() {
    let executor = Executor::builder().max_tasks(1).build();
    assert_eq!(executor.run(async { 1 }), 1);
    let task = executor.spawn(pending::<()>());
    assert!(panic_of(|| executor.run(async {})).contains("1 tasks"));
    drop(task);
    executor.run_until_stalled();
    assert_eq!(executor.run(async { 2 }), 2);
    let none = Executor::builder().max_tasks(0).build();
    assert!(none.spawner().spawn(async {}).is_err());
}

#[test]
fn futures_of_every_size_and_alignment_can_be_spawned() {
    #[derive(Debug)]
    #[repr(align(256))]
    struct Aligned([u8; 300]);
    run(async {
        let aligned = Aligned([7; 300]);
        let value = spawn(async move {
            let here = &aligned;
            yield_now().await;
            assert_eq!(std::ptr::from_ref(here).addr() % 256, 0);
            u64::from(here.0[299])
        });
        let large = [1_u8; 20_000];
        let sum = spawn(async move {
            yield_now().await;
            large.iter().map(|&byte| u64::from(byte)).sum::<u64>()
        });
        let output_larger = spawn(async { [9_u8; 5_000] });
        let output_aligned = spawn(async { Aligned([3; 300]) });
        let nothing = spawn(std::future::ready(()));
        assert_eq!((value.await.unwrap(), sum.await.unwrap()), (7, 20_000));
        assert_eq!(output_larger.await.unwrap(), [9; 5_000]);
        let got = output_aligned.await.unwrap();
        assert_eq!((got.0[0], std::ptr::from_ref(&got).addr() % 256), (3, 0));
        nothing.await.unwrap();
    });
}

#[test]
fn fault_15_a_future_of_a_mebibyte_can_be_spawned_awaited_and_run() {
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(|| {
        let large = |byte: u8| {
            let bytes = [byte; 1 << 20];
            async move {
                yield_now().await;
                bytes.iter().filter(|&&other| other == byte).count()
            }
        };
        run(async move { spawn(large(1)).await.unwrap() }) + run(large(2))
    });
    assert_eq!(thread.unwrap().join().unwrap(), 2 << 20);
}
