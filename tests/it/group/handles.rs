//! A child's handle and what awaiting it does; slots, `start`, background children, the end of a group.

use crate::kit::{
    groups::*,
    probe::{Drops, Record, at, ms, panic_of, text_of},
    stage::run_clean,
};
use evenkeel::{
    CancelReason, Instant, JoinError, cancel::cancel_requested, finally, shield, sleep, spawn, timeout, yield_now,
};
use futures::FutureExt;
use std::{future::pending, panic::AssertUnwindSafe};

/// How a child ends that has no value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Failed,
    Cancelled,
    Panicked,
}

async fn end_as(end: End) -> Result<u32, &'static str> {
    sleep(ms(1)).await;
    match end {
        End::Failed => Err("failed"),
        End::Cancelled => pending().await,
        End::Panicked => panic!("panicked"),
    }
}

async fn never_started() {
    unreachable!("it never starts")
}

#[test]
fn group_04_a_shield_that_awaits_the_value_of_a_child_without_one_does_not_hang() {
    for end in [End::Failed, End::Cancelled, End::Panicked] {
        let (out, reports) = run_with_reports(
            AssertUnwindSafe(timeout(
                ms(1000),
                Group::run(async |group| {
                    let child = group.spawn(end_as(end));
                    if end == End::Cancelled {
                        child.cancel("alone");
                    }
                    shield(child).await;
                    unreachable!("there is no value");
                    #[allow(unreachable_code)]
                    Ok(())
                }),
            ))
            .catch_unwind(),
        );
        match (end, out) {
            (End::Failed, Ok(Ok(outcome))) => assert_eq!(errors(outcome), ["failed"]),
            (End::Cancelled, Ok(Ok(outcome))) => {
                assert_eq!(outcome.unwrap_err().reason(), Some(&CancelReason::ChildCancelled));
            }
            (End::Panicked, Err(payload)) => assert_eq!(text_of(payload), "panicked"),
            (end, other) => panic!("{end:?}: {:?}", other.map(|_| ()).is_ok()),
        }
        // A shield around a child that has failed is opened, or never shielded anything.
        assert!(reports.iter().all(|report| report == "skipped"), "{reports:?}");
    }
}

#[test]
fn group_04_clean_up_that_awaits_the_value_of_a_child_without_one_does_not_hang() {
    for end in [End::Failed, End::Cancelled, End::Panicked] {
        let (out, _) = run_with_reports(
            AssertUnwindSafe(timeout(
                ms(1000),
                Group::run(async |group| {
                    let child = group.spawn(end_as(end));
                    if end == End::Cancelled {
                        child.cancel("alone");
                    }
                    finally(sleep(ms(2)), async move |_: Option<&()>| {
                        child.await;
                    })
                    .await;
                    Ok(())
                }),
            ))
            .catch_unwind(),
        );
        match out {
            Ok(outcome) => assert!(outcome.expect("it does not hang").is_err(), "{end:?}"),
            Err(payload) => assert_eq!((end, text_of(payload)), (End::Panicked, "panicked".to_owned())),
        }
    }
}

#[test]
fn group_04_outcome_tells_how_a_child_ended_and_stops_nobody() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            let mut alone = group.spawn(pending::<Result<u32, &str>>());
            alone.cancel("alone");
            let told = alone.outcome().await;
            assert!(matches!(told, Err(JoinError::Cancelled(reason)) if reason == CancelReason::from("alone")));
            let mut fine = group.spawn(value(1, 7));
            assert_eq!(fine.take_result().map(|_| ()), None);
            Ok(fine.outcome().await.unwrap())
        });
        assert_eq!(outcome.await.unwrap(), 7);
    });
}

#[test]
fn group_04_awaiting_a_missing_value_from_outside_the_group_panics_and_names_outcome() {
    let message = panic_of(|| {
        run_clean(async {
            let outcome = Group::run(async |group| {
                let child = group.spawn(pending::<Result<(), &str>>());
                child.cancel("alone");
                Ok(child)
            });
            outcome.await.unwrap().await;
        })
    });
    assert!(message.contains("JoinHandle::outcome"), "{message}");
}

#[test]
fn group_04_dropping_a_handle_changes_nothing() {
    let drops = Drops::default();
    run_clean(async {
        let record = Record::new();
        let (says, guard) = (record.clone(), drops.guard());
        Group::run(async |group| {
            drop(group.spawn(async move {
                let _guard = guard;
                yield_now().await;
                says.add("ran");
            }));
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(record.take(), ["ran"]);
    });
    assert_eq!(drops.count(), 1);
}

#[test]
fn group_07_spawning_into_a_group_that_is_cancelling_gives_a_child_that_never_starts() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.cancel("enough");
            let mut child = group.spawn(never_started());
            let told = finally(pending::<()>(), async |_: Option<&()>| {
                assert!(matches!(child.outcome().await, Err(JoinError::Cancelled(_))));
            });
            told.await;
            Ok(())
        });
        let error = outcome.await.unwrap_err();
        assert!(error.is_cancelled() && error.reason() == Some(&CancelReason::from("enough")));
        error.ignore_cancelled().unwrap();
    });
}

