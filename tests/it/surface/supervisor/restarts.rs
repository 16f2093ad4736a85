//! Runs that follow each other.

use super::{Run, Words, plays, run_heard};
use crate::kit::{
    groups::stuck,
    probe::{Record, at, ms, on_drop, reason_of},
    stage::{run_clean, run_told},
};
use evenkeel::{
    CancelScope, Instant, JoinError, current_task, finally,
    group::{Failure, Restart},
    sleep, timeout, yield_now,
};
use std::{cell::Cell, future::pending, rc::Rc, time::Duration};

#[test]
fn always_restarts_however_a_run_has_ended() {
    let begins = Record::new();
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        let runs = vec![(1, Run::Ends), (1, Run::Fails), (1, Run::Panics), (100, Run::Ends)];
        let child = supervisor.spawn_restarting(Restart::always(), plays(begins.clone(), runs)).named("child");
        sleep(ms(50)).await;
        let restarts = child.restarts();
        child.cancel("enough");
        Ok(restarts)
    }));
    assert_eq!((outcome.unwrap(), begins.take()), (3, vec![0, 1, 2, 3]));
    assert_eq!(heard, ["child once more: it failed", "child panicked once more: it panicked"]);
}

#[test]
fn on_failure_a_child_that_ends_well_is_not_restarted() {
    let begins = Record::new();
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        let runs = vec![(1, Run::Fails), (1, Run::Ends), (1, Run::Ends)];
        supervisor.spawn_restarting(Restart::on_failure(), plays(begins.clone(), runs)).await;
        Ok(())
    }));
    outcome.unwrap();
    assert_eq!((begins.take(), heard.len()), (vec![0, 1], 1));
}

#[test]
fn never_means_that_a_failure_is_an_ordinary_childs() {
    let begins = Record::new();
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        supervisor.spawn_restarting(Restart::never(), plays(begins.clone(), vec![(1, Run::Fails)]));
        supervisor.spawn_restarting(Restart::never(), plays(begins.clone(), vec![(1, Run::Panics)]));
        Ok(())
    }));
    outcome.unwrap();
    assert_eq!((begins.take(), heard), (vec![0, 0], vec!["?: it failed".to_owned(), "? panicked: it panicked".into()]));
}

#[test]
fn a_backoff_is_exact_grows_to_its_end_and_begins_anew_after_a_steady_run() {
    let begins = Record::new();
    let (outcome, _) = run_heard(Words::run(async |supervisor| {
        let restart = Restart::on_failure().backoff(ms(10), 3, ms(100)).unlimited();
        let mut runs = vec![(1, Run::Fails); 5];
        runs.extend([(100, Run::Fails), (1, Run::Fails), (1, Run::Ends)]);
        supervisor.spawn_restarting(restart, plays(begins.clone(), runs)).await;
        Ok(())
    }));
    outcome.unwrap();
    // Waits of 10, 30, 90, 100, 100; then a run of 100 was steady: 10, 30.
    assert_eq!(begins.take(), [0, 11, 42, 133, 234, 335, 445, 476]);
}

#[test]
fn what_a_steady_run_is_can_be_said() {
    let begins = Record::new();
    let (outcome, _) = run_heard(Words::run(async |supervisor| {
        let restart = Restart::on_failure().backoff(ms(10), 2, ms(1_000)).steady_after(ms(5));
        let runs = vec![(4, Run::Fails), (4, Run::Fails), (5, Run::Fails), (1, Run::Ends)];
        supervisor.spawn_restarting(restart, plays(begins.clone(), runs)).await;
        Ok(())
    }));
    outcome.unwrap();
    assert_eq!(begins.take(), [0, 14, 38, 53]);
}

#[test]
fn group_20_too_many_restarts_fail_the_supervisor_which_names_the_child_and_cancels_the_others() {
    let (begins, record) = (Record::new(), Record::new());
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        supervisor.spawn(stuck(record.clone(), "sibling"));
        let restart = Restart::on_failure().limit(2, ms(1_000)).backoff(ms(10), 1, ms(10));
        supervisor.spawn_restarting(restart, plays(begins.clone(), vec![(1, Run::Fails)])).named("feed");
        pending::<()>().await;
        Ok(())
    }));
    let error = outcome.unwrap_err();
    assert_eq!((begins.take(), record.take()), (vec![0, 11, 22], vec!["sibling stopped".to_owned()]));
    assert_eq!(heard, ["feed once more: it failed", "feed once more: it failed"]);
    assert_eq!(error.errors().collect::<Vec<_>>(), [&"it failed"]);
    let [last, limit] = error.children() else { panic!("{error}") };
    assert_eq!((last.name.as_deref(), limit.name.as_deref()), (Some("feed"), Some("feed")));
    assert!(matches!(limit.error, Failure::RestartLimit { restarts: 2, period } if period == ms(1_000)));
    assert!(error.to_string().ends_with("it has ended once more, after 2 restarts within 1s"), "{error}");
}

