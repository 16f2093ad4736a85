//! Children that say when they are ready: their handles, who waits from outside, and who waits no more.

use crate::kit::{
    groups::{Group, run_with_reports, stop_slowly},
    probe::{Record, at, ms, reason_of},
    stage::run_clean,
};
use evenkeel::{CancelReason, Instant, TaskGroup, run, sleep, spawn, task::JoinError, timeout, yield_now};
use futures::FutureExt;
use std::{cell::RefCell, future::pending, panic::AssertUnwindSafe, rc::Rc};

#[test]
fn met_c8_a_started_child_has_a_handle() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            let (port, server) = group
                .start(async |ready| {
                    ready.set(80);
                    sleep(ms(5)).await;
                    Ok("served")
                })
                .await;
            assert_eq!(port, 80);
            Ok(server.named("server").await)
        });
        assert_eq!(outcome.await.unwrap(), "served");
        assert_eq!(Instant::now(), at(5));
        // It has ended in the poll in which it was ready: the handle has the outcome still.
        let outcome = Group::run(async |group| {
            let (port, server) = group
                .start(async |ready| {
                    ready.set(80);
                    Ok("served")
                })
                .await;
            Ok((port, server.await))
        });
        assert_eq!(outcome.await.unwrap(), (80, "served"));
    });
}

#[test]
fn met_c8_a_start_that_is_cancelled_ends_its_child_and_nobody_else() {
    run_clean(async {
        let record = Record::new();
        let says = record.clone();
        let outcome = Group::run(async |group| {
            let sibling = group.spawn(async {
                sleep(ms(9)).await;
                Ok("sibling")
            });
            let start = group.start(async move |ready| {
                stop_slowly(says, "server", 2).await?;
                ready.set(());
                Ok(())
            });
            assert!(timeout(ms(1), start).await.is_err());
            Ok(sibling.await)
        });
        assert_eq!(outcome.await.unwrap(), "sibling");
        assert_eq!(record.take(), ["server cleans", "server clean"]);
        assert_eq!(Instant::now(), at(9));
    });
}

#[test]
fn met_c8_a_start_that_is_dropped_unpolled_starts_nothing_and_one_that_has_returned_ends_nothing() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            drop(group.start(async |ready| {
                ready.set(());
                Err::<(), _>("it was started")
            }));
            let (late, server) = group
                .start(async |ready| {
                    ready.set("ready");
                    sleep(ms(3)).await;
                    Ok(())
                })
                .await;
            drop(server);
            Ok(late)
        });
        assert_eq!(outcome.await.unwrap(), "ready");
        assert_eq!(Instant::now(), at(3));
    });
}

#[test]
fn met_c8_outcome_tells_why_a_child_will_never_be_ready_and_stops_nobody() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            let ready = group.start(async |ready| {
                ready.set(80);
                Ok(())
            });
            assert_eq!(ready.outcome().await.map(|(port, _)| port).ok(), Some(80));
            let quiet = group.start::<u16, _, _>(async |_ready| Ok(()));
            assert_eq!(reason_of(quiet.outcome().await), CancelReason::NotReady);
            let cancelled = group.start::<u16, Result<(), _>, _>(async |_ready| {
                evenkeel::current_task().cancel("by itself");
                pending().await
            });
            assert_eq!(reason_of(cancelled.outcome().await), CancelReason::from("by itself"));
            assert!(!group.is_cancelled());
            Ok(())
        });
        outcome.await.unwrap();
    });
}

/// Starts children in a group from outside of it.
async fn from_outside<T>(code: impl AsyncFnOnce(Group) -> T) -> T {
    let seen = Rc::new(RefCell::new(None));
    let put = seen.clone();
    let open = spawn(Group::run(async move |group| {
        *put.borrow_mut() = Some(group);
        pending::<Result<(), _>>().await
    }));
    yield_now().await;
    let group: Group = seen.take().expect("the group has begun");
    let found = code(group.clone()).await;
    group.cancel("the test is over");
    let _outcome = open.await.expect("it has ended, and not been cancelled");
    found
}

#[test]
fn met_c8_from_outside_outcome_tells_that_the_group_has_failed() {
    run_clean(async {
        let why = from_outside(async |group| {
            let start = group.start::<u16, Result<(), _>, _>(async |_ready| Err("cannot bind"));
            start.outcome().await.map(|_| ()).unwrap_err()
        });
        assert!(matches!(why.await, JoinError::ReportedToGroup));
        let port = from_outside(async |group| {
            let start = group.start(async |ready| {
                ready.set(80);
                pending::<Result<(), _>>().await
            });
            start.await.0
        });
        assert_eq!(port.await, 80);
    });
}

#[test]
fn met_c8_a_panic_from_outside_names_what_start_has() {
    let panics = async |how: Result<(), &'static str>| {
        let text = from_outside(async move |group| {
            let start = AssertUnwindSafe(group.start::<u16, _, _>(async move |_ready| how)).catch_unwind().await;
            let payload = start.map(|_| ()).unwrap_err();
            let text = payload.downcast::<String>().map(|text| *text);
            text.unwrap_or_else(|text| (*text.downcast::<&str>().unwrap()).to_owned())
        });
        text.await
    };
    let (texts, _) = run_with_reports(async { [panics(Err("cannot bind")).await, panics(Ok(())).await] });
    for text in texts {
        assert!(text.contains("use Starting::outcome there") && !text.contains("JoinHandle"), "{text}");
    }
}

#[test]
fn met_c8_a_failing_group_stops_who_waits_inside() {
    let outcome = run(TaskGroup::<&str>::run(async |group| {
        let fails = group.clone();
        group.spawn(async move {
            fails.start::<u16, Result<(), _>, _>(async |_ready| Err("cannot bind")).await;
            unreachable!("it was never ready")
        });
        Ok(())
    }));
    assert_eq!(outcome.unwrap_err().into_errors(), ["cannot bind"]);
}
