//! What other threads may ask of an executor, and in what order it is done.

use crate::kit::{
    gates::{Alive, until},
    probe::{Drops, Record, panic_of},
};
use evenkeel::{
    CancelReason, Executor, Handle,
    host::{Readiness, UnhandledKind},
    run, spawn,
    threads::{CallError, RemoteTask},
    yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

thread_local!(static RECORD: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) });

/// Drives the executor until the thread has ended, and returns its value.
fn drive<T>(executor: &Executor, thread: thread::JoinHandle<T>) -> T {
    while !thread.is_finished() {
        executor.run_until_stalled();
        executor.park(Duration::from_millis(1));
    }
    thread.join().unwrap()
}

#[test]
fn threads_10_calls_are_done_in_order_by_the_loop() {
    let executor = Executor::new();
    let handle = executor.handle();
    let thread = thread::spawn(move || {
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                handle.spawn(move || {
                    RECORD.with_borrow_mut(|record| record.push(n));
                    async move { n }
                })
            })
            .collect();
        handle.call(|| RECORD.with_borrow_mut(|record| record.push(100))).unwrap();
        tasks.into_iter().map(|task| task.unwrap().wait().unwrap()).sum::<u32>()
    });
    assert_eq!(drive(&executor, thread), 4950);
    assert_eq!(RECORD.take(), (0..=100).collect::<Vec<_>>());
}

#[test]
fn threads_11_a_spawned_future_never_leaves_the_loops_thread() {
    thread_local!(static DROPS: Drops = Drops::default());
    let executor = Executor::new();
    let handle = executor.handle();
    let thread = thread::spawn(move || {
        handle.block_on_from_thread(|| {
            let guard = DROPS.with(Drops::guard);
            async move {
                yield_now().await;
                let _guard = guard;
                "done".to_owned()
            }
        })
    });
    assert_eq!(drive(&executor, thread).unwrap(), "done");
    assert_eq!(DROPS.with(Drops::count), 1);
}

#[test]
fn threads_11_a_remote_task_may_be_awaited_on_another_executor_and_on_its_own() {
    let executor = Executor::new();
    let handle = executor.handle();
    let there = handle.clone();
    let thread = thread::spawn(move || run(async move { there.spawn(|| async { 7 }).unwrap().await }));
    assert_eq!(drive(&executor, thread).unwrap(), 7);
    assert_eq!(executor.run(async move { handle.spawn(|| async { 8 }).unwrap().await }).unwrap(), 8);
}

#[test]
fn threads_12_panics_are_given_to_the_caller() {
    let executor = Executor::new();
    let handle = executor.handle();
    let thread = thread::spawn(move || {
        let text = |error| match error {
            CallError::Panicked(panic) => panic.message().to_owned(),
            other => panic!("{other}"),
        };
        let call = text(handle.call(|| panic!("in the call")).unwrap_err());
        let make =
            text(handle.block_on_from_thread(|| -> std::future::Ready<()> { panic!("in the making") }).unwrap_err());
        let poll = text(handle.block_on_from_thread(|| async { panic!("in the future") }).unwrap_err());
        [call, make, poll]
    });
    assert_eq!(drive(&executor, thread), ["in the call", "in the making", "in the future"]);
}

#[test]
fn threads_13_waiting_on_the_own_thread_is_an_error_and_not_a_deadlock() {
    let executor = Executor::new();
    let handle = executor.handle();
    let in_task = handle.clone();
    let alive = Alive::default();
    let value = alive.value();
    assert!(matches!(handle.call(move || drop(value)), Err(CallError::OwnThread)));
    executor.run(async move {
        assert!(matches!(in_task.call(|| ()), Err(CallError::OwnThread)));
        assert!(matches!(in_task.block_on_from_thread(|| async {}), Err(CallError::OwnThread)));
        let mut task = in_task.spawn(|| async { 3 }).unwrap();
        assert!(matches!(task.wait(), Err(CallError::OwnThread)));
        while !task.is_finished() {
            yield_now().await;
        }
        assert_eq!(task.wait().unwrap(), 3, "it has ended, so nobody need wait");
    });
    assert_eq!(alive.count(), 0);
}

#[test]
fn threads_13_what_was_never_done_is_dropped_with_the_executor_and_its_callers_hear_of_it() {
    thread_local!(static HERE: Cell<bool> = const { Cell::new(false) });
    /// Whose calls are queued when the executor ends are dropped on its thread.
    struct NotHere(#[expect(dead_code, reason = "it is counted")] crate::kit::gates::Value);
    impl Drop for NotHere {
        fn drop(&mut self) {
            assert!(HERE.get(), "dropped on another thread");
        }
    }
    HERE.set(true);
    let alive = Alive::default();
    let executor = Executor::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (handle, alive, asked) = (executor.handle(), alive.clone(), asked.clone());
            thread::spawn(move || {
                let (one, two) = (NotHere(alive.value()), alive.value());
                let mut task = handle.spawn(move || async move { drop(one) }).unwrap();
                asked.fetch_add(1, SeqCst);
                let called = handle.call(move || drop(two));
                (matches!(called, Err(CallError::Ended(_))), matches!(task.wait(), Err(CallError::Ended(_))))
            })
        })
        .collect();
    until(|| asked.load(SeqCst) == 4 && alive.count() == 8);
    // The spawns are in the queue. Of the calls some may come after the end, and be refused at once.
    drop(executor);
    for thread in threads {
        assert_eq!(thread.join().unwrap(), (true, true));
    }
    assert_eq!(alive.count(), 0);
}

