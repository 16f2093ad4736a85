//! Errors that nobody reads: whoever lets go of a handle does not make the error go away.

use crate::kit::{
    gates::{Gate, until},
    probe::{Record, Wakes},
};
use evenkeel::{
    CancelReason, Executor, Handle, JoinError,
    host::{Budget, ExecutorBuilder, Unhandled, UnhandledKind},
    run, spawn,
    task::Opaque,
    threads::ThreadLimiter,
    to_thread, yield_now,
};
use futures::FutureExt;
use std::{
    cell::Cell,
    fmt,
    future::pending,
    panic::Location,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Context,
};

type Lost = Result<(), &'static str>;
const LOST: Lost = Err("lost");

fn recording(record: &Record<String>) -> ExecutorBuilder {
    let record = record.clone();
    Executor::builder().on_unhandled(move |unhandled| record.add(error_of(unhandled)))
}

/// The text of a report that is one of an error, or the whole line of another.
fn error_of(unhandled: &Unhandled) -> String {
    match unhandled.kind() {
        UnhandledKind::Error(text) => text.to_string(),
        UnhandledKind::JobFailed(text) => format!("job: {text}"),
        _ => unhandled.to_string(),
    }
}

#[test]
fn met_b1_own_04_a_handle_that_is_dropped_or_detached_leaves_its_error_to_the_hook() {
    let record = Record::new();
    let executor = recording(&record).build();
    // Let go of before the end.
    executor.spawn(async { LOST }).detach();
    executor.run_until_stalled();
    assert_eq!(record.take(), ["\"lost\""]);
    // And after it.
    for detached in [false, true] {
        let task = executor.spawn(async { LOST });
        executor.run_until_stalled();
        assert_eq!(record.len(), 0, "its owner may still read it");
        if detached {
            task.detach();
        } else {
            drop(task);
        }
        assert_eq!(record.take(), ["\"lost\""]);
    }
    // What it would have said when it was let go of: it had been woken, so its last poll counts.
    let woken = executor.spawn(async {
        yield_now().await;
        LOST
    });
    executor.tick(Budget::polls(1));
    drop(woken);
    executor.run_until_stalled();
    assert_eq!(record.take(), ["\"lost\""]);
}

#[test]
fn met_b1_own_04_the_report_names_the_task_and_its_place() {
    let record = Record::new();
    let seen = record.clone();
    let executor = Executor::builder()
        .on_unhandled(move |unhandled| {
            seen.add((unhandled.name().map(str::to_owned), unhandled.location(), unhandled.to_string()));
        })
        .build();
    let place = Location::caller();
    executor.spawn(async { Err::<(), _>(std::io::Error::other("disk full\nreally")) }).named("writer").detach();
    executor.run_until_stalled();
    let (name, location, line) = record.take().remove(0);
    assert_eq!((name.as_deref(), location.unwrap().line()), (Some("writer"), place.line() + 1));
    assert!(line.starts_with("evenkeel: a task named \"writer\" (spawned at "), "{line}");
    assert!(line.contains("had an error that nobody is left to get: ") && line.contains("disk full"), "{line}");
    assert!(!line.contains('\n'), "{line:?}");
}

#[test]
fn met_b1_own_04_an_error_that_was_read_is_nobody_elses() {
    let record = Record::new();
    let executor = recording(&record).build();
    executor.run(async {
        assert_eq!(spawn(async { LOST }).await.unwrap(), LOST);
        let mut task = spawn(async { LOST });
        yield_now().await;
        assert!(task.take_result().is_some());
        spawn(async { Ok::<_, &str>("found") }).detach();
        spawn(async { Some(LOST) }).detach();
        let cancelled = spawn(async {
            pending::<()>().await;
            LOST
        });
        yield_now().await;
        drop(cancelled);
        yield_now().await;
        let aborted = spawn(async {
            yield_now().await;
            LOST
        });
        yield_now().await;
        aborted.abort();
        assert!(matches!(aborted.await, Err(JoinError::Cancelled(CancelReason::Aborted))));
    });
    drop(executor);
    assert_eq!(record.len(), 0);
}

#[test]
fn met_b1_own_04_an_error_is_found_in_a_joined_outcome_too() {
    let record = Record::new();
    let executor = recording(&record).build();
    executor.run(async {
        let inner = spawn(async { Err::<(), _>(404) });
        spawn(inner).detach();
        yield_now().await;
        yield_now().await;
        let stopped = spawn(pending::<()>());
        stopped.cancel("enough");
        spawn(stopped).detach();
        yield_now().await;
        yield_now().await;
    });
    let lines = record.take();
    assert_eq!(lines[0], "404");
    assert!(lines.len() == 2 && lines[1].contains("enough"), "{lines:?}");
}

#[test]
fn met_b1_own_04_an_error_outlives_its_executor() {
    /// Tells when it is printed.
    struct Told(Arc<AtomicUsize>);
    impl fmt::Debug for Told {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fetch_add(1, SeqCst);
            f.write_str("told on stderr")
        }
    }
    let told = Arc::new(AtomicUsize::new(0));
    let executor = Executor::new();
    let error = Told(told.clone());
    let task = executor.spawn(async { Err::<(), _>(error) });
    let error = Told(told.clone());
    let remote = executor.handle().spawn(|| async { Err::<(), _>(error) }).unwrap();
    executor.run_until_stalled();
    drop(executor);
    assert_eq!(told.load(SeqCst), 0);
    drop(task);
    assert_eq!(told.load(SeqCst), 1);
    drop(remote);
    assert_eq!(told.load(SeqCst), 2);
}

