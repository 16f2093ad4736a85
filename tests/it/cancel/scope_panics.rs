//! Panics in clean-up and in destructors that run because of a cancellation.

use crate::kit::{
    probe::{Drops, ms, on_drop, panic_of},
    scopes::{Log, reporting},
};
use evenkeel::{CancelScope, JoinError, finally, finally_with, shield, sleep, spawn, testing, timeout, yield_now};
use futures::{
    FutureExt,
    future::{join, select},
};
use std::{
    future::{Future, pending},
    panic::AssertUnwindSafe,
    pin::pin,
};

/// How a task ends that is cancelled after its first poll, in words; and what was reported.
fn outcome_of(body: impl Future<Output = ()> + 'static) -> (String, Vec<String>) {
    let (executor, reports) = reporting();
    let outcome = executor.run(async {
        let task = spawn(body);
        yield_now().await;
        task.cancel("x");
        task.await
    });
    (words(outcome), reports.take())
}

fn words<T>(outcome: Result<T, JoinError>) -> String {
    match outcome {
        Ok(_) => "value".into(),
        Err(JoinError::Panicked(panic)) => format!("panicked: {}", panic.message()),
        Err(other) => other.to_string(),
    }
}

fn panics(text: &'static str, after: u64) -> impl AsyncFnOnce(Option<&()>) {
    async move |_: Option<&()>| {
        sleep(ms(after)).await;
        panic!("{text}");
    }
}

#[test]
fn a_panic_in_clean_up_arrives_at_the_join_when_all_other_clean_up_is_done() {
    for after in [0, 1, 20] {
        let log = Log::new();
        let says = log.clone();
        let outcome = outcome_of(async move {
            let other = finally(pending::<()>(), async |_: Option<&()>| says.clean("other", ms(5)).await);
            join(finally(pending::<()>(), panics("clean-up", after)), other).await;
        });
        assert_eq!(outcome, ("panicked: clean-up".into(), vec![]));
        assert_eq!(log.take(), ["other begins", "other ends"]);
    }
}

#[test]
fn of_two_panics_in_clean_up_the_first_arrives_and_the_second_is_reported() {
    let outcome = outcome_of(async {
        join(finally(pending::<()>(), panics("late", 5)), finally(pending::<()>(), panics("early", 1))).await;
    });
    assert_eq!(outcome, ("panicked: early".into(), vec!["clean-up panicked: late".into()]));
}

#[test]
fn the_clean_up_around_one_that_panics_still_runs() {
    let log = Log::new();
    let says = log.clone();
    let outcome = outcome_of(async move {
        let inner = finally(pending::<()>(), panics("inner", 1));
        finally(inner, async |ended: Option<&()>| {
            says.show(ended);
            says.clean("outer", ms(5)).await;
        })
        .await;
    });
    assert_eq!(outcome, ("panicked: inner".into(), vec![]));
    assert_eq!(log.take(), ["None", "outer begins", "outer ends"]);
}

#[test]
fn a_panic_in_clean_up_goes_on_out_of_the_scope_that_was_cancelled() {
    let log = Log::new();
    testing::run(async {
        let scope = CancelScope::new();
        let body = join(
            finally(pending::<()>(), panics("clean-up", 1)),
            finally(pending::<()>(), async |_: Option<&()>| log.clean("other", ms(5)).await),
        );
        let caught = AssertUnwindSafe(scope.run(body)).catch_unwind();
        let (caught, _) = futures::join!(caught, async { scope.cancel("x") });
        log.say(panic_of(|| caught.map_err(|payload| std::panic::resume_unwind(payload))));
    });
    assert_eq!(log.take(), ["other begins", "other ends", "clean-up"]);
}

#[test]
fn a_panic_in_clean_up_after_a_value_goes_on_at_once_and_takes_its_place() {
    testing::run(async {
        let task = spawn(finally(async { 5 }, async |_: Option<&i32>| panic!("clean-up")));
        assert_eq!(words(task.await), "panicked: clean-up");
    });
}

