//! The executor from outside: counts, timers and tasks made outside, borrowed futures.

use crate::kit::probe::{HandClock, Record, at, ms, panic_of, poll_with_noop};
use evenkeel::{
    Executor, Handle, Instant, Task, current_task, finally,
    host::Readiness,
    interval, run, sleep, spawn,
    sync::Event,
    task::{spawner, try_current_task},
    testing::VirtualClock,
    timeout, yield_now,
};
use std::{
    cell::Cell,
    future::pending,
    mem::forget,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

fn on_virtual_time() -> Executor {
    Executor::builder().clock(VirtualClock::new()).build()
}

/// An executor whose clock stands at that time, by which it is known.
fn at_time(millis: u64) -> Executor {
    let clock = HandClock::default();
    clock.set(ms(millis));
    Executor::builder().clock(clock).build()
}

/// The number of what is entered now; `None` outside.
fn current() -> Option<u64> {
    let task = std::panic::catch_unwind(|| Handle::current()).is_ok();
    task.then(|| Instant::now().since_origin().as_millis() as u64)
}

// ---- counts

#[test]
fn executor_counts_the_tasks_that_have_not_ended() {
    let executor = Executor::new();
    assert_eq!(executor.live_tasks(), 0);
    let tasks: Vec<Task<()>> = (0..3).map(|_| executor.spawn(async {})).collect();
    let waits = executor.spawn(pending::<()>());
    assert_eq!(executor.live_tasks(), 4);
    executor.run_until_stalled();
    assert_eq!((executor.live_tasks(), tasks.len()), (1, 3), "handles of ended ones do not count");
    waits.detach();
    assert_eq!(executor.live_tasks(), 1, "nobody's tasks do");
}

#[test]
fn executor_counts_a_task_that_cleans_up_and_its_main_future() {
    let executor = Rc::new(on_virtual_time());
    let task = executor.spawn(finally(pending::<()>(), async |_: Option<&()>| sleep(ms(10)).await));
    executor.run_until_stalled();
    drop(task);
    executor.run_until_stalled();
    assert_eq!(executor.live_tasks(), 1, "it was cancelled, and has not ended");
    let inside = executor.clone();
    let seen = executor.run(async move {
        sleep(ms(20)).await;
        inside.live_tasks()
    });
    assert_eq!((seen, executor.live_tasks()), (1, 0));
}

#[test]
fn executor_that_closes_counts_down() {
    let executor = on_virtual_time();
    for wait in [10, 20] {
        executor.spawn(finally(pending::<()>(), async move |_: Option<&()>| sleep(ms(wait)).await)).detach();
    }
    executor.run_until_stalled();
    executor.begin_close();
    executor.run_until_stalled();
    let mut counts = vec![executor.live_tasks()];
    while executor.run_until_stalled().readiness != Readiness::Finished {
        executor.park(Duration::MAX);
        executor.run_until_stalled();
        counts.push(executor.live_tasks());
    }
    assert_eq!(counts, [2, 1, 0]);
}

// ---- runs between ticks

#[test]
fn executor_runs_a_future_that_borrows_between_ticks_and_keeps_its_tasks() {
    let executor = on_virtual_time();
    let (event, mut log) = (Rc::new(Event::new()), Vec::new());
    let (set, count) = (event.clone(), Rc::new(Cell::new(0)));
    let ticks = count.clone();
    let heart = executor.spawn(async move {
        let mut every = interval(ms(10));
        loop {
            every.tick().await;
            ticks.set(ticks.get() + 1);
            if ticks.get() == 3 {
                set.set();
            }
        }
    });
    executor.run_until_stalled();
    assert_eq!(count.get(), 1);
    executor.run(async {
        event.wait().await;
        log.push(Instant::now());
    });
    assert_eq!((count.get(), log.as_slice()), (3, &[at(20)][..]));
    // It stands still while nobody drives it, and goes on where it was.
    assert!(!heart.is_finished());
    executor.run(async {
        sleep(ms(20)).await;
        log.push(Instant::now());
    });
    assert_eq!((executor.live_tasks(), log), (1, vec![at(20), at(40)]));
    let task = executor.spawn(async { 7 });
    assert_eq!(executor.run(task).unwrap(), 7, "it is not closed");
}

#[test]
fn executor_goes_on_after_a_run_that_panics() {
    let executor = on_virtual_time();
    let other = executor.spawn(async {
        sleep(ms(10)).await;
        7
    });
    let panicked = panic_of(|| executor.run(async { panic!("in main") }));
    assert_eq!((panicked.as_str(), executor.live_tasks()), ("in main", 1));
    assert_eq!(executor.run(other).unwrap(), 7);
}

// ---- entered

#[test]
fn executor_that_is_entered_gets_what_is_spawned() {
    let executor = Executor::new();
    let mut tasks = Vec::new();
    {
        let _entered = executor.enter();
        tasks.push(spawn(async { 1 }));
        tasks.push(spawner().spawn(async { 2 }).unwrap());
        assert!(try_current_task().is_none(), "no task runs");
    }
    assert_eq!(executor.live_tasks(), 2);
    let outside = panic_of(|| spawn(async {}));
    assert!(outside.contains("outside an executor"), "{outside}");
    assert_eq!(executor.run(async { tasks.remove(0).await.unwrap() + tasks.remove(0).await.unwrap() }), 3);
}

#[test]
fn executor_that_is_entered_has_its_time() {
    let executor = on_virtual_time();
    executor.run(sleep(ms(50)));
    let entered = executor.enter();
    assert_eq!(Instant::now(), at(50));
    let mut every = interval(ms(10));
    every.reset();
    drop(entered);
    executor.run(async {
        sleep(ms(3)).await;
        assert_eq!(every.tick().await, at(60), "the time of the reset was known");
    });
}

#[test]
fn executor_that_is_entered_has_handles_for_threads() {
    let executor = Executor::new();
    let handle = {
        let _entered = executor.enter();
        Handle::current()
    };
    let remote = thread::spawn(move || handle.spawn(|| async { 7 }).unwrap()).join().unwrap();
    assert_eq!(executor.run(remote).unwrap(), 7);
}

#[test]
fn executor_that_is_entered_tells_its_host_of_what_is_spawned() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let executor = Executor::builder().on_wake(move || _ = count.fetch_add(1, SeqCst)).build();
    executor.run_until_stalled();
    let _entered = executor.enter();
    let task = spawn(async {});
    assert_eq!((calls.load(SeqCst), executor.run_until_stalled().polled, task.is_finished()), (1, 1, true));
}

