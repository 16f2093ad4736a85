//! What people read: places are the caller's, names from outside are escaped, messages name the repair.

use crate::kit::probe::Record;
use evenkeel::{CancelReason, Executor, JoinError, interval, run, sleep, spawn, task::TaskLocal};
use std::{future::pending, panic::Location, time::Duration};

#[test]
fn locations_are_the_callers_lines() {
    let executor = Executor::new();
    let mut lines = Vec::new();
    let mut check = |location: &Location<'_>, line: u32| {
        assert!(location.file().ends_with("messages.rs"), "{location}");
        lines.push((location.line(), line));
    };
    let task = executor.spawn(async {});
    check(task.location(), line!() - 1);
    let task = executor.spawner().spawn(async {}).unwrap();
    check(task.location(), line!() - 1);
    let main = line!() + 1;
    executor.run(async {
        check(evenkeel::current_task().location().unwrap(), main);
        let task = spawn(async {});
        check(task.location(), line!() - 1);
        let inner = line!() + 1;
        let seen = spawn(async { evenkeel::current_task().location().unwrap().line() });
        check(seen.location(), inner);
        assert_eq!(seen.await.unwrap(), inner);
    });
    assert_eq!(lines.len(), 5);
    assert!(lines.iter().all(|(got, wanted)| got == wanted), "{lines:?}");
}

#[test]
fn a_future_spawned_through_futures_task_has_its_callers_line() {
    use futures::task::{LocalFutureObj, LocalSpawn};
    let record = Record::new();
    let says = record.clone();
    let executor = Executor::builder()
        .on_unhandled(move |unhandled| says.add(unhandled.location().map(|location| location.line())))
        .build();
    let object = LocalFutureObj::new(Box::pin(async { panic!("unseen") }));
    let line = line!() + 1;
    executor.spawner().spawn_local_obj(object).unwrap();
    executor.run_until_stalled();
    assert_eq!(record.take(), [Some(line)]);
}

#[test]
fn fault_38_names_with_control_characters_are_escaped_wherever_they_are_printed() {
    let executor = Executor::new();
    let task = executor.spawn(pending::<()>()).named("\u{1b}[31mred\u{7}\n");
    assert_eq!(task.name().as_deref(), Some("\u{1b}[31mred\u{7}\n"), "the name itself stays");
    for text in [format!("{task:?}"), format!("{executor:?}"), format!("{:?}", task.id())] {
        assert!(!text.contains(['\u{1b}', '\u{7}', '\n']), "{text:?}");
    }
}

#[test]
fn names_can_be_given_until_the_end_and_read_afterwards() {
    let mut task = run(async {
        let task = spawn(async { evenkeel::current_task().name() }).named(String::from("owned"));
        assert_eq!(task.name().as_deref(), Some("owned"));
        evenkeel::yield_now().await;
        task
    });
    assert_eq!(task.name().as_deref(), Some("owned"));
    assert_eq!(task.take_result().unwrap().unwrap().as_deref(), Some("owned"));
    let renamed = task.named("renamed");
    assert_eq!(renamed.name().as_deref(), Some("renamed"));
}

#[test]
fn errors_say_what_happened() {
    let executor = Executor::new();
    let mut cancelled = executor.spawn(pending::<()>());
    let mut panicked = executor.spawn(async { panic!("out of cheese") });
    cancelled.cancel("no longer needed");
    executor.run_until_stalled();
    let text = |outcome: Option<Result<(), JoinError>>| outcome.unwrap().unwrap_err().to_string();
    assert_eq!(text(cancelled.take_result()), "the task was cancelled: no longer needed");
    assert_eq!(text(panicked.take_result()), "the task panicked: out of cheese");
    let reasons = [
        CancelReason::OwnerDropped,
        CancelReason::Shutdown,
        CancelReason::Interrupted,
        CancelReason::Aborted,
        CancelReason::from("mine"),
    ];
    let texts: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    let expected = [
        "its owner was dropped",
        "the executor is shutting down",
        "the program was interrupted",
        "it was aborted",
        "mine",
    ];
    assert_eq!(texts, expected);
}

#[test]
fn everything_has_a_debug_text() {
    static KEY: TaskLocal<u8> = TaskLocal::inherited();
    let executor = Executor::new();
    let task = executor.spawn(async {}).named("shown");
    let text = format!("{task:?}");
    assert!(text.contains("shown") && text.contains("messages.rs") && text.contains("is_finished: false"), "{text}");
    assert_eq!(format!("{executor:?}"), "Executor { live_tasks: 1, .. }");
    assert!(format!("{:?} {KEY:?}", Executor::builder()).contains("max_tasks"));
    let wait = sleep(Duration::from_secs(1));
    let every = interval(Duration::from_secs(1));
    assert!(format!("{wait:?} {every:?} {:?}", executor.spawner()).contains("Sleep(not started)"));
}
