//! Supervisors: children that fail alone.

use crate::kit::{
    groups::{fail, stop_slowly, stuck, value},
    probe::{Drops, Record, at, ms, on_drop, panic_of, reason_of},
    stage::{run_clean, run_told},
};
use evenkeel::{
    CancelReason, CancelScope, Executor, Instant, JoinError, Supervisor, TaskGroup, current_task, finally,
    group::{Failure, OnFailure, Restart},
    host::UnhandledKind,
    shield, sleep, spawn,
    testing::{Seeded, VirtualClock},
    timeout, yield_now,
};
use proptest::prelude::*;
use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    time::Duration,
};

type Words = Supervisor<&'static str>;

/// Runs in virtual time. Yields what went to `on_unhandled`, too: who, and what.
fn run_heard<F: Future>(main: F) -> (F::Output, Vec<String>) {
    run_told(main, |unhandled| {
        let who = unhandled.name().unwrap_or("?").to_owned();
        match unhandled.kind() {
            UnhandledKind::Error(text) => format!("{who}: {text}"),
            UnhandledKind::TaskPanicked(panic) => format!("{who} panicked: {panic}"),
            UnhandledKind::DestructorPanicked(panic) => format!("{who}'s destructor: {panic}"),
            UnhandledKind::GraceExceeded => format!("{who} was slow"),
            other => format!("{who}: {other:?}"),
        }
    })
}

/// What each run of a child is to do.
#[derive(Clone, Copy, Debug)]
enum Run {
    Ends,
    Fails,
    Panics,
}

/// A child that says when its runs begin, and does in each, after so many milliseconds, what stands there for it; the last one for ever.
fn plays(begins: Record<u64>, runs: Vec<(u64, Run)>) -> impl AsyncFnMut() -> Result<(), &'static str> {
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

// ---- children fail alone

#[test]
fn a_child_that_fails_cancels_neither_its_siblings_nor_the_body() {
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        supervisor.spawn(fail(1, "it failed")).named("bad");
        let good = supervisor.spawn(value(3, 7));
        sleep(ms(2)).await;
        Ok(good.await)
    }));
    assert_eq!((outcome.unwrap(), heard), (7, vec!["bad: it failed".to_owned()]));
}

#[test]
fn a_child_that_panics_is_reported_and_the_panic_does_not_go_on_in_the_body() {
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        supervisor.spawn(async { panic!("out of cheese") }).named("bad");
        sleep(ms(1)).await;
        Ok(supervisor.is_cancelled())
    }));
    assert_eq!((outcome.unwrap(), heard), (false, vec!["bad panicked: out of cheese".to_owned()]));
}

#[test]
fn a_report_has_the_childs_place() {
    let place = Rc::new(Cell::new(0));
    let seen = place.clone();
    let executor = Executor::builder().on_unhandled(move |what| seen.set(what.location().unwrap().line())).build();
    let line = line!() + 2;
    executor
        .run(Words::run(async |supervisor| {
            supervisor.spawn(async { Err::<(), _>("it failed") });
            Ok(())
        }))
        .unwrap();
    assert_eq!(place.get(), line);
}

#[test]
fn collected_failures_are_told_at_the_end_in_order_with_the_panics() {
    run_clean(async {
        let drops = Drops::default();
        let collecting = Words::builder().on_failure(OnFailure::Collect { most: 10 });
        let error = collecting
            .run(async |supervisor| {
                supervisor.spawn(fail(2, "second")).named("b");
                supervisor.spawn(fail(1, "first")).named("a");
                supervisor.spawn(async {
                    sleep(ms(3)).await;
                    panic!("third")
                });
                supervisor.spawn(value(9, ()));
                Ok(drops.guard())
            })
            .await
            .unwrap_err();
        assert_eq!((Instant::now(), drops.count()), (at(9), 1));
        assert_eq!(error.errors().collect::<Vec<_>>(), [&"first", &"second"]);
        assert_eq!(error.children()[1].name.as_deref(), Some("b"));
        assert!(matches!(&error.children()[2].error, Failure::Panicked(panic) if panic.message() == "third"));
        assert!(!error.is_cancelled());
        let text = error.to_string();
        assert!(text.starts_with("3 errors in a task group\n├─ a (") && text.ends_with("it panicked: third"), "{text}");
    });
}