#[test]
fn cancel_07_a_panicking_body_is_cleaned_up_and_its_panic_goes_on_afterwards() {
    for cancel in [false, true] {
        let (executor, reports) = reporting();
        let log = Log::new();
        let says = log.clone();
        let outcome = executor.run(async {
            let body = async {
                sleep(ms(1)).await;
                panic!("body");
            };
            let task = spawn(finally(body, async move |ended: Option<&()>| {
                says.show(ended);
                says.clean("clean-up", ms(5)).await;
            }));
            sleep(ms(2)).await;
            if cancel {
                task.cancel("x");
            }
            task.await
        });
        assert_eq!(words(outcome), "panicked: body");
        assert_eq!(log.take(), ["None", "clean-up begins", "clean-up ends"]);
        assert_eq!(reports.take(), [""; 0]);
    }
}

#[test]
fn the_panic_of_a_body_beats_that_of_its_clean_up_which_is_reported() {
    let (executor, reports) = reporting();
    let task = executor.spawn(finally(async { panic!("body") }, panics("clean-up", 1)));
    assert_eq!(words(executor.run(task)), "panicked: body");
    assert_eq!(reports.take(), ["clean-up panicked: clean-up"]);
}

#[test]
fn a_panic_under_finally_with_goes_on_and_its_clean_up_has_the_resource() {
    let log = Log::new();
    let says = log.clone();
    let outcome = outcome_of(async move {
        let body = async |steps: &mut Vec<u8>| {
            steps.push(1);
            let _guard = on_drop(|| panic!("destructor"));
            pending::<()>().await;
        };
        finally_with(Vec::new(), body, async |steps: Vec<u8>, ended: Option<&()>| says.show((steps, ended))).await;
    });
    assert_eq!(outcome, ("panicked: destructor".into(), vec![]));
    assert_eq!(log.take(), ["([1], None)"]);
}

#[test]
fn a_panic_in_a_shield_waits_for_other_clean_up_in_a_cancelled_scope() {
    let log = Log::new();
    let says = log.clone();
    let outcome = outcome_of(async move {
        let shielded = shield(async {
            sleep(ms(1)).await;
            panic!("shielded")
        });
        let other = finally(pending::<()>(), async |_: Option<&()>| says.clean("other", ms(5)).await);
        join(shielded, other).await;
    });
    assert_eq!(outcome, ("panicked: shielded".into(), vec![]));
    assert_eq!(log.take(), ["other begins", "other ends"]);
}

#[test]
fn a_destructor_that_panics_in_a_cancelled_scope_is_a_panic_of_its_opener() {
    testing::run(async {
        let task = spawn(async {
            let guard = on_drop(|| panic!("destructor"));
            let _ = timeout(ms(1), async move { (pending::<()>().await, guard).0 }).await;
        });
        assert_eq!(words(task.await), "panicked: destructor");
    });
}

#[test]
fn a_destructor_that_panics_does_not_keep_others_from_running_nor_other_clean_up() {
    let drops = Drops::default();
    let (log, guard) = (Log::new(), drops.guard());
    let says = log.clone();
    let outcome = outcome_of(async move {
        let _first = guard;
        let bad = on_drop(|| panic!("destructor"));
        let one = finally(async move { (pending::<()>().await, bad).0 }, async |_: Option<&()>| {
            says.clean("own", ms(1)).await;
        });
        let other = finally(pending::<()>(), async |_: Option<&()>| says.clean("other", ms(5)).await);
        join(one, other).await;
    });
    assert_eq!(outcome, ("panicked: destructor".into(), vec![]));
    assert_eq!(log.take(), ["own begins", "other begins", "own ends", "other ends"]);
    assert_eq!(drops.count(), 1);
}

