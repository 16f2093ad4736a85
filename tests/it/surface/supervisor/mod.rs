//! Supervisors: children that fail alone.

/// Children fail alone: reported, or collected.
mod alone;
/// Runs that follow each other: when, how often, what is kept.
mod restarts;
/// What counts for a limit.
mod limits;
/// What makes the runs, and its destructor.
mod factories;
/// No restarts any more: whatever cancels.
mod stops;
/// Supervisors and groups in each other.
mod nested;
/// Random programs against a model, and seeds.
mod model;

use crate::kit::{
    probe::{Record, at, ms},
    stage::run_told,
};
use evenkeel::{Instant, Supervisor, host::UnhandledKind, sleep};

pub(super) type Words = Supervisor<&'static str>;

/// Runs in virtual time. Yields what went to `on_unhandled`, too: who, and what.
pub(super) fn run_heard<F: Future>(main: F) -> (F::Output, Vec<String>) {
    run_told(main, |unhandled| {
        let who = unhandled.name().unwrap_or("?").to_owned();
        match unhandled.kind() {
            UnhandledKind::Error(text) => format!("{who}: {text}"),
            UnhandledKind::TaskPanicked(panic) => format!("{who} panicked: {panic}"),
            UnhandledKind::RunFailed(text) => format!("{who} once more: {text}"),
            UnhandledKind::RunPanicked(panic) => format!("{who} panicked once more: {panic}"),
            UnhandledKind::DestructorPanicked(panic) => format!("{who}'s destructor: {panic}"),
            UnhandledKind::GraceExceeded => format!("{who} was slow"),
            other => format!("{who}: {other:?}"),
        }
    })
}

/// What each run of a child is to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Run {
    Ends,
    Fails,
    Panics,
}

/// A child that says when its runs begin, and does in each, after so many milliseconds, what stands there for it; the last one for ever.
pub(super) fn plays(begins: Record<u64>, runs: Vec<(u64, Run)>) -> impl AsyncFnMut() -> Result<(), &'static str> {
    let mut next = 0;
    async move || {
        let (after, run) = runs[next.min(runs.len() - 1)];
        next += 1;
        begins.add((Instant::now() - at(0)).as_millis() as u64);
        sleep(ms(after)).await;
        match run {
            Run::Ends => Ok(()),
            Run::Fails => Err("it failed"),
            Run::Panics => panic!("it panicked"),
        }
    }
}