#[test]
fn a_collecting_supervisor_without_failures_yields_the_bodys_value() {
    let collecting = Words::builder().on_failure(OnFailure::Collect { most: 1 });
    let outcome = run_clean(collecting.run(async |supervisor| Ok(supervisor.spawn(value(1, 7)).await)));
    assert_eq!(outcome.unwrap(), 7);
}

#[test]
fn failures_beyond_the_bound_of_a_collecting_supervisor_are_reported() {
    let collecting = Words::builder().on_failure(OnFailure::Collect { most: 2 });
    let (outcome, heard) = run_heard(collecting.run(async |supervisor| {
        for n in 1..=4 {
            supervisor.spawn(fail(n, "it failed")).named(n.to_string());
        }
        supervisor.spawn(async { panic!("and a panic") }).named("0");
        sleep(ms(5)).await;
        Ok(supervisor.stats().failed)
    }));
    let error = outcome.unwrap_err();
    let names: Vec<_> = error.children().iter().map(|child| child.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["0", "1"]);
    assert_eq!(heard, ["2: it failed", "3: it failed", "4: it failed"]);
}

#[test]
fn the_bodys_error_cancels_the_children_and_is_alone_in_the_error() {
    let record = Record::new();
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        supervisor.spawn(fail(1, "a child")).named("bad");
        supervisor.spawn(stop_slowly(record.clone(), "good", 5));
        sleep(ms(2)).await;
        Err::<(), _>("the body")
    }));
    assert_eq!(outcome.unwrap_err().into_errors(), ["the body"]);
    assert_eq!(
        (record.take(), heard),
        (vec!["good cleans".into(), "good clean".into()], vec!["bad: a child".to_owned()])
    );
}

#[test]
fn the_bodys_panic_cancels_the_children_and_goes_on() {
    let record = Record::new();
    let says = record.clone();
    let text = panic_of(|| {
        run_clean(Words::run(async move |supervisor| {
            supervisor.spawn(stuck(says.clone(), "child"));
            yield_now().await;
            if supervisor.stats().children == 1 {
                panic!("the body");
            }
            Ok(())
        }))
    });
    assert_eq!((text.as_str(), record.take()), ("the body", vec!["child stopped".to_owned()]));
}

#[test]
fn the_outcome_of_a_child_that_failed_stops_nobody() {
    let (outcome, _) = run_heard(Words::run(async |supervisor| {
        let mut failed = supervisor.spawn(fail(1, "it failed"));
        let mut panicked = supervisor.spawn(async { panic!("it panicked") });
        let first = failed.outcome().await;
        let second = panicked.outcome().await;
        Ok((first.unwrap_err().to_string(), second.unwrap_err().to_string()))
    }));
    let (first, second) = outcome.unwrap();
    assert_eq!(first, "the task failed, and its group has the error");
    assert_eq!(second, "the task panicked: it panicked");
}

#[test]
fn whoever_awaits_the_value_of_a_child_that_failed_ends_the_supervisor_and_does_not_hang() {
    let record = Record::new();
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        supervisor.spawn(stuck(record.clone(), "sibling"));
        let bad = supervisor.spawn(fail(1, "it failed")).named("bad");
        shield(bad).await;
        Ok(())
    }));
    let error = outcome.unwrap_err();
    assert!(error.is_cancelled() && error.children().is_empty());
    assert_eq!(error.to_string(), "the task group was cancelled: it awaited the value of a child that has failed");
    assert_eq!((record.take(), heard.len()), (vec!["sibling stopped".to_owned()], 2));
}