#[test]
fn group_07_an_ended_group_behaves_as_a_cancelling_one() {
    run_clean(async {
        let group = Group::run(async |group| Ok(group)).await.unwrap();
        let mut late = group.spawn(never_started());
        assert!(matches!(late.outcome().await, Err(JoinError::Cancelled(CancelReason::GroupEnded))));
        drop(group.slot().await);
        group.cancel("no effect");
    });
}

#[test]
fn group_09_dropping_the_groups_future_cancels_the_children_and_their_clean_up_is_finished() {
    let record = Record::new();
    let (_, reports) = run_with_reports(async {
        let mut group = Box::pin(Group::run(async |group| {
            group.spawn(stop_slowly(record.clone(), "child", 5));
            pending::<()>().await;
            Ok(())
        }));
        assert!(futures::poll!(&mut group).is_pending());
        yield_now().await;
        drop(group);
    });
    assert_eq!(record.take(), ["child cleans", "child clean"]);
    assert_eq!(reports, ["skipped"]);
}

#[test]
fn group_11_start_returns_when_the_child_is_ready_and_the_group_waits_for_its_end() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            let port = group.start(async |ready| {
                sleep(ms(2)).await;
                ready.set(80);
                sleep(ms(5)).await;
                Ok(())
            });
            let (port, _server) = port.await;
            assert_eq!(Instant::now(), at(2));
            Ok(port)
        });
        assert_eq!(outcome.await.unwrap(), 80);
        assert_eq!(Instant::now(), at(7));
    });
}

#[test]
fn group_11_a_child_that_ends_without_being_ready_cancels_the_group() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.start::<u16, Result<(), _>, _>(async |_ready| Ok(())).await;
            Ok(())
        });
        assert_eq!(outcome.await.unwrap_err().reason(), Some(&CancelReason::NotReady));
        let outcome = Group::run(async |group| {
            group.start::<u16, Result<(), _>, _>(async |_ready| Err("cannot bind")).await;
            Ok(())
        });
        assert_eq!(errors(outcome.await), ["cannot bind"]);
    });
}

#[test]
fn group_11_background_children_are_cancelled_after_the_others() {
    run_clean(async {
        let record = Record::new();
        let says = record.clone();
        let outcome = Group::run(async |group| {
            group.spawn_background(finally(pending(), async move |_: Option<&Result<(), &str>>| {
                says.add(format!("{} at {:?}", cancel_requested().unwrap(), Instant::now()));
            }));
            group.spawn(value(5, ()));
            Ok(())
        });
        outcome.await.unwrap();
        assert_eq!(record.take(), [format!("its group has ended at {:?}", at(5))]);
    });
}

#[test]
fn group_12_a_slot_is_waited_for_before_the_child_exists_first_come_first_served() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::builder().limit(2).run(async |group| {
            for index in 0..5 {
                let says = record.clone();
                let slot = group.slot().await;
                assert!(group.stats().children < 2);
                slot.spawn(async move {
                    says.add(format!("{index} at {:?}", Instant::now()));
                    sleep(ms(10)).await;
                });
                // Two are held from the second child on, and at 20 ms two are free, of which one is taken.
                assert_eq!(group.try_slot().is_none(), [1, 3].contains(&index));
            }
            Ok(())
        });
        outcome.await.unwrap();
        let turns = [(0, 0), (1, 0), (2, 10), (3, 10), (4, 20)];
        assert_eq!(record.take(), turns.map(|(index, millis)| format!("{index} at {:?}", at(millis))));
    });
}

#[test]
fn group_12_children_that_all_wait_for_a_slot_they_hold_are_reported_in_debug_builds() {
    let (_, reports) = run_with_reports(timeout(
        ms(10),
        Group::builder().limit(1).run(async |group| {
            let inner = group.clone();
            group.slot().await.spawn(async move { drop(inner.slot().await) });
            Ok(())
        }),
    ));
    assert_eq!(reports.iter().any(|report| report.contains("try_slot")), cfg!(debug_assertions), "{reports:?}");
}

#[test]
fn group_06_errors_of_clean_up_win_over_a_cancellation_from_around_which_is_delivered_afterwards() {
    run_clean(async {
        let record = Record::new();
        let says = record.clone();
        let task = spawn(async move {
            let outcome = Group::run(async |group| {
                group.spawn(spoil(group.clone(), 3, "in clean-up"));
                pending::<()>().await;
                Ok(())
            });
            says.add(format!("{:?}", errors(outcome.await)));
            pending::<()>().await;
        });
        sleep(ms(1)).await;
        task.cancel("from around");
        assert!(matches!(task.await, Err(JoinError::Cancelled(reason)) if reason == CancelReason::from("from around")));
        assert_eq!(record.take(), ["[\"in clean-up\"]"]);
    });
}
