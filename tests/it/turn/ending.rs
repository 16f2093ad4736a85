//! How `run` ends: nothing outlives it.

use crate::kit::probe::{Drops, Record, Wakes, on_drop, panic_of};
use evenkeel::{
    Executor, JoinError, run, sleep, spawn,
    task::{Spawner, spawner},
    yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

#[test]
fn end_01_main_may_borrow_from_its_caller_and_return_the_borrow() {
    let mut words = vec!["even".to_owned()];
    let longest = {
        let words = &mut words;
        run(async move {
            yield_now().await;
            words.push("keel-haul".to_owned());
            words.iter().max_by_key(|word| word.len()).unwrap()
        })
    };
    assert_eq!(longest, "keel-haul");
}

#[test]
fn end_02_nothing_outlives_run() {
    let drops = Drops::default();
    let stay = || {
        let guard = drops.guard();
        async move {
            let _guard = guard;
            sleep(Duration::MAX).await
        }
    };
    let kept = run(async {
        spawn(stay()).detach();
        std::mem::forget(spawn(stay()));
        let kept = spawn(stay());
        spawn(async { spawn(pending::<()>()).detach() }).detach();
        yield_now().await;
        spawn(stay()).detach();
        assert_eq!(drops.count(), 0);
        kept
    });
    assert_eq!(drops.count(), 4);
    assert!(kept.is_finished());
}

#[test]
fn end_02_tasks_that_destructors_spawn_at_the_end_never_start() {
    let (drops, record) = (Drops::default(), Record::new());
    run(async {
        let (guard, started) = (drops.guard(), record.clone());
        spawn(async move {
            let _spawn = on_drop(move || {
                spawn(async move {
                    started.add("started");
                    drop(guard);
                })
                .detach()
            });
            pending::<()>().await
        })
        .detach();
        yield_now().await;
    });
    assert_eq!((record.take(), drops.count()), (vec![], 1));
}

#[test]
fn end_02_a_woken_task_is_polled_once_more_at_the_end_and_its_value_counts() {
    let task = run(async {
        let task = spawn(async {
            yield_now().await;
            "just in time"
        });
        let late = spawn(async {
            yield_now().await;
            yield_now().await;
            yield_now().await;
            "too late"
        });
        yield_now().await;
        (task, late)
    });
    let (mut task, mut late) = task;
    assert_eq!(task.take_result().unwrap().unwrap(), "just in time");
    assert!(matches!(late.take_result(), Some(Err(JoinError::Cancelled(_)))));
}

#[test]
fn end_03_a_panic_of_main_goes_on_after_the_shutdown() {
    let drops = Drops::default();
    let message = panic_of(|| {
        run(async {
            let guard = drops.guard();
            spawn(async move {
                let _guard = guard;
                pending::<()>().await
            })
            .detach();
            yield_now().await;
            let _mine = drops.guard();
            panic!("main gave up");
        })
    });
    assert_eq!((message.as_str(), drops.count()), ("main gave up", 2));
}

#[test]
fn end_03_an_executor_is_usable_after_its_main_future_panicked() {
    let executor = Executor::new();
    assert_eq!(panic_of(|| executor.run(async { panic!("first") })), "first");
    assert_eq!(executor.run(async { spawn(async { 2 }).await.unwrap() }), 2);
}

#[test]
fn end_04_main_may_end_while_it_is_queued_or_awaited_by_nobody() {
    let executor = Executor::new();
    for n in 0..40 {
        let value = executor.run(async {
            crate::kit::probe::my_waker().await.wake();
            n
        });
        assert_eq!(value, n);
    }
}

#[test]
fn end_04_tasks_live_on_between_the_runs_of_one_executor() {
    let record = Record::new();
    let executor = Executor::new();
    let says = record.clone();
    let task = executor.spawn(async move {
        for n in 0..3 {
            says.add(n);
            yield_now().await;
        }
        "end"
    });
    executor.run(async {});
    assert!(record.len() < 3);
    assert_eq!(executor.run(task).unwrap(), "end");
    assert_eq!(record.take(), [0, 1, 2]);
}

#[test]
fn end_05_an_executor_that_is_dropped_with_live_tasks_drops_their_futures_now() {
    let drops = Drops::default();
    let executor = Executor::new();
    let kept: Vec<_> = (0..3)
        .map(|n| {
            let guard = drops.guard();
            let task = executor.spawn(async move {
                let _guard = guard;
                pending::<()>().await
            });
            if n > 0 {
                executor.run_until_stalled();
            }
            task
        })
        .collect();
    drop(executor);
    assert_eq!(drops.count(), 3);
    drop(kept);
}

#[test]
fn end_05_an_executor_may_be_dropped_while_its_thread_unwinds() {
    let drops = Drops::default();
    let reports = Record::new();
    let (guard, seen) = (drops.guard(), reports.clone());
    let unwound = catch_unwind(AssertUnwindSafe(move || {
        let executor = Executor::builder().on_unhandled(move |unhandled| seen.add(unhandled.to_string())).build();
        executor
            .spawn(async move {
                let _guard = guard;
                let _bomb = on_drop(|| panic!("a destructor, while the thread unwinds"));
                pending::<()>().await
            })
            .detach();
        executor.run_until_stalled();
        panic!("the host");
    }));
    assert_eq!(crate::kit::probe::text_of(unwound.unwrap_err()), "the host");
    assert_eq!((drops.count(), reports.len()), (1, 1));
}

#[test]
fn end_06_a_spawner_that_outlives_its_executor_gives_an_error() {
    let drops = Drops::default();
    let spawner: Spawner = run(async { spawner() });
    let guard = drops.guard();
    assert!(spawner.spawn(async move { drop(guard) }).is_err());
    assert_eq!(drops.count(), 1);
    assert_eq!(format!("{spawner:?}"), "Spawner(ended)");
}

#[test]
fn fault_03_a_joiner_is_dropped_when_it_was_woken_or_its_handle_is_gone() {
    let (wakes, waker) = Wakes::new();
    let mut cx = std::task::Context::from_waker(&waker);
    let poll = |task: &mut evenkeel::Task<()>, cx: &mut std::task::Context<'_>| {
        assert!(std::pin::Pin::new(task).poll(cx).is_pending());
    };
    let executor = Executor::new();
    let mut woken = executor.spawn(yield_now());
    let mut dropped = executor.spawn(pending());
    let mut detached = executor.spawn(pending());
    let mut left = executor.spawn(pending());
    for task in [&mut woken, &mut dropped, &mut detached, &mut left] {
        poll(task, &mut cx);
    }
    assert_eq!(Arc::strong_count(&wakes), 6);
    drop(dropped);
    detached.detach();
    assert_eq!(Arc::strong_count(&wakes), 4);
    executor.tick(evenkeel::host::Budget::polls(10));
    assert!(woken.is_finished());
    assert_eq!((Arc::strong_count(&wakes), wakes.count()), (3, 1));
    drop(executor);
    assert_eq!((Arc::strong_count(&wakes), wakes.count()), (2, 2), "only ours are left");
    assert!(left.is_finished());
}