#[test]
fn restarts_are_counted_in_a_span_that_moves() {
    let begins = Record::new();
    let (outcome, _) = run_heard(Words::run(async |supervisor| {
        // At 40, 80, 120, …: never 3 in less than 100 ms.
        let restart = Restart::always().limit(3, ms(100));
        let child = supervisor.spawn_restarting(restart, plays(begins.clone(), vec![(40, Run::Ends)]));
        sleep(ms(1_001)).await;
        child.cancel("enough");
        Ok(child.restarts())
    }));
    assert_eq!((outcome.unwrap(), begins.len()), (25, 26));
}

#[test]
fn a_permanent_child_that_ends_well_too_often_fails_the_supervisor_without_an_error_of_its_own() {
    let error = run_clean(Words::run(async |supervisor| {
        supervisor.spawn_restarting(Restart::always().limit(0, ms(1)), async || ()).named("once");
        pending::<()>().await;
        Ok(())
    }))
    .unwrap_err();
    assert_eq!((error.first(), error.children().len()), (None, 1));
    assert!(error.to_string().ends_with("it has ended, and may not be restarted"), "{error}");
    assert!(error.ignore_cancelled().is_err());
}

#[test]
fn a_panic_that_reaches_the_limit_is_an_entry_and_does_not_go_on() {
    let (outcome, _) = run_heard(Words::run(async |supervisor| {
        let restart = Restart::on_failure().limit(1, ms(1_000));
        supervisor.spawn_restarting(restart, async || -> Result<(), &'static str> { panic!("always") }).named("bad");
        pending::<()>().await;
        Ok(())
    }));
    let error = outcome.unwrap_err();
    assert!(matches!(&error.children()[0].error, Failure::Panicked(panic) if panic.message() == "always"));
    assert!(matches!(error.children()[1].error, Failure::RestartLimit { restarts: 1, .. }));
}

#[test]
fn a_storm_of_restarts_is_bounded_and_lets_the_others_run() {
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        let turns = Rc::new(Cell::new(0));
        let count = turns.clone();
        supervisor.spawn_background(async move {
            loop {
                yield_now().await;
                count.set(count.get() + 1);
            }
        });
        let storm = Restart::on_failure().limit(1_000, ms(60_000));
        let mut child = supervisor.spawn_restarting(storm, async || Err::<(), _>("at once"));
        let end = finally(pending::<()>(), async |_: Option<&()>| {
            assert!(matches!(child.outcome().await, Err(JoinError::ReportedToGroup)));
            assert_eq!(child.restarts(), 1_000);
            assert!(turns.get() >= 1_000, "{}", turns.get());
        });
        end.await;
        Ok(())
    }));
    assert_eq!((outcome.unwrap_err().into_errors(), heard.len()), (vec!["at once"], 1_000));
}

#[test]
fn a_factory_that_panics_is_a_run_that_panics() {
    let tries = Rc::new(Cell::new(0));
    let count = tries.clone();
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        // A closure that returns a future: the panic comes before there is one.
        let make = move || {
            count.set(count.get() + 1);
            assert!(count.get() > 2, "the factory");
            async { Ok::<_, &str>(7) }
        };
        Ok(supervisor.spawn_restarting(Restart::on_failure(), make).await)
    }));
    assert_eq!((outcome.unwrap(), tries.get()), (7, 3));
    assert_eq!(heard, ["? panicked once more: the factory", "? panicked once more: the factory"]);
}

#[test]
fn a_childs_state_is_kept_from_run_to_run() {
    run_told(
        async {
            let sum = Words::run(async |supervisor| {
                let mut tries = 0;
                let child = supervisor.spawn_restarting(Restart::on_failure(), async move || {
                    tries += 1;
                    yield_now().await;
                    if tries < 3 { Err("again") } else { Ok(tries) }
                });
                Ok(child.await)
            });
            assert_eq!(sum.await.unwrap(), 3);
        },
        |_| String::new(),
    );
}

#[test]
fn all_runs_are_one_task() {
    let ids = Record::new();
    let (outcome, _) = run_heard(Words::run(async |supervisor| {
        let says = ids.clone();
        let child = supervisor
            .spawn_restarting(Restart::on_failure(), async move || {
                says.add((current_task().id(), current_task().name()));
                if says.len() < 3 { Err("again") } else { Ok(()) }
            })
            .named("worker");
        let id = child.id().unwrap();
        child.await;
        Ok(id)
    }));
    let id = outcome.unwrap();
    assert_eq!(ids.take(), vec![(id, Some("worker".to_owned())); 3]);
}