#[test]
fn threads_11_a_spawned_task_is_cancelled_with_its_executor() {
    let executor = Executor::new();
    let handle = executor.handle();
    let (ready, is_ready) = mpsc::channel();
    let thread = thread::spawn(move || {
        let mut task = handle.spawn(pending::<()>).unwrap();
        handle.call(|| ()).unwrap();
        ready.send(()).unwrap();
        task.wait()
    });
    while is_ready.try_recv().is_err() {
        executor.run_until_stalled();
    }
    executor.run_until_stalled();
    drop(executor);
    assert!(matches!(thread.join().unwrap(), Err(CallError::Cancelled(CancelReason::Shutdown))));
}

#[test]
fn threads_11_a_remote_task_has_an_owner() {
    let executor = Executor::new();
    let handle = executor.handle();
    let thread = thread::spawn(move || {
        let alive = Alive::default();
        let dropped = |task: RemoteTask<()>| drop(task);
        let cancelled = |task: RemoteTask<()>| {
            task.cancel("not needed");
            assert!(
                matches!({ task }.wait(), Err(CallError::Cancelled(reason)) if reason == CancelReason::from("not needed"))
            );
        };
        let ends: [&dyn Fn(RemoteTask<()>); 2] = [&dropped, &cancelled];
        for end in ends {
            for late in [false, true] {
                let value = alive.value();
                let task = handle.spawn(move || async move {
                    let _value = value;
                    pending::<()>().await
                });
                if late {
                    handle.call(|| ()).unwrap();
                }
                end(task.unwrap());
                alive.wait_for_none();
            }
        }
        let (tell, told) = mpsc::channel();
        handle.spawn(move || async move { tell.send(()).unwrap() }).unwrap().detach();
        told.recv().unwrap();
    });
    drive(&executor, thread);
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
}

#[test]
fn threads_12_the_panic_of_a_task_that_nobody_awaits_is_reported() {
    let reports = Record::new();
    let note = reports.clone();
    let executor = Executor::builder()
        .on_unhandled(move |what| {
            assert!(matches!(what.kind(), UnhandledKind::TaskPanicked(_)));
            note.add(what.to_string());
        })
        .build();
    let handle = executor.handle();
    let thread = thread::spawn(move || {
        handle.spawn(|| async { panic!("detached") }).unwrap().detach();
        let unread = handle.spawn(|| async { panic!("unread") }).unwrap();
        until(|| unread.is_finished());
        drop(unread);
        handle.call(|| ()).unwrap();
    });
    drive(&executor, thread);
    let reports = reports.take();
    assert!(reports.len() == 2 && reports[0].contains("detached") && reports[1].contains("unread"), "{reports:?}");
}

#[test]
fn threads_10_calls_run_with_nothing_borrowed_and_may_do_anything() {
    let executor = Rc::new(Executor::new());
    let handle = executor.handle();
    thread_local!(static EXECUTOR: RefCell<Option<Rc<Executor>>> = const { RefCell::new(None) });
    EXECUTOR.set(Some(executor.clone()));
    let inner = handle.clone();
    let thread = thread::spawn(move || {
        handle.call(move || {
            spawn(async {}).detach();
            inner.spawn(|| async {}).unwrap().detach();
            let executor = EXECUTOR.take().unwrap();
            executor.spawn(async {}).detach();
            let text = panic_of(|| executor.run_until_stalled());
            assert!(evenkeel::task::try_current_task().is_none());
            text
        })
    });
    let text = drive(&executor, thread).unwrap();
    assert!(text.contains("inside a task"), "{text}");
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
}

#[test]
fn threads_10_a_host_is_told_of_calls_also_after_its_last_task_has_ended() {
    let (tell, told) = mpsc::channel();
    let executor = Executor::builder().on_wake(move || tell.send(()).unwrap()).build();
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
    let handle = executor.handle();
    let thread = thread::spawn(move || handle.call(|| 5));
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    executor.run_until_stalled();
    assert_eq!(thread.join().unwrap().unwrap(), 5);
}

#[test]
fn threads_13_handle_current_outside_an_executor_says_so() {
    assert!(panic_of(Handle::current).contains("outside an executor"));
}

#[test]
fn threads_13_a_full_executor_says_so() {
    let executor = Executor::builder().max_tasks(1).build();
    executor.spawn(pending::<()>()).detach();
    let mut task = executor.handle().spawn(|| async {}).unwrap();
    executor.run_until_stalled();
    let refused = task.wait().unwrap_err();
    assert!(matches!(refused, CallError::Full) && refused.to_string().contains("max_tasks"), "{refused}");
}