#[test]
fn executor_that_is_entered_tells_its_host_of_what_is_woken_by_a_future_that_finds_no_room() {
    struct SetsOnDrop(Rc<Event>);
    impl Drop for SetsOnDrop {
        fn drop(&mut self) {
            self.0.set();
        }
    }
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let executor = Executor::builder().max_tasks(1).on_wake(move || _ = count.fetch_add(1, SeqCst)).build();
    let event = Rc::new(Event::new());
    let waits = event.clone();
    let task = executor.spawn(async move { waits.wait().await });
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
    let before = calls.load(SeqCst);
    let _entered = executor.enter();
    let sets = SetsOnDrop(event);
    panic_of(|| spawn(async move { drop(sets) }));
    assert_eq!(calls.load(SeqCst), before + 1, "or the host would sleep on");
    executor.run_until_stalled();
    assert!(task.is_finished());
}

#[test]
fn executor_futures_are_made_outside_without_any_executor() {
    let (nap, mut every, limited) = (sleep(ms(5)), interval(ms(10)), timeout(ms(7), pending::<()>()));
    on_virtual_time().run(async {
        nap.await;
        assert_eq!(every.tick().await, at(5));
        assert!(limited.await.is_err());
        assert_eq!((Instant::now(), every.tick().await), (at(12), at(15)));
    });
}