#[test]
fn what_a_child_reports_follows_the_rule_too() {
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        let inner = supervisor.clone();
        supervisor.spawn(async move { inner.report("in clean-up") }).named("child");
        sleep(ms(1)).await;
        Ok(supervisor.is_cancelled())
    }));
    assert_eq!((outcome.unwrap(), heard), (false, vec!["child: in clean-up".to_owned()]));
}

#[test]
fn name_limit_grace_and_stats_are_those_of_a_group() {
    let (outcome, heard) = run_heard(Words::builder().name("pages").limit(2).grace(ms(5)).run(async |supervisor| {
        assert!(format!("{supervisor:?}").contains("pages"));
        for n in 0..6 {
            supervisor
                .slot()
                .await
                .spawn(async move { if n % 2 == 0 { fail(1, "even").await } else { value(1, ()).await } });
            assert!(supervisor.stats().children <= 2);
        }
        sleep(ms(2)).await;
        let stats = supervisor.stats();
        assert_eq!((stats.failed, stats.spawned, stats.children), (3, 6, 0));
        supervisor.spawn(stop_slowly(Record::new(), "slow", 50)).named("slow");
        sleep(ms(1)).await;
        supervisor.cancel("enough");
        pending::<()>().await;
        Ok(())
    }));
    assert_eq!(outcome.unwrap_err().reason(), Some(&CancelReason::from("enough")));
    assert_eq!(heard, ["?: even", "?: even", "?: even", "slow was slow"]);
}

#[test]
fn a_supervisor_that_is_dropped_cancels_its_children_and_what_was_collected_is_reported() {
    let record = Record::new();
    let says = record.clone();
    let ((), heard) = run_heard(async move {
        let collecting = Words::builder().on_failure(OnFailure::Collect { most: 10 });
        let future = collecting.run(async |supervisor| {
            supervisor.spawn(fail(1, "it failed"));
            supervisor.spawn(stop_slowly(says.clone(), "child", 3));
            pending::<()>().await;
            Ok(())
        });
        let mut boxed = Box::pin(future);
        assert!(futures::poll!(&mut boxed).is_pending());
        sleep(ms(2)).await;
        assert!(futures::poll!(&mut boxed).is_pending());
        drop(boxed);
        sleep(ms(10)).await;
    });
    assert_eq!(record.take(), ["child cleans", "child clean"]);
    assert!(heard.iter().any(|line| line == "?: it failed"), "{heard:?}");
}

#[test]
fn children_are_listed_oldest_first_while_they_are_there() {
    run_clean(Words::run(async |supervisor| {
        let short = supervisor.spawn(value(1, ())).named("short");
        supervisor.spawn(value(2, ())).named("long");
        supervisor
            .spawn_background(async {
                pending::<()>().await;
                Ok(())
            })
            .named("background");
        let names = || supervisor.children().iter().filter_map(|child| child.name()).collect::<Vec<_>>();
        assert_eq!(names(), ["short", "long", "background"]);
        short.await;
        supervisor.spawn(value(2, ())).named("late");
        assert_eq!(names(), ["long", "background", "late"]);
        Ok(())
    }))
    .unwrap();
}

#[test]
fn a_childs_handle_tells_what_a_tasks_handle_tells() {
    run_clean(Words::run(async |supervisor| {
        use evenkeel::task::TaskState;
        let mut child = supervisor.spawn(stop_slowly(Record::new(), "child", 3)).named("child");
        let here = current_task();
        assert_eq!((child.name().as_deref(), child.parent()), (Some("child"), Some(here.id())));
        assert_eq!((child.state(), child.cancel_reason()), (TaskState::Running, None));
        assert!(child.location().unwrap().file().ends_with("supervisor.rs"));
        yield_now().await;
        assert!(child.task_ref().unwrap().cancel("enough"));
        assert_eq!(child.cancel_reason(), Some("enough".into()));
        assert_eq!(child.state(), TaskState::CancelRequested);
        sleep(ms(1)).await;
        assert_eq!(child.state(), TaskState::CleaningUp);
        assert_eq!(reason_of(child.outcome().await), "enough".into());
        assert_eq!((child.state(), child.task_ref(), child.name()), (TaskState::Ended, None, None));
        assert_eq!((child.location(), child.parent(), child.cancel_reason()), (None, None, None));
        Ok(())
    }))
    .unwrap();
}

