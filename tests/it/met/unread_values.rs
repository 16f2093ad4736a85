//! Values that nobody takes, and whose destructors panic: whoever lets go of a handle need not know what lies behind it.

use crate::kit::{
    gates::{Gate, until},
    probe::{Record, Wakes, on_drop},
};
use evenkeel::{
    Executor, Task, TaskGroup,
    host::{ExecutorBuilder, UnhandledKind},
    run, scope, spawn,
    task::Panic,
    threads::ThreadLimiter,
    to_thread, yield_now,
};
use futures::FutureExt;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Wake, Waker},
};

/// Panics when it is dropped.
#[derive(Debug)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("value");
    }
}

fn recording(record: &Record<(&'static str, String)>) -> ExecutorBuilder {
    let record = record.clone();
    Executor::builder().on_unhandled(move |unhandled| {
        record.add(match unhandled.kind() {
            UnhandledKind::DestructorPanicked(panic) => ("destructor", panic.message().to_owned()),
            UnhandledKind::WakerPanicked(panic) => ("waker", panic.message().to_owned()),
            _ => ("?", unhandled.to_string()),
        });
    })
}

/// What is expected: one report.
fn told() -> Vec<(&'static str, String)> {
    vec![("destructor", "value".to_owned())]
}

/// In each of these the handle is let go of before the value is there, and after.
const BOTH: [bool; 2] = [false, true];

#[test]
fn met_b3_own_01_a_task_and_a_remote_task() {
    let record = Record::new();
    let executor = recording(&record).build();
    let handle = executor.handle();
    for late in BOTH {
        for detached in BOTH {
            let task = executor.spawn(async { Bomb });
            let remote = handle.spawn(|| async { Bomb }).unwrap();
            if late {
                executor.run_until_stalled();
            }
            if detached {
                task.detach();
                remote.detach();
            } else if late {
                drop((task, remote));
            } else {
                continue;
            }
            executor.run_until_stalled();
            assert_eq!(record.take(), [told(), told()].concat(), "late {late}, detached {detached}");
        }
    }
}

#[test]
fn met_b3_own_01_a_value_whose_error_is_told_goes_too() {
    let record = Record::new();
    let executor = recording(&record).build();
    let task: Task<Result<(), Bomb>> = executor.spawn(async { Err(Bomb) });
    executor.run_until_stalled();
    drop(task);
    let reports = record.take();
    assert!(reports[0].1.contains("nobody is left to get: Bomb"), "{reports:?}");
    assert_eq!(reports[1..], told());
}

#[test]
fn met_b3_group_05_the_handle_of_a_groups_child() {
    for late in BOTH {
        let record = Record::new();
        let ended: Result<_, evenkeel::GroupError<()>> = recording(&record).run(TaskGroup::run(async |group| {
            let child = group.spawn(async { Ok(Bomb) });
            if late {
                yield_now().await;
                yield_now().await;
                assert!(child.is_finished());
            }
            drop(child);
            yield_now().await;
            Ok(())
        }));
        assert!(ended.is_ok());
        assert_eq!(record.take(), told(), "late {late}");
    }
}

#[test]
fn met_b3_own_01_the_handle_of_a_scopes_child() {
    for late in BOTH {
        let record = Record::new();
        let ended: Result<_, evenkeel::GroupError<()>> = recording(&record).run(scope(async |scope| {
            let child = scope.spawn(async { Ok(Bomb) });
            if late {
                yield_now().await;
                yield_now().await;
                assert!(child.is_finished());
            }
            drop(child);
            yield_now().await;
            Ok(())
        }));
        assert!(ended.is_ok());
        assert_eq!(record.take(), told(), "late {late}");
    }
}

#[test]
fn met_b3_threads_02_a_job_that_ran_runs_or_waits() {
    let record = Record::new();
    recording(&record).max_threads(1).run(async {
        let (wakes, waker) = Wakes::new();
        let mut cx = Context::from_waker(&waker);
        // Its result is there.
        let mut done = to_thread(|| Bomb);
        assert!(done.poll_unpin(&mut cx).is_pending());
        until(|| wakes.count() == 1);
        drop(done);
        assert_eq!(record.take(), told());
        // It runs, and another waits: for the thread, or for a limiter.
        let (gate, begun) = (Gate::default(), Gate::default());
        let (pass, tell) = (gate.clone(), begun.clone());
        let limiter = ThreadLimiter::new(1);
        let mut running = to_thread(move || {
            tell.open();
            pass.pass();
            Bomb
        })
        .limited_by(&limiter);
        assert!(running.poll_unpin(&mut cx).is_pending());
        begun.pass();
        for limited in BOTH {
            let captured = Bomb;
            let mut waiting = to_thread(move || std::mem::forget(captured));
            if limited {
                waiting = waiting.limited_by(&limiter);
            }
            assert!(waiting.poll_unpin(&mut cx).is_pending());
            drop(waiting);
            assert_eq!(record.take(), told(), "limited {limited}");
        }
        drop(running);
        gate.open();
        while record.is_empty() {
            yield_now().await;
        }
        assert_eq!(record.take(), told());
    });
}

#[test]
fn met_b3_own_01_what_a_panic_carried() {
    let record = Record::new();
    recording(&record).run(async {
        let panicked = spawn(async { std::panic::panic_any(Bomb) }).await;
        drop(panicked);
        assert_eq!(record.take(), told());
        let unread = spawn(async { std::panic::panic_any(Bomb) });
        yield_now().await;
        drop(unread);
        let panicked = record.take();
        assert!(panicked.len() == 1 && panicked[0].1.contains("panicked, and nobody awaits it"), "{panicked:?}");
        drop(Panic::new(Box::new(Bomb)));
        assert_eq!(record.take(), told());
    });
}

/// The waker of somebody who has waited for the task.
#[test]
fn met_b3_own_01_a_foreign_waker() {
    struct Bad(#[expect(dead_code, reason = "owned to be dropped")] evenkeel_testkit::OnDrop<fn()>);
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {}
    }
    let record = Record::new();
    let executor = recording(&record).build();
    for detached in BOTH {
        let mut task = executor.spawn(std::future::pending::<()>());
        let waker = Waker::from(Arc::new(Bad(on_drop((|| panic!("waker")) as fn()))));
        assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
        drop_but_one(waker);
        if detached {
            task.detach();
        } else {
            drop(task);
        }
        assert_eq!(record.take(), [("waker", "waker".to_owned())], "detached {detached}");
    }
    executor.run_until_stalled();
    assert_eq!(run(async { 1 }), 1);
}

/// The clone that a handle keeps is the last one.
fn drop_but_one(waker: Waker) {
    drop(waker);
}
