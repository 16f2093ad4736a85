//! Sets that grow and whose children are joined as they end.

/// What a set promises.
mod scenarios;
/// Panics, foreign wakers, code that comes back in.
mod hostile;
/// Random programs against a model.
mod model;

use crate::kit::{probe::ms, stage::run_told};
use evenkeel::{group::JoinSet, host::UnhandledKind, sleep};

pub(super) type Set<T> = JoinSet<T, &'static str>;

/// Runs in virtual time. Yields what went to `on_unhandled`, too.
pub(super) fn run_heard<F: Future>(main: F) -> (F::Output, Vec<String>) {
    run_told(main, |unhandled| match unhandled.kind() {
        UnhandledKind::Error(text) => format!("error: {text}"),
        UnhandledKind::TaskPanicked(panic) => format!("panic: {panic}"),
        UnhandledKind::DestructorPanicked(panic) => format!("destructor: {panic}"),
        UnhandledKind::WakerPanicked(panic) => format!("waker: {panic}"),
        other => format!("{other:?}"),
    })
}

pub(super) async fn after<T>(millis: u64, value: T) -> T {
    sleep(ms(millis)).await;
    value
}