#[test]
fn met_b1_own_04_a_close_reports_what_clean_up_says_at_the_end() {
    let record = Record::new();
    let builder = recording(&record);
    builder.run(async {
        spawn(async {
            yield_now().await;
            LOST
        })
        .detach();
        yield_now().await;
    });
    assert_eq!(record.take(), ["\"lost\""]);
}

#[test]
fn met_b1_own_04_values_are_not_asked_to_print_themselves() {
    struct Silent(#[expect(dead_code)] Cell<u8>);
    impl fmt::Debug for Silent {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            unreachable!("a value was printed")
        }
    }
    let record = Record::new();
    let executor = recording(&record).build();
    executor.spawn(async { Silent(Cell::new(1)) }).detach();
    executor.spawn(async { Ok::<_, ()>(Silent(Cell::new(1))) }).detach();
    executor.spawn(async { Ok::<Opaque<fn()>, String>(Opaque(|| ())) }).detach();
    executor.run_until_stalled();
    assert_eq!(record.len(), 0);
    // An error that cannot be printed costs nobody else anything.
    executor.spawn(async { Err::<(), _>(Silent(Cell::new(1))) }).detach();
    executor.spawn(async { LOST }).detach();
    executor.run_until_stalled();
    assert_eq!(record.take(), [" (its Debug panicked)", "\"lost\""]);
}

#[test]
fn met_b1_threads_12_a_remote_task_that_is_let_go_of_leaves_its_error_to_the_hook() {
    let record = Record::new();
    let executor = recording(&record).build();
    let handle = executor.handle();
    let spawn = || handle.spawn(|| async { LOST }).unwrap();
    // Before its end, after it, and by another thread.
    spawn().detach();
    executor.run_until_stalled();
    assert_eq!(record.take(), ["\"lost\""]);
    let task = spawn();
    executor.run_until_stalled();
    drop(task);
    executor.run_until_stalled();
    assert_eq!(record.take(), ["\"lost\""]);
    let task = spawn();
    executor.run_until_stalled();
    std::thread::spawn(move || drop(task)).join().unwrap();
    executor.run_until_stalled();
    assert_eq!(record.take(), ["\"lost\""]);
    let mut read = spawn();
    executor.run_until_stalled();
    assert_eq!(read.wait().unwrap(), LOST);
    drop(read);
    drop(executor);
    assert_eq!(record.len(), 0);
}

#[test]
fn met_b1_threads_02_the_error_of_a_job_that_nobody_awaits_goes_to_the_hook() {
    let record = Record::new();
    let seen = record.clone();
    let place = Mutex::new(None);
    let executor = Executor::builder()
        .on_unhandled(move |unhandled| seen.add((error_of(unhandled), unhandled.location(), unhandled.to_string())))
        .build();
    let gate = Gate::default();
    executor.run(async {
        let (wakes, waker) = Wakes::new();
        let mut cx = Context::from_waker(&waker);
        // Let go of while it runs.
        let (pass, begun) = (gate.clone(), Gate::default());
        let tell = begun.clone();
        *place.lock().unwrap() = Some(Location::caller());
        let mut running = to_thread(move || {
            tell.open();
            pass.pass();
            LOST
        });
        assert!(running.poll_unpin(&mut cx).is_pending());
        begun.pass();
        drop(running);
        gate.open();
        while record.is_empty() {
            yield_now().await;
        }
        // And when its result is there.
        let one = ThreadLimiter::new(1);
        let mut done = to_thread(|| LOST).limited_by(&one);
        assert!(done.poll_unpin(&mut cx).is_pending());
        until(|| wakes.count() == 1);
        drop(done);
        // What is awaited is not told.
        assert_eq!(to_thread(|| LOST).await, LOST);
    });
    let reports = record.take();
    assert_eq!(reports.iter().map(|report| report.0.as_str()).collect::<Vec<_>>(), ["job: \"lost\""; 2]);
    assert_eq!(reports[0].1.unwrap().line(), place.into_inner().unwrap().unwrap().line() + 1);
    assert!(reports[0].2.starts_with("evenkeel: a job (of the to_thread at "), "{reports:?}");
}

#[test]
fn met_b1_own_04_handles_in_futures_that_are_dropped_leave_their_errors_too() {
    let record = Record::new();
    recording(&record).run(async {
        let handle = Handle::current();
        let (mut local, mut remote) = (spawn(async { LOST }), handle.spawn(|| async { LOST }).unwrap());
        while !(local.is_finished() && remote.is_finished()) {
            yield_now().await;
        }
        // An await that is dropped leaves the outcome in place.
        drop((local.outcome(), &mut remote));
        assert_eq!(record.len(), 0);
        drop((local, remote));
        yield_now().await;
    });
    assert_eq!(record.take(), ["\"lost\""; 2]);
    assert_eq!(run(async { 1 }), 1);
}
