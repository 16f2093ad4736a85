//! What the tests of task groups have in common.

use crate::kit::{
    probe::{Record, ms, on_drop},
    stage::run_told,
};
use evenkeel::{GroupError, TaskGroup, finally, host::UnhandledKind, sleep};
use std::future::pending;

/// A group whose errors are words.
pub(crate) type Group = TaskGroup<&'static str>;
pub(crate) type Outcome<T> = Result<T, GroupError<&'static str>>;

/// A child that fails after some milliseconds.
pub(crate) async fn fail(after: u64, why: &'static str) -> Result<(), &'static str> {
    sleep(ms(after)).await;
    Err(why)
}

/// A child that succeeds after some milliseconds.
pub(crate) async fn value<T>(after: u64, value: T) -> Result<T, &'static str> {
    sleep(ms(after)).await;
    Ok(value)
}

/// Never ends, and says when it is stopped.
pub(crate) async fn stuck(record: Record<String>, name: &'static str) -> Result<(), &'static str> {
    let _stopped = on_drop(|| record.add(format!("{name} stopped")));
    pending().await
}

/// Never ends, and cleans up for some milliseconds when it is stopped.
pub(crate) async fn stop_slowly(record: Record<String>, name: &'static str, millis: u64) -> Result<(), &'static str> {
    finally(pending(), async |_: Option<&Result<(), &'static str>>| {
        record.add(format!("{name} cleans"));
        sleep(ms(millis)).await;
        record.add(format!("{name} clean"));
    })
    .await
}

/// Never ends. When it is stopped it cleans up, and finds something wrong.
pub(crate) async fn spoil(group: Group, millis: u64, why: &'static str) -> Result<(), &'static str> {
    finally(pending(), async |_: Option<&Result<(), &'static str>>| {
        sleep(ms(millis)).await;
        group.report(why);
    })
    .await
}

/// All errors of a group, in order.
pub(crate) fn errors<T>(outcome: Outcome<T>) -> Vec<&'static str> {
    match outcome {
        Ok(_) => panic!("the group did not fail"),
        Err(error) => error.into_errors(),
    }
}

/// Runs on virtual time. Yields what nobody was left to receive, too.
pub(crate) fn run_with_reports<F: Future>(main: F) -> (F::Output, Vec<String>) {
    run_told(main, |unhandled| match unhandled.kind() {
        UnhandledKind::Error(text) => format!("error: {text}"),
        UnhandledKind::TaskPanicked(panic)
        | UnhandledKind::CleanupPanicked(panic)
        | UnhandledKind::DestructorPanicked(panic) => {
            format!("panic: {panic}")
        }
        UnhandledKind::WakerPanicked(panic) => format!("waker: {panic}"),
        UnhandledKind::CleanupSkipped(_) => "skipped".to_owned(),
        UnhandledKind::GraceExceeded => format!("grace: {}", unhandled.name().unwrap_or("?")),
        other => format!("{other:?}"),
    })
}