// ---- restarts

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
    assert_eq!(heard, ["child: it failed", "child panicked: it panicked"]);
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
fn too_many_restarts_fail_the_supervisor_which_names_the_child_and_cancels_the_others() {
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
    assert_eq!(heard, ["feed: it failed", "feed: it failed"]);
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
    assert_eq!(heard, ["? panicked: the factory", "? panicked: the factory"]);
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
    let expected =
        ["bomb panicked: in the destructor", "other: it failed", "other: it failed", "third panicked: once more"];
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

// ---- no restarts any more

#[test]
fn a_wait_before_a_restart_ends_at_once_when_the_supervisor_is_cancelled() {
    let begins = Record::new();
    let (outcome, _) = run_heard(async {
        let supervised = Words::run(async |supervisor| {
            let hour = Duration::from_secs(3_600);
            let restart = Restart::always().backoff(hour, 1, hour);
            let child = supervisor.spawn_restarting(restart, plays(begins.clone(), vec![(1, Run::Fails)]));
            sleep(ms(2)).await;
            assert!(child.is_waiting());
            supervisor.cancel("enough");
            pending::<()>().await;
            Ok(())
        });
        let outcome = supervised.await;
        assert_eq!(Instant::now(), at(2));
        outcome
    });
    assert_eq!(outcome.unwrap_err().reason(), Some(&"enough".into()));
    assert_eq!(begins.take(), [0]);
}

#[test]
fn a_child_that_is_cancelled_alone_is_not_restarted() {
    let begins = Record::new();
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        let mut runs = supervisor.spawn_restarting(Restart::always(), plays(begins.clone(), vec![(100, Run::Ends)]));
        let backoff = Restart::always().backoff(ms(50), 1, ms(50));
        let mut waits = supervisor.spawn_restarting(backoff, plays(begins.clone(), vec![(1, Run::Fails)]));
        sleep(ms(10)).await;
        runs.cancel("enough");
        assert!(waits.is_waiting() && !runs.is_waiting());
        waits.cancel("enough");
        assert_eq!(reason_of(runs.outcome().await), "enough".into());
        assert_eq!(reason_of(waits.outcome().await), "enough".into());
        assert!(!waits.is_waiting());
        sleep(ms(500)).await;
        Ok(())
    }));
    outcome.unwrap();
    assert_eq!((begins.take(), heard.len()), (vec![0, 0], 1));
}

#[test]
fn a_run_that_fails_in_clean_up_while_all_is_cancelled_is_not_followed_by_another() {
    let begins = Record::new();
    let (outcome, heard) = run_heard(async {
        let scope = CancelScope::new();
        let token = scope.token();
        let says = begins.clone();
        let supervised = scope.run(Words::run(async |supervisor| {
            let restart = Restart::always();
            supervisor
                .spawn_restarting(restart, async move || {
                    says.add("begins");
                    finally(pending::<Result<(), &str>>(), async |_: Option<&_>| {
                        sleep(ms(3)).await;
                        panic!("in clean-up");
                    })
                    .await
                })
                .named("child");
            pending::<()>().await;
            Ok(())
        }));
        let canceller = spawn(async move {
            sleep(ms(1)).await;
            token.cancel("from around");
        });
        let outcome = supervised.await;
        canceller.await.unwrap();
        assert_eq!(Instant::now(), at(4));
        outcome
    });
    assert!(outcome.is_err());
    assert_eq!((begins.take(), heard), (vec!["begins"], vec!["child panicked: in clean-up".to_owned()]));
}

