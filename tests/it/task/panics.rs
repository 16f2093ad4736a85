//! A panic ends its task and nothing else.

use crate::kit::probe::{Drops, Record, my_waker, on_drop, text_of};
use evenkeel::{Executor, JoinError, Task, run, spawn, yield_now};
use std::{
    future::{pending, poll_fn},
    panic::panic_any,
    process::{Command, Stdio},
    task::Poll,
};

fn message<T>(outcome: Result<T, JoinError>) -> String {
    match outcome {
        Err(JoinError::Panicked(panic)) => panic.message().to_owned(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a value"),
    }
}

#[test]
fn fault_09_a_panic_at_every_poll_of_every_task_leaves_the_rest_running() {
    const TASKS: usize = 4;
    const POLLS: usize = 3;
    for (task, poll) in (0..TASKS).flat_map(|task| (0..POLLS).map(move |poll| (task, poll))) {
        let drops = Drops::default();
        let outcomes = run(async {
            let tasks: Vec<Task<usize>> = (0..TASKS)
                .map(|n| {
                    let guard = drops.guard();
                    spawn(async move {
                        let _guard = guard;
                        for turn in 0..POLLS {
                            if (n, turn) == (task, poll) {
                                panic!("{n} at {turn}");
                            }
                            yield_now().await;
                        }
                        n
                    })
                })
                .collect();
            let mut outcomes = Vec::new();
            for task in tasks {
                outcomes.push(task.await);
            }
            outcomes
        });
        for (n, outcome) in outcomes.into_iter().enumerate() {
            if n == task {
                assert_eq!(message(outcome), format!("{task} at {poll}"));
            } else {
                assert_eq!(outcome.unwrap(), n);
            }
        }
        assert_eq!(drops.count(), TASKS);
    }
}

#[test]
fn fault_09_every_task_of_a_batch_may_panic() {
    let executor = Executor::new();
    let tasks: Vec<Task<()>> = (0..20).map(|n| executor.spawn(async move { panic!("{n}") })).collect();
    executor.run_until_stalled();
    for (n, mut task) in tasks.into_iter().enumerate() {
        assert_eq!(message(task.take_result().unwrap()), n.to_string());
    }
}

#[test]
fn a_panic_carries_its_payload_and_can_go_on() {
    let executor = Executor::new();
    let mut task: Task<()> = executor.spawn(async { panic_any(42_u8) });
    executor.run_until_stalled();
    let Some(Err(JoinError::Panicked(panic))) = task.take_result() else { panic!() };
    assert_eq!(panic.message(), "(a payload that is not text)");
    let payload = std::panic::catch_unwind(|| panic.resume()).unwrap_err();
    assert_eq!(payload.downcast_ref::<u8>(), Some(&42));
}

#[test]
fn fault_10_a_destructors_panic_while_a_panicked_future_is_dropped_is_reported() {
    let reports = Record::new();
    let seen = reports.clone();
    let executor = Executor::builder().on_unhandled(move |unhandled| seen.add(unhandled.to_string())).build();
    // The bomb lies in a closure that the future captured, so it goes off when the unwinding is over.
    let bomb = on_drop(|| panic!("second"));
    let outcome = executor.run(async {
        spawn(poll_fn(move |_| -> Poll<()> {
            let _ = &bomb;
            panic!("first")
        }))
        .await
    });
    assert_eq!(message(outcome), "first");
    let reports = reports.take();
    assert!(reports.len() == 1 && reports[0].contains("had a destructor that panicked: second"), "{reports:?}");
}

/// When the destructor panics, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Completes,
    Cancelled,
    Aborted,
    NeverPolled,
    HandleDropped,
    ExecutorDropped,
}

#[test]
fn fault_10_a_panicking_destructor_of_a_future_spares_its_value_or_is_the_outcome() {
    use End::*;
    for end in [Completes, Cancelled, Aborted, NeverPolled, HandleDropped, ExecutorDropped] {
        let reports = Record::new();
        let seen = reports.clone();
        let executor = Executor::builder().on_unhandled(move |unhandled| seen.add(unhandled.to_string())).build();
        // The bomb lies in a closure that the future captured, so it goes off when the future itself is dropped.
        let bomb = on_drop(|| panic!("destructor"));
        let mut task = executor.spawn(poll_fn(move |_| {
            let _ = &bomb;
            if end == Completes { Poll::Ready("value") } else { Poll::Pending }
        }));
        if end != NeverPolled {
            executor.run_until_stalled();
        }
        let mut kept = None;
        match end {
            Completes => kept = Some(task),
            Cancelled | NeverPolled => {
                task.cancel("stop");
                executor.run_until_stalled();
                kept = Some(task);
            }
            Aborted => {
                task.abort();
                executor.run_until_stalled();
                kept = Some(task);
            }
            HandleDropped => {
                assert!(task.take_result().is_none());
                drop(task);
            }
            ExecutorDropped => kept = Some(task),
        }
        assert_eq!(executor.run(async { spawn(async { 1 }).await.unwrap() }), 1, "usable after {end:?}");
        drop(executor);
        let outcome = kept.and_then(|mut task| task.take_result());
        let reports = reports.take();
        match end {
            Completes => {
                assert_eq!(outcome.unwrap().unwrap(), "value");
                assert!(reports.len() == 1 && reports[0].contains("had a destructor"), "{reports:?}");
            }
            HandleDropped => {
                assert!(outcome.is_none());
                assert!(reports.len() == 1 && reports[0].contains("nobody awaits it: destructor"), "{reports:?}");
            }
            _ => {
                assert_eq!(message(outcome.unwrap()), "destructor", "{end:?}");
                assert_eq!(reports.len(), 0, "{end:?}: {reports:?}");
            }
        }
    }
}