#[test]
fn a_destructor_that_panics_at_the_end_of_a_grace_period_does_not_keep_other_clean_up_from_running() {
    let log = Log::new();
    let says = log.clone();
    let outcome = outcome_of(async move {
        let inner = CancelScope::new();
        inner.set_grace(ms(5));
        let overdue = inner.run(async {
            let _bad = on_drop(|| panic!("destructor"));
            finally(pending::<()>(), async |_: Option<&()>| pending::<()>().await).await
        });
        let other = finally(pending::<()>(), async |_: Option<&()>| says.clean("other", ms(50)).await);
        let _: (Result<_, _>, ()) = join(overdue, other).await;
    });
    assert_eq!(outcome, ("panicked: destructor".into(), vec!["grace exceeded".into()]));
    assert_eq!(log.take(), ["other begins", "other ends"]);
}

#[test]
fn a_panic_in_clean_up_that_a_value_beats_is_reported() {
    let (executor, reports) = reporting();
    let value = executor.run(async {
        timeout(ms(1), async {
            let bad = pin!(finally(pending::<()>(), panics("clean-up", 1)));
            select(bad, Box::pin(shield(sleep(ms(9))))).await;
            5
        })
        .await
    });
    assert_eq!(value, Ok(5));
    assert_eq!(reports.take(), ["clean-up panicked: clean-up"]);
}

#[test]
fn a_panic_in_clean_up_is_not_lost_when_its_scope_is_dropped_in_a_shield_or_in_clean_up() {
    for shielded in [true, false] {
        let (executor, reports) = reporting();
        executor.run(async {
            let work = async {
                let scope = CancelScope::new();
                let body = join(
                    finally(pending::<()>(), panics("clean-up", 1)),
                    finally(pending::<()>(), async |_: Option<&()>| pending::<()>().await),
                );
                let body = scope.run(body);
                let handle = scope.clone();
                spawn(async move { handle.cancel("x") }).detach();
                let _ = select(pin!(body), pin!(sleep(ms(9)))).await;
            };
            if shielded { shield(work).await } else { finally(async {}, async |_: Option<&()>| work.await).await }
        });
        let mut got = reports.take();
        got.sort();
        assert_eq!(got, ["clean-up panicked: clean-up", "clean-up skipped"]);
    }
}

#[test]
fn a_panic_that_passes_a_point_skips_it_and_is_reported() {
    let (executor, reports) = reporting();
    let mut task = executor.spawn(async {
        let bad = async {
            yield_now().await;
            panic!("ordinary code")
        };
        join(finally(pending::<()>(), async |_: Option<&()>| ()), bad).await;
    });
    while !task.is_finished() {
        executor.run_until_stalled();
    }
    assert_eq!(words(task.take_result().unwrap()), "panicked: ordinary code");
    assert_eq!(reports.take(), ["clean-up skipped"]);
}

#[test]
fn a_panic_in_the_clean_up_of_a_task_that_nobody_awaits_is_reported() {
    let (executor, reports) = reporting();
    executor.run(async {
        let task = spawn(finally(pending::<()>(), panics("clean-up", 1)));
        yield_now().await;
        drop(task);
        sleep(ms(5)).await;
    });
    assert_eq!(reports.take(), ["task panicked: clean-up"]);
}

#[test]
fn an_aborted_task_keeps_the_panic_that_its_clean_up_had_before() {
    let (executor, reports) = reporting();
    let outcome = executor.run(async {
        let task = spawn(async {
            let hangs = finally(pending::<()>(), async |_: Option<&()>| pending::<()>().await);
            join(finally(pending::<()>(), panics("clean-up", 1)), hangs).await;
        });
        yield_now().await;
        task.cancel("x");
        sleep(ms(5)).await;
        task.abort();
        task.await
    });
    assert_eq!(words(outcome), "panicked: clean-up");
    assert_eq!(reports.take(), [""; 0]);
}

#[test]
fn a_cancelled_scope_that_panics_before_it_starts_has_ended() {
    let scope = CancelScope::new();
    scope.cancel("early");
    let guard = on_drop(|| panic!("captured"));
    let outcome = testing::run(async { spawn(scope.run(async move { drop(guard) })).await });
    assert_eq!(words(outcome), "panicked: captured");
}