/// It is woken in the turn in which it is cancelled, so that it is polled once more.
#[test]
fn a_wait_that_is_over_in_the_turn_of_the_cancellation_begins_no_run() {
    for wait in [0, 2] {
        let begins = Record::new();
        let (outcome, _) = run_heard(Words::run(async |supervisor| {
            let restart = Restart::always().backoff(ms(wait), 1, ms(wait)).unlimited();
            // Cancels everything in the turn of the last failure, or of the end of the wait.
            let inner = supervisor.clone();
            let says = begins.clone();
            let mut rounds = 0;
            supervisor.spawn_restarting(restart, async move || {
                says.add(());
                rounds += 1;
                if rounds == 2 {
                    inner.cancel("enough");
                }
                Err::<(), _>("it failed")
            });
            sleep(ms(wait * 3)).await;
            supervisor.cancel("too late");
            pending::<()>().await;
            Ok(())
        }));
        assert!(outcome.is_err());
        assert!(begins.len() <= 2, "{}", begins.len());
    }
}

#[test]
fn a_hook_that_cancels_the_supervisor_while_a_failure_is_told_ends_the_restarts() {
    let group: Rc<RefCell<Option<Words>>> = Rc::default();
    let (hook, begins) = (group.clone(), Record::new());
    let executor = Executor::builder().clock(VirtualClock::new()).on_unhandled(move |_| {
        if let Some(supervisor) = hook.borrow().as_ref() {
            supervisor.cancel("the hook");
        }
    });
    let outcome = executor.run(Words::run(async |supervisor| {
        *group.borrow_mut() = Some(supervisor.clone());
        supervisor.spawn_restarting(Restart::always(), plays(begins.clone(), vec![(1, Run::Fails)]));
        pending::<()>().await;
        Ok(())
    }));
    assert_eq!(outcome.unwrap_err().reason(), Some(&"the hook".into()));
    assert_eq!(begins.take(), [0]);
    group.take();
}

#[test]
fn a_background_child_is_restarted_until_the_others_have_ended() {
    let begins = Record::new();
    let (outcome, _) = run_heard(async {
        let outcome = Words::run(async |supervisor| {
            let restart = Restart::always().in_background();
            supervisor.spawn_restarting(restart, plays(begins.clone(), vec![(4, Run::Ends)]));
            sleep(ms(10)).await;
            assert_eq!(supervisor.stats().background, 1);
            Ok(())
        });
        outcome.await.unwrap();
        Instant::now()
    });
    assert_eq!((outcome, begins.take()), (at(10), vec![0, 4, 8]));
}

#[test]
fn a_restarting_child_in_a_slot_has_it_through_all_runs() {
    let begins = Record::new();
    let (outcome, _) = run_heard(Words::builder().limit(1).run(async |supervisor| {
        let restart = Restart::on_failure().backoff(ms(5), 1, ms(5));
        let runs = vec![(1, Run::Fails), (1, Run::Ends)];
        supervisor.slot().await.spawn_restarting(restart, plays(begins.clone(), runs));
        assert!(supervisor.try_slot().is_none());
        supervisor.slot().await.spawn(async { Ok(()) });
        assert_eq!(Instant::now(), at(7));
        Ok(())
    }));
    outcome.unwrap();
}

#[test]
fn the_end_of_the_executor_ends_the_restarts() {
    let begins = Record::new();
    let says = begins.clone();
    let executor = Executor::builder().clock(VirtualClock::new()).on_unhandled(|_| {}).build();
    executor.run(async move {
        spawn(Words::run(async move |supervisor| {
            supervisor.spawn_restarting(Restart::always(), plays(says, vec![(1, Run::Fails)]));
            pending::<()>().await;
            Ok(())
        }))
        .detach();
        sleep(ms(2)).await;
    });
    drop(executor);
    assert_eq!(begins.take(), [0, 1]);
}

// ---- in each other

