//! What nobody is left to receive goes to the `on_unhandled` hook: nothing is lost silently.

use crate::kit::probe::{Record, on_drop};
use evenkeel::{
    Executor,
    host::{ExecutorBuilder, UnhandledKind},
    sleep, spawn,
    task::TaskLocal,
};
use std::{
    future::{pending, poll_fn},
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

/// A builder whose hook writes down the kind of cause and the message.
fn recording(record: &Record<(&'static str, String)>) -> ExecutorBuilder {
    let record = record.clone();
    Executor::builder().on_unhandled(move |unhandled| {
        record.add(match unhandled.kind() {
            UnhandledKind::TaskPanicked(panic) => ("task", panic.message().to_owned()),
            UnhandledKind::DestructorPanicked(panic) => ("destructor", panic.message().to_owned()),
            UnhandledKind::WakerPanicked(panic) => ("waker", panic.message().to_owned()),
            _ => ("?", String::new()),
        });
    })
}

fn one(kind: &'static str, message: &str) -> Vec<(&'static str, String)> {
    vec![(kind, message.to_owned())]
}

#[test]
fn unhandled_a_detached_tasks_panic() {
    let record = Record::new();
    let executor = recording(&record).build();
    executor.spawn(async { panic!("detached") }).detach();
    executor.run_until_stalled();
    assert_eq!(record.take(), one("task", "detached"));
}

#[test]
fn unhandled_a_panic_whose_owner_went_away_before_or_after() {
    let record = Record::new();
    let executor = recording(&record).build();
    let unread = executor.spawn(async { panic!("unread") });
    executor.run_until_stalled();
    assert_eq!(record.len(), 0, "its owner may still read it");
    drop(unread);
    assert_eq!(record.take(), one("task", "unread"));
    let detached_late = executor.spawn(async { panic!("detached late") });
    executor.run_until_stalled();
    detached_late.detach();
    assert_eq!(record.take(), one("task", "detached late"));
}

#[test]
fn unhandled_a_panic_that_was_read_is_not_reported() {
    let record = Record::new();
    let executor = recording(&record).build();
    let mut task = executor.spawn(async { panic!("read") });
    executor.run_until_stalled();
    assert!(task.take_result().is_some());
    drop(task);
    drop(executor);
    assert_eq!(record.len(), 0);
}

#[test]
fn unhandled_a_destructor_that_panics_after_the_value_was_there() {
    let record = Record::new();
    let executor = recording(&record).build();
    let bomb = on_drop(|| panic!("late"));
    let mut task = executor.spawn(poll_fn(move |_| {
        let _ = &bomb;
        Poll::Ready(3)
    }));
    executor.run_until_stalled();
    assert_eq!(task.take_result().unwrap().unwrap(), 3);
    assert_eq!(record.take(), one("destructor", "late"));
}

#[test]
fn unhandled_a_task_locals_destructor_that_panics() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("local");
        }
    }
    static KEY: TaskLocal<Bomb> = TaskLocal::new();
    let record = Record::new();
    let executor = recording(&record).build();
    let mut task = executor.spawn(async {
        KEY.set(Bomb);
        4
    });
    executor.run_until_stalled();
    assert_eq!(task.take_result().unwrap().unwrap(), 4);
    assert_eq!(record.take(), one("destructor", "local"));
}

struct PanickingWaker;
impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        panic!("waker");
    }
}

#[test]
fn fault_11_a_joiners_waker_that_panics_is_reported_and_the_outcome_stays() {
    let record = Record::new();
    let executor = recording(&record).build();
    let waker = Waker::from(Arc::new(PanickingWaker));
    let mut task = executor.spawn(async { 5 });
    let behind = executor.spawn(async { 6 });
    assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
    executor.run_until_stalled();
    assert_eq!(record.take(), one("waker", "waker"));
    assert_eq!(task.take_result().unwrap().unwrap(), 5);
    assert!(behind.is_finished());
}

#[test]
fn fault_11_a_timers_waker_that_panics_is_reported_and_the_other_timers_fire() {
    let record = Record::new();
    let executor = recording(&record).clock(evenkeel::testing::VirtualClock::new()).build();
    executor.run(async {
        let waker = Waker::from(Arc::new(PanickingWaker));
        let mut early = sleep(Duration::from_millis(1));
        assert!(Pin::new(&mut early).poll(&mut Context::from_waker(&waker)).is_pending());
        let mut same = sleep(Duration::from_millis(1));
        assert!(Pin::new(&mut same).poll(&mut Context::from_waker(&waker)).is_pending());
        sleep(Duration::from_millis(1)).await;
        early.await;
        same.await;
    });
    assert_eq!(record.take(), [("waker", "waker".to_owned()), ("waker", "waker".to_owned())]);
}

#[test]
fn unhandled_a_hook_that_panics_does_no_harm() {
    let executor = Executor::builder().on_unhandled(|_| panic!("the hook")).build();
    executor.spawn(async { panic!("a task") }).detach();
    let unread = executor.spawn(async { panic!("another") });
    executor.run_until_stalled();
    drop(unread);
    assert_eq!(executor.run(async { spawn(async { 1 }).await.unwrap() }), 1);
}

#[test]
fn unhandled_a_hook_may_spawn_and_wake() {
    let record = Record::new();
    let (says, seen) = (record.clone(), record.clone());
    let executor = Executor::builder()
        .on_unhandled(move |unhandled| {
            let (says, line) = (says.clone(), unhandled.to_string());
            spawn(async move { says.add(line) }).detach();
        })
        .build();
    executor.spawn(async { panic!("heard") }).detach();
    executor.run_until_stalled();
    let lines = seen.take();
    assert!(lines.len() == 1 && lines[0].contains("heard"), "{lines:?}");
}

#[test]
fn unhandled_names_task_place_and_id_and_is_one_line() {
    let record = Record::new();
    let seen = record.clone();
    let executor = Executor::builder()
        .on_unhandled(move |unhandled| {
            let place = unhandled.location().copied();
            seen.add((
                unhandled.id(),
                unhandled.name().map(str::to_owned),
                place.map(|place| place.line()),
                unhandled.to_string(),
            ));
        })
        .build();
    let here = Location::caller();
    let line = line!() + 1;
    let task = executor.spawn(async { panic!("first line\nsecond \u{1b}[31mline") }).named("the \u{1b}[1mname");
    let id = task.id();
    task.detach();
    executor.run_until_stalled();
    let (got_id, name, got_line, text) = record.take().pop().unwrap();
    assert!(id.is_some());
    assert_eq!((got_id, name.as_deref(), got_line), (id, Some("the \u{1b}[1mname"), Some(line)));
    assert!(!text.contains(['\u{1b}', '\n']), "fault_38: {text:?}");
    assert!(text.contains(&format!("{}:{line}:", here.file())) && text.contains("the \\u{1b}[1mname"), "{text}");
}

#[test]
fn unhandled_at_the_executors_end() {
    let record = Record::new();
    let executor = recording(&record).build();
    executor
        .spawn(async {
            let _bomb = on_drop(|| panic!("at the end"));
            pending::<()>().await
        })
        .detach();
    executor.run_until_stalled();
    drop(executor);
    assert_eq!(record.take(), one("task", "at the end"));
}