#[test]
fn fault_10_a_panicking_destructor_of_an_output_harms_nobody() {
    #[derive(Debug)]
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("output");
        }
    }
    let reports = Record::new();
    let seen = reports.clone();
    let executor = Executor::builder().on_unhandled(move |unhandled| seen.add(unhandled.to_string())).build();
    // Nobody is left to receive it: it is reported.
    executor.spawn(async { Bomb }).detach();
    executor.run_until_stalled();
    let detached = reports.take();
    assert!(detached.len() == 1 && detached[0].contains("had a destructor that panicked: output"), "{detached:?}");
    // The owner drops it: whoever lets go of a handle need not know what lies behind it.
    let task = executor.spawn(async { Bomb });
    executor.run_until_stalled();
    drop(task);
    assert!(reports.len() == 1 && reports.take()[0].contains("had a destructor that panicked: output"));
    // The same after the executor's end, on stderr.
    let orphan = executor.spawn(async { Bomb });
    executor.run_until_stalled();
    assert_eq!(executor.run(async { spawn(async { 1 }).await.unwrap() }), 1);
    drop(executor);
    drop(orphan);
    assert_eq!(reports.len(), 0);
}

#[test]
fn fault_10_a_handle_may_be_dropped_while_its_thread_unwinds() {
    #[derive(Debug)]
    struct Bomb(Drops);
    impl Drop for Bomb {
        fn drop(&mut self) {
            drop(self.0.guard());
            panic!("output");
        }
    }
    let (drops, reports) = (Drops::default(), Record::new());
    let seen = reports.clone();
    let executor = Executor::builder().on_unhandled(move |unhandled| seen.add(unhandled.to_string())).build();
    let bomb = Bomb(drops.clone());
    let task = executor.spawn(async move { bomb });
    executor.run_until_stalled();
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _task = task;
        panic!("host");
    }));
    assert_eq!(text_of(unwound.unwrap_err()), "host");
    assert_eq!((drops.count(), reports.len()), (1, 1));
}

#[test]
fn fault_10_a_panic_payload_may_panic_when_it_is_dropped() {
    struct Payload;
    impl Drop for Payload {
        fn drop(&mut self) {
            panic!("payload");
        }
    }
    let reports = Record::new();
    let seen = reports.clone();
    let executor = Executor::builder().on_unhandled(move |unhandled| seen.add(unhandled.to_string())).build();
    executor.spawn(async { panic_any(Payload) }).detach();
    let task = executor.spawn(async { panic_any(Payload) });
    executor.run_until_stalled();
    drop(task);
    assert_eq!(reports.len(), 2);
    assert_eq!(executor.run(async { 1 }), 1);
}

#[test]
fn fault_09_a_task_that_panics_while_it_is_polled_for_the_last_time_has_panicked() {
    let outcome = run(async {
        let task = spawn(async {
            yield_now().await;
            panic!("in the last poll")
        });
        yield_now().await;
        task.cancel("stop");
        task.await
    });
    assert_eq!(message(outcome), "in the last poll");
}

#[test]
fn fault_09_a_waker_of_a_task_that_panicked_does_nothing() {
    let executor = Executor::new();
    let kept = std::rc::Rc::new(std::cell::RefCell::new(None));
    let slot = kept.clone();
    let task: Task<()> = executor.spawn(async move {
        let waker = my_waker().await;
        waker.wake_by_ref();
        *slot.borrow_mut() = Some(waker);
        panic!("woken");
    });
    executor.run_until_stalled();
    kept.take().unwrap().wake();
    executor.run_until_stalled();
    assert!(task.is_finished());
    executor.spawn(pending::<()>()).detach();
}

/// Runs this test again in a process whose stderr takes nothing.
#[test]
#[cfg(target_os = "linux")]
fn fault_10_reports_survive_a_stderr_that_takes_nothing() {
    const CHILD: &str = "EVENKEEL_TEST_WITHOUT_STDERR";
    if std::env::var_os(CHILD).is_some() {
        let drops = Drops::default();
        let (value, future) = (drops.guard(), drops.guard());
        let executor = Executor::new();
        // Each of these is reported by the default hook, on stderr.
        executor.spawn(async { panic!("detached") }).detach();
        let bomb = on_drop(|| panic!("destructor"));
        let mut kept = executor.spawn(poll_fn(move |_| {
            let _ = &bomb;
            Poll::Ready(7)
        }));
        let plain = executor.spawn(async move {
            let _future = future;
            value
        });
        executor.run_until_stalled();
        executor.run_until_stalled();
        assert_eq!(kept.take_result().unwrap().unwrap(), 7);
        drop(plain);
        drop(executor);
        assert_eq!(drops.count(), 2);
        return;
    }
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "panics::fault_10_reports_survive_a_stderr_that_takes_nothing", "--nocapture"])
        .env(CHILD, "1")
        .stderr(full)
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}\n{}", child.status, String::from_utf8_lossy(&child.stdout));
}

#[test]
fn panic_the_task_is_the_current_one_in_its_futures_destructors() {
    let seen = Record::new();
    let says = seen.clone();
    let task = spawn_and_run(async move {
        let me = evenkeel::current_task().id();
        let _guard = on_drop(move || says.add(evenkeel::task::try_current_task().map(|task| task.id()) == Some(me)));
        panic!("with a guard")
    });
    assert_eq!((message(task), seen.take()), ("with a guard".to_owned(), vec![true]));
}

fn spawn_and_run(future: impl Future<Output = ()> + 'static) -> Result<(), JoinError> {
    run(async { spawn(future).await })
}