#[test]
fn in_a_plain_group_failures_before_a_restart_are_reported_and_the_last_one_is_the_groups() {
    let record = Record::new();
    let (outcome, heard) = run_heard(TaskGroup::<&str>::run(async |group| {
        group.spawn(stuck(record.clone(), "sibling"));
        let restart = Restart::on_failure().limit(1, ms(1_000));
        group.spawn_restarting(restart, async || Err::<(), _>("it failed")).named("child");
        pending::<()>().await;
        Ok(())
    }));
    assert_eq!(outcome.unwrap_err().into_errors(), ["it failed"]);
    assert_eq!((record.take(), heard), (vec!["sibling stopped".to_owned()], vec!["child: it failed".to_owned()]));
}

#[test]
fn a_supervisor_in_a_group_in_a_supervisor() {
    let record = Record::new();
    let (outcome, heard) = run_heard(Words::run(async |outer| {
        outer.spawn(stop_slowly(record.clone(), "outer", 1)).named("outer");
        outer
            .spawn_group(async |group| {
                group.spawn(fail(5, "the group's child")).named("middle");
                group.spawn_supervisor(OnFailure::Report, async |inner| {
                    inner.spawn(fail(1, "the innermost")).named("innermost");
                    pending::<()>().await;
                    Ok(())
                });
                Ok(())
            })
            .named("group");
        sleep(ms(10)).await;
        outer.cancel("enough");
        Ok(())
    }));
    // The group has failed, and its supervisor was cancelled with it; the outer one went on.
    outcome.unwrap();
    assert_eq!(record.take(), ["outer cleans", "outer clean"]);
    assert_eq!(heard[0], "innermost: the innermost");
    assert!(heard[1].starts_with("group: 1 error in a task group\n└─ middle ("), "{heard:?}");
    assert_eq!(heard.len(), 2);
}

/// What Erlang calls `one_for_all`.
#[test]
fn one_for_all_is_a_restarting_child_that_runs_a_group() {
    let begins = Record::new();
    let says = begins.clone();
    let (outcome, heard) = run_heard(Supervisor::<String>::run(async move |supervisor| {
        let pair = supervisor.spawn_restarting(Restart::on_failure(), async move || {
            let round = begins.len();
            let outcome = TaskGroup::<String>::run(async |group| {
                begins.add("a");
                group.spawn(async move { if round == 0 { Err("a failed".to_owned()) } else { Ok(()) } });
                begins.add("b");
                group.spawn(sleep(ms(3)));
                Ok(())
            });
            outcome.await.map_err(|error| error.to_string())
        });
        pair.await;
        Ok(())
    }));
    outcome.unwrap();
    assert_eq!((says.take(), heard.len()), (vec!["a", "b", "a", "b"], 1));
}

// ---- seeds, and random programs

#[test]
fn jitter_lies_between_half_and_all_and_the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let begins = Record::new();
        let executor = Executor::builder().clock(VirtualClock::new()).schedule(Seeded::new(seed)).on_unhandled(|_| {});
        let outcome = executor.run(Words::run(async |supervisor| {
            let restart = Restart::on_failure().backoff(ms(1_000), 1, ms(1_000)).jitter().unlimited();
            let mut runs = vec![(0, Run::Fails); 40];
            runs.push((0, Run::Ends));
            supervisor.spawn_restarting(restart, plays(begins.clone(), runs)).await;
            Ok(())
        }));
        outcome.unwrap();
        begins.take()
    };
    let (first, again, other) = (run(7), run(7), run(8));
    assert_eq!(first, again);
    assert_ne!(first, other);
    let waits: Vec<_> = first.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.iter().all(|wait| (500..=1_000).contains(wait)), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait < 650) && waits.iter().any(|wait| *wait > 850), "{waits:?}");
}

/// One child of a random program.
#[derive(Clone, Debug)]
struct Plan {
    starts: u64,
    runs: Vec<(u64, Run)>,
    rule: Rule,
    backoff: (u64, u32, u64),
    limit: Option<(usize, u64)>,
    cancelled: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    Always,
    OnFailure,
    Never,
}

