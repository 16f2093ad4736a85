//! Children fail alone.

use super::{Words, run_heard};
use crate::kit::{
    groups::{fail, stop_slowly, stuck, value},
    probe::{Drops, Record, at, ms, on_drop, panic_of, reason_of},
    stage::run_clean,
};
use evenkeel::{
    CancelReason, Executor, Instant, current_task,
    group::{Failure, OnFailure},
    shield, sleep, yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
};

#[test]
fn group_18_a_child_that_fails_cancels_neither_its_siblings_nor_the_body() {
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
    let line = line!() + 3;
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
    assert_eq!(first, "the task failed, and its error went to its group");
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
        assert!(child.location().unwrap().file().ends_with("alone.rs"));
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

#[test]
fn a_destructor_that_panics_in_a_child_that_is_cancelled_alone_is_reported_and_cancels_nobody() {
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        let child = supervisor
            .spawn(async {
                let _bomb = on_drop(|| panic!("in the destructor"));
                pending::<()>().await;
            })
            .named("bomb");
        yield_now().await;
        child.cancel("enough");
        sleep(ms(1)).await;
        Ok((supervisor.is_cancelled(), supervisor.stats().failed))
    }));
    assert_eq!((outcome.unwrap(), heard), ((false, 1), vec!["bomb panicked: in the destructor".to_owned()]));
}

#[test]
fn a_destructor_that_panics_after_the_value_costs_neither_the_value_nor_the_siblings() {
    /// It has a value at once, and a destructor that panics.
    struct Value;
    impl Future for Value {
        type Output = Result<u8, &'static str>;
        fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
            std::task::Poll::Ready(Ok(7))
        }
    }
    impl Drop for Value {
        fn drop(&mut self) {
            panic!("in the destructor");
        }
    }
    let (outcome, heard) = run_heard(Words::run(async |supervisor| {
        let value = supervisor.spawn(Value).named("bomb").await;
        Ok((value, supervisor.is_cancelled()))
    }));
    assert_eq!((outcome.unwrap(), heard), ((7, false), vec!["bomb panicked: in the destructor".to_owned()]));
}

#[test]
fn a_failure_after_the_supervisors_end_is_reported() {
    let ((), heard) = run_heard(async {
        let kept: Rc<RefCell<Option<Words>>> = Rc::default();
        let keeps = kept.clone();
        let collecting = Words::builder().on_failure(OnFailure::Collect { most: 9 });
        let outcome = collecting.run(async move |supervisor| {
            keeps.replace(Some(supervisor));
            Ok(())
        });
        outcome.await.unwrap();
        kept.take().unwrap().report("too late");
    });
    assert_eq!(heard, ["?: too late"]);
}

#[test]
fn a_scopes_handle_tells_its_childs_name_and_why_it_was_cancelled_alone() {
    run_clean(async {
        let outcome = evenkeel::scope::<_, _, &str, _>(async |s| {
            let mut child = s.spawn(pending::<()>()).named("reader");
            assert_eq!((child.name().as_deref(), child.cancel_reason()), (Some("reader"), None));
            child.cancel("enough");
            assert_eq!(child.cancel_reason(), Some("enough".into()));
            assert_eq!(reason_of(child.outcome().await), "enough".into());
            Ok(())
        });
        outcome.await.unwrap();
    });
}