#[test]
fn executor_guards_of_two_are_nested() {
    let [one, two] = [1, 2].map(at_time);
    assert_eq!(current(), None);
    {
        let _first = one.enter();
        assert_eq!(current(), Some(1));
        {
            let _second = two.enter();
            assert_eq!(current(), Some(2));
            let _third = one.enter();
            assert_eq!(current(), Some(1));
        }
        assert_eq!(current(), Some(1));
    }
    assert_eq!(current(), None);
}

#[test]
fn executor_guards_may_go_in_any_order_and_the_latest_counts() {
    let executors = [1, 2, 3].map(at_time);
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut guards = executors.each_ref().map(|executor| Some(executor.enter()));
        for gone in order {
            guards[gone] = None;
            let latest = (0..3).rev().find(|&n| guards[n].is_some());
            assert_eq!(current(), latest.map(|n| n as u64 + 1), "{order:?}");
        }
    }
}

#[test]
fn executor_guard_goes_with_a_panic() {
    let [one, two] = [1, 2].map(at_time);
    let _first = one.enter();
    panic_of(|| {
        let _second = two.enter();
        assert_eq!(current(), Some(2));
        panic!("in the middle")
    });
    assert_eq!(current(), Some(1));
}

#[test]
fn executor_that_runs_is_current_whatever_was_entered() {
    let [one, two] = [1, 2].map(at_time);
    let entered = one.enter();
    let seen = two.run(async {
        let inside = one.enter();
        let task = spawn(async { current_task().id() });
        let seen = current();
        yield_now().await;
        let id = task.id();
        assert_eq!(Some(task.await.unwrap()), id);
        (inside, seen)
    });
    assert_eq!((seen.1, current()), (Some(2), Some(1)));
    drop(entered);
    assert_eq!(current(), Some(1), "the guard that came out of the run");
    drop(seen);
    assert_eq!((current(), one.live_tasks(), two.live_tasks()), (None, 0, 0));
    // A guard that goes into a run and ends there.
    let entered = one.enter();
    two.run(async move { drop(entered) });
    assert_eq!(current(), None);
}

#[test]
fn executor_may_be_driven_while_it_is_entered() {
    let executor = at_time(3);
    let entered = executor.enter();
    let task = spawn(async { spawn(async { 7 }).await.unwrap() });
    executor.run_until_stalled();
    assert!(task.is_finished());
    assert_eq!((executor.run(task).unwrap(), current()), (7, Some(3)));
    assert!(run(async { current() != Some(3) }), "one of its own");
    drop(entered);
}

#[test]
fn executor_whose_guard_was_forgotten_is_not_found_when_it_is_gone() {
    let [one, two] = [1, 2].map(at_time);
    let first = one.enter();
    forget(two.enter());
    assert_eq!(current(), Some(2));
    drop(two);
    assert_eq!(current(), Some(1));
    drop(first);
    assert_eq!(current(), None);
    // Many leave nothing behind that grows.
    for n in 0..1_000 {
        let executor = at_time(n);
        forget(executor.enter());
        assert_eq!(current(), Some(n));
    }
    assert_eq!(current(), None);
}

#[test]
fn executor_is_entered_by_its_guards_thread_only() {
    let executor = at_time(1);
    let _entered = executor.enter();
    assert_eq!(thread::spawn(current).join().unwrap(), None);
}

#[test]
fn executor_that_is_entered_polls_nothing() {
    let executor = Executor::new();
    let _entered = executor.enter();
    let message = panic_of(|| poll_with_noop(&mut sleep(ms(1))));
    assert!(message.contains("a sleep was polled outside an executor"), "{message}");
    let record = Record::new();
    let log = record.clone();
    let task = spawn(async move { log.add("ran") });
    assert!(record.is_empty() && !task.is_finished());
}

#[test]
fn executor_with_no_room_refuses_what_is_spawned_while_it_is_entered() {
    let executor = Executor::builder().max_tasks(1).build();
    let _entered = executor.enter();
    let first = spawn(pending::<()>());
    let message = panic_of(|| spawn(pending::<()>()));
    assert!(message.contains("tasks"), "{message}");
    assert!(spawner().spawn(async {}).is_err() && !first.is_finished());
}