/// Times of the program are odd where the test acts, and even where a child does, so that no two are in one turn by chance.
fn plan() -> impl Strategy<Value = Plan> {
    let run = prop_oneof![1 => Just(Run::Ends), 3 => Just(Run::Fails), 1 => Just(Run::Panics)];
    let runs = prop::collection::vec((1..30_u64, run), 1..6)
        .prop_map(|runs| runs.into_iter().map(|(after, run)| (after * 2, run)).collect::<Vec<_>>());
    let rule = prop_oneof![1 => Just(Rule::Always), 2 => Just(Rule::OnFailure), 1 => Just(Rule::Never)];
    let backoff = (0..10_u64, 0..4_u32, 0..40_u64).prop_map(|(initial, factor, max)| (initial * 2, factor, max * 2));
    let limit = prop::option::weighted(0.8, (0..5_usize, 1..100_u64));
    let cancelled = prop::option::weighted(0.3, (0..100_u64).prop_map(|time| time * 2 + 1));
    (0..20_u64, runs, rule, backoff, limit, cancelled).prop_map(|(starts, runs, rule, backoff, limit, cancelled)| {
        Plan { starts: starts * 2, runs, rule, backoff, limit, cancelled }
    })
}

/// What is to come of a child, in the plainest way: when its runs begin, what is told of it, and when the supervisor fails by it.
#[derive(Debug, Default, PartialEq)]
struct Story {
    begins: Vec<u64>,
    told: Vec<(u64, &'static str)>,
    fails: Option<u64>,
}

fn story(plan: &Plan, end: u64) -> Story {
    let mut story = Story::default();
    let stops = plan.cancelled.filter(|at| *at > plan.starts).unwrap_or(u64::MAX).min(end);
    let (mut now, mut restarts, mut in_a_row) = (plan.starts, Vec::<u64>::new(), 0_u32);
    for n in 0.. {
        if now > stops {
            break;
        }
        story.begins.push(now);
        let (lasts, run) = plan.runs[n.min(plan.runs.len() - 1)];
        now += lasts;
        if now > stops {
            break;
        }
        let what = match run {
            Run::Ends => None,
            Run::Fails => Some("it failed"),
            Run::Panics => Some("it panicked"),
        };
        let again = plan.rule == Rule::Always || plan.rule == Rule::OnFailure && what.is_some();
        if again {
            if let Some((most, period)) = plan.limit {
                if restarts.iter().filter(|then| now - **then < period).count() >= most {
                    story.fails = Some(now);
                    break;
                }
            }
        }
        story.told.extend(what.map(|what| (now, what)));
        if !again {
            break;
        }
        restarts.push(now);
        let (initial, factor, max) = plan.backoff;
        if lasts >= max {
            in_a_row = 0;
        }
        now += (initial * u64::from(factor.max(1)).saturating_pow(in_a_row)).min(max);
        in_a_row += 1;
    }
    story
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_children_are_restarted_and_told_of_as_a_model_says(
        plans in prop::collection::vec(plan(), 1..6),
        collects in any::<bool>(),
        last in (100..400_u64).prop_map(|time| time * 2 + 1),
    ) {
        // Who fails first ends the story of all. Two that fail in one turn may both be told: such programs are not looked at.
        let alone: Vec<_> = plans.iter().map(|plan| story(plan, last)).collect();
        let failing = alone.iter().filter_map(|story| story.fails).min();
        prop_assume!(alone.iter().filter(|story| story.fails == failing).count() <= 1 || failing.is_none());
        let end = failing.unwrap_or(last);
        let stories: Vec<_> = plans.iter().map(|plan| story(plan, end)).collect();
        // Whatever else happens in the very turn of the end may or may not.
        let busy = stories.iter().flat_map(|story| story.begins.iter().chain(story.told.iter().map(|(at, _)| at)));
        prop_assume!(!busy.into_iter().any(|at| *at == end));

        let begins: Vec<Record<u64>> = plans.iter().map(|_| Record::new()).collect();
        let rule = if collects { OnFailure::Collect { most: usize::MAX } } else { OnFailure::Report };
        let (outcome, heard) = run_told(
            Words::builder().on_failure(rule).run(async |supervisor| {
                let ends = supervisor.clone();
                let mut starts: Vec<_> = plans.iter().cloned().zip(begins.iter().cloned()).enumerate().collect();
                starts.sort_by_key(|(_, (plan, _))| plan.starts);
                supervisor.spawn_background(async move {
                    sleep(ms(last)).await;
                    ends.cancel("the end");
                    Ok(())
                });
                for (n, (plan, begins)) in starts {
                    evenkeel::sleep_until(at(plan.starts)).await;
                    let (initial, factor, max) = plan.backoff;
                    let mut restart = match plan.rule {
                        Rule::Always => Restart::always(),
                        Rule::OnFailure => Restart::on_failure(),
                        Rule::Never => Restart::never(),
                    };
                    restart = restart.backoff(ms(initial), factor, ms(max)).unlimited();
                    if let Some((most, period)) = plan.limit {
                        restart = restart.limit(most, ms(period));
                    }
                    let child = supervisor.spawn_restarting(restart, plays(begins, plan.runs)).named(n.to_string());
                    if let Some(time) = plan.cancelled.filter(|time| *time > plan.starts) {
                        supervisor.spawn_background(async move {
                            evenkeel::sleep_until(at(time)).await;
                            child.cancel("alone");
                            Ok(())
                        });
                    }
                }
                pending::<()>().await;
                Ok(())
            }),
            |unhandled| {
                let what = match unhandled.kind() {
                    UnhandledKind::TaskPanicked(panic) => panic.message().to_owned(),
                    UnhandledKind::Error(text) => text.to_string(),
                    other => format!("{other:?}"),
                };
                format!("{}: {what}", unhandled.name().unwrap_or("?"))
            },
        );
        let error = outcome.unwrap_err();
        for (story, begins) in stories.iter().zip(&begins) {
            prop_assert_eq!(&story.begins, &begins.take());
        }
        let mut told: Vec<_> = stories.iter().enumerate().flat_map(|(n, story)| {
            story.told.iter().map(move |(at, what)| (*at, format!("{n}: {what}")))
        }).collect();
        told.sort();
        let told: Vec<_> = told.into_iter().map(|(_, line)| line).collect();
        let sorted = |mut lines: Vec<String>| { lines.sort(); lines };
        let mut kept: Vec<_> = error.children().iter().map(|child| {
            let what = match &child.error {
                Failure::One(error) => (*error).to_owned(),
                Failure::Panicked(panic) => panic.message().to_owned(),
                other => format!("{other:?}"),
            };
            format!("{}: {what}", child.name.as_deref().unwrap_or("?"))
        }).collect();
        let failed = stories.iter().position(|story| story.fails.is_some());
        match failed {
            Some(n) => {
                let (most, period) = plans[n].limit.unwrap();
                let limit: Failure<&str> = Failure::RestartLimit { restarts: most, period: ms(period) };
                prop_assert_eq!(kept.pop(), Some(format!("{n}: {limit:?}")));
                // Its last failure, if it has failed, and not ended.
                if plans[n].rule != Rule::Always || kept.len() > if collects { told.len() } else { 0 } {
                    let last = kept.pop().unwrap_or_default();
                    prop_assert!(last.starts_with(&format!("{n}: it ")), "{}", last);
                }
                prop_assert!(!error.is_cancelled());
            }
            None => prop_assert_eq!(error.reason(), Some(&"the end".into())),
        }
        if collects {
            prop_assert_eq!(sorted(kept), sorted(told));
            prop_assert!(heard.is_empty(), "{:?}", heard);
        } else {
            prop_assert!(kept.is_empty(), "{:?}", kept);
            prop_assert_eq!(sorted(heard), sorted(told));
        }
    }
}
