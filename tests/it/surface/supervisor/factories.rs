//! What a factory owns goes when its child has ended, and takes nothing with it.

use super::{Words, run_heard};
use crate::kit::{
    groups::fail,
    probe::{ms, on_drop, reason_of},
};
use evenkeel::{
    JoinError,
    group::{Failure, Restart},
    sleep,
};
use std::future::pending;

/// A factory whose destructor panics.
fn bomb<R>(make: impl AsyncFn() -> R) -> impl AsyncFnMut() -> R {
    let bomb = on_drop(|| panic!("in the factory"));
    async move || {
        let _ = &bomb;
        make().await
    }
}

const IN_THE_FACTORY: &str = "child's destructor: in the factory";

#[test]
fn a_factory_whose_destructor_panics_does_not_cost_the_value() {
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        Ok(supervisor.spawn_restarting(Restart::never(), bomb(async || Ok(7))).named("child").await)
    }));
    assert_eq!((outcome.unwrap(), heard), (7, vec![IN_THE_FACTORY.to_owned()]));
}

#[test]
fn a_factory_whose_destructor_panics_does_not_cost_the_error() {
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        let child = supervisor.spawn_restarting(Restart::never(), bomb(async || fail(1, "it failed").await));
        Ok(child.named("child").outcome().await.unwrap_err().to_string())
    }));
    assert_eq!(outcome.unwrap(), "the task failed, and its error went to its group");
    assert_eq!(heard, [IN_THE_FACTORY, "child: it failed"]);
}

#[test]
fn a_factory_whose_destructor_panics_as_the_last_runs_panic_goes_on_ends_no_process() {
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        let child =
            supervisor.spawn_restarting(Restart::never(), bomb(async || -> Result<(), _> { panic!("the run") }));
        let outcome = child.named("child").outcome().await;
        assert!(matches!(&outcome, Err(JoinError::Panicked(panic)) if panic.message() == "the run"), "{outcome:?}");
        Ok(())
    }));
    outcome.unwrap();
    assert_eq!(heard, [IN_THE_FACTORY, "child panicked: the run"]);
}

#[test]
fn a_factory_whose_destructor_panics_does_not_cost_the_limit_of_restarts() {
    for has_failed in [false, true] {
        let (outcome, heard) = run_heard(Words::run(async |supervisor| {
            supervisor.spawn(pending::<()>());
            let run = async move || if has_failed { Err("it failed") } else { Ok(()) };
            supervisor.spawn_restarting(Restart::always().limit(0, ms(1)), bomb(run)).named("child");
            Ok(())
        }));
        let error = outcome.unwrap_err();
        let last = &error.children().last().unwrap().error;
        assert!(matches!(last, Failure::RestartLimit { restarts: 0, .. }), "{error}");
        assert_eq!((error.errors().count(), heard), (usize::from(has_failed), vec![IN_THE_FACTORY.to_owned()]));
    }
}

#[test]
fn a_factory_whose_destructor_panics_does_not_cost_a_cancelled_child_its_reason() {
    for (run, begins_after) in [(true, 1), (true, 0), (false, 1)] {
        let (outcome, heard) = run_heard(Words::run(async |supervisor| {
            let runs = async move || if run { pending().await } else { Err::<(), _>("it failed") };
            // The child runs, or waits for its next run, or has not begun at all.
            let restart = Restart::on_failure().backoff(ms(50), 1, ms(50));
            let mut child = supervisor.spawn_restarting(restart, bomb(runs)).named("child");
            if begins_after > 0 {
                sleep(ms(begins_after)).await;
            }
            child.cancel("enough");
            assert_eq!(reason_of(child.outcome().await), "enough".into());
            Ok(supervisor.is_cancelled())
        }));
        assert!(!outcome.unwrap());
        assert_eq!(heard.last().map(String::as_str), Some(IN_THE_FACTORY));
    }
}

#[test]
fn a_run_and_its_factory_may_both_panic_as_they_are_dropped() {
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        let runs = async || -> Result<(), &'static str> {
            let _bomb = on_drop(|| panic!("in the run"));
            pending().await
        };
        let mut child = supervisor.spawn_restarting(Restart::always(), bomb(runs)).named("child");
        sleep(ms(1)).await;
        child.abort();
        let outcome = child.outcome().await;
        Ok(outcome.is_err())
    }));
    assert!(outcome.unwrap());
    assert_eq!(heard, [IN_THE_FACTORY, "child panicked: in the run"]);
}