#[test]
fn a_destructor_that_panics_while_another_child_restarts_costs_neither_anything() {
    let begins = Record::new();
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        supervisor
            .spawn(async {
                let _bomb = on_drop(|| panic!("in the destructor"));
                sleep(ms(1)).await;
            })
            .named("bomb");
        let runs = vec![(1, Run::Fails), (1, Run::Fails), (1, Run::Ends)];
        supervisor.spawn_restarting(Restart::on_failure(), plays(begins.clone(), runs)).named("other").await;
        // And in a child that is restarted itself.
        let mut rounds = 0;
        let child = supervisor
            .spawn_restarting(Restart::on_failure(), async move || {
                rounds += 1;
                let bomb = on_drop(|| panic!("once more"));
                yield_now().await;
                if rounds == 2 {
                    std::mem::forget(bomb);
                }
                Ok::<_, &str>(rounds)
            })
            .named("third");
        Ok(child.await)
    }));
    assert_eq!((outcome.unwrap(), begins.take()), (2, vec![0, 1, 2]));
    let mut heard = heard;
    heard.sort();
    let expected = [
        "bomb panicked: in the destructor",
        "other once more: it failed",
        "other once more: it failed",
        "third panicked once more: once more",
    ];
    assert_eq!(heard, expected);
}

#[test]
fn a_run_is_over_with_its_clean_up_before_the_next_begins() {
    let record = Record::new();
    let says = record.clone();
    let (outcome, _) = run_heard(Words::run(async move |supervisor| {
        let mut rounds = 0;
        let child = supervisor.spawn_restarting(Restart::on_failure(), async move || {
            rounds += 1;
            says.add(format!("begins at {:?}", Instant::now() - at(0)));
            let _gone = on_drop(|| says.add("is gone".into()));
            let work = async { if rounds < 2 { panic!("it panicked") } else { Ok::<_, &str>(()) } };
            finally(work, async |_: Option<&_>| sleep(ms(5)).await).await
        });
        child.await;
        Ok(())
    }));
    outcome.unwrap();
    assert_eq!(record.take(), ["begins at 0ns", "is gone", "begins at 5ms", "is gone"]);
}

#[test]
fn a_panic_through_scopes_timeouts_and_clean_up_leaves_the_next_run_whole() {
    let record = Record::new();
    let says = record.clone();
    let (outcome, heard) = run_heard(Words::run(async move |supervisor| {
        let mut round = 0;
        let child = supervisor.spawn_restarting(Restart::on_failure(), async move || {
            round += 1;
            let scope = CancelScope::new();
            let work = finally(
                async {
                    sleep(ms(1)).await;
                    if round == 1 {
                        panic!("deep inside");
                    }
                    if round == 2 {
                        scope.cancel("its own");
                    }
                    sleep(ms(round * 10)).await;
                },
                async |_: Option<&()>| {
                    sleep(ms(1)).await;
                    says.add(format!("round {round} is clean at {:?}", Instant::now() - at(0)));
                },
            );
            match scope.run(timeout(ms(20), work)).await {
                Ok(Ok(())) => Ok(round),
                Ok(Err(_)) => panic!("round {round} was too slow"),
                Err(_) => Err("it was cancelled"),
            }
        });
        let mut child = child.named("child");
        sleep(ms(40)).await;
        child.cancel("from outside");
        Ok(reason_of(child.outcome().await))
    }));
    assert_eq!(outcome.unwrap(), "from outside".into());
    let lines = record.take();
    let expected = [
        "round 1 is clean at 2ms",  // it panicked at 1 ms
        "round 2 is clean at 4ms",  // it was cancelled at 3 ms
        "round 3 is clean at 25ms", // its time was over at 24 ms
        "round 4 is clean at 41ms", // cancelled from outside at 40 ms
    ];
    assert_eq!(lines, expected);
    assert_eq!(
        heard,
        [
            "child panicked once more: deep inside",
            "child once more: it was cancelled",
            "child panicked once more: round 3 was too slow"
        ]
    );
}

#[test]
fn the_waits_of_a_backoff_do_not_overflow() {
    let begins = Record::new();
    let (outcome, _) = run_heard(Words::run(async |supervisor| {
        let restart = Restart::on_failure().backoff(ms(1), u32::MAX, Duration::MAX).jitter().unlimited();
        let child = supervisor.spawn_restarting(restart, plays(begins.clone(), vec![(0, Run::Fails)]));
        sleep(ms(10)).await;
        child.cancel("enough");
        Ok(child.restarts())
    }));
    assert_eq!((outcome.unwrap(), begins.len()), (1, 2));
}