#[test]
fn end_08_a_main_future_that_is_cancelled_ends_run_with_a_panic_that_gives_the_reason() {
    let drops = Drops::default();
    for abort in [false, true] {
        let message = panic_of(|| {
            run(async {
                let _guard = drops.guard();
                let main = evenkeel::current_task();
                spawn(async move { if abort { main.abort() } else { main.cancel("by a task of its own") } }).detach();
                pending::<()>().await
            })
        });
        let reason = if abort { "it was aborted" } else { "by a task of its own" };
        assert_eq!(
            message,
            format!("the main future was cancelled ({reason}): Executor::run_outcome gives that as a value")
        );
    }
    assert_eq!(drops.count(), 2);
}

#[test]
fn end_08_a_main_future_that_ends_in_the_poll_in_which_it_cancels_itself_has_its_value() {
    let value = run(async {
        evenkeel::current_task().cancel("too late");
        5
    });
    assert_eq!(value, 5);
}

#[test]
fn end_07_destructors_at_the_end_find_their_executor() {
    let found = Rc::new(Cell::new(false));
    let names = Rc::new(RefCell::new(Vec::new()));
    let (set, name) = (found.clone(), names.clone());
    let executor = Executor::new();
    executor
        .spawn(async move {
            let _look = on_drop(move || {
                set.set(spawner().spawn(async {}).is_ok());
                name.borrow_mut().push(evenkeel::current_task().name());
            });
            pending::<()>().await
        })
        .named("last")
        .detach();
    executor.run_until_stalled();
    drop(executor);
    assert!(found.get());
    assert_eq!(names.take(), [Some("last".to_owned())]);
}

#[test]
fn fault_45_a_panicking_destructor_of_a_callback_costs_no_executor() {
    let reports = Record::new();
    for n in 0..5000 {
        let (bomb, seen) = (on_drop(|| panic!("a callback")), reports.clone());
        let builder = Executor::builder().on_unhandled(move |what| seen.add(what.to_string()));
        let executor = match n % 2 {
            0 => {
                let bomb = std::sync::Mutex::new(bomb);
                builder.on_wake(move || drop(bomb.lock())).build()
            }
            _ => builder.on_wake_local(move || assert!(std::mem::size_of_val(&bomb) > 0)).build(),
        };
        assert!(catch_unwind(AssertUnwindSafe(|| drop(executor))).is_ok());
    }
    let reports = reports.take();
    assert_eq!(reports.len(), 5000);
    let expected = "evenkeel: an executor had a destructor that panicked: a callback";
    assert!(reports.iter().all(|line| line == expected), "{}", reports[0]);
}

#[test]
fn fault_45_at_its_end_an_executor_takes_spawns_that_never_start_and_then_none() {
    let (spawner, outcomes): (Rc<RefCell<Option<Spawner>>>, _) = (Rc::default(), Record::new());
    let spawns = || {
        let (spawner, outcomes) = (spawner.clone(), outcomes.clone());
        on_drop(move || {
            let spawned = spawner.borrow().as_ref().unwrap().spawn(async { unreachable!("it never starts") });
            outcomes.add(spawned.map(|task: evenkeel::Task<()>| task.is_finished()).ok());
        })
    };
    struct Host<T>(T);
    impl<T> evenkeel::testing::Schedule for Host<T> {
        fn choose(&mut self, _: evenkeel::testing::Choice, _: usize) -> usize {
            0
        }
    }
    let callback = spawns();
    let executor = Executor::builder()
        .on_wake_local(move || assert!(std::mem::size_of_val(&callback) > 0))
        .schedule(Host(spawns()))
        .build();
    *spawner.borrow_mut() = Some(executor.spawner());
    let held = spawns();
    let task = executor.spawn(async move { (held, pending::<()>().await) });
    executor.run_until_stalled();
    drop(executor);
    assert!(task.is_finished());
    // A task's destructor and a callback's: the task is cancelled from birth. Then everything has ended.
    assert_eq!(outcomes.take(), [Some(false), Some(false), None]);
}
