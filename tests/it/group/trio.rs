//! What Trio's nurseries promise beyond asyncio's groups.

use crate::kit::{
    groups::{Group, Outcome, errors, fail, spoil, stop_slowly, stuck, value},
    probe::{Record, at, ms, on_drop},
    stage::run_clean,
};
use evenkeel::{CancelReason, CancelScope, Instant, finally, group::Failure, sleep, yield_now};
use std::{cell::Cell, future::pending, rc::Rc};

#[test]
fn trio_a_nursery_that_is_being_left_takes_more_children() {
    run_clean(async {
        let record = Record::new();
        let says = record.clone();
        Group::run(async |group| {
            let own = group.clone();
            group.spawn(async move {
                for round in 1..=3 {
                    sleep(ms(1)).await;
                    let says = says.clone();
                    own.spawn(async move {
                        sleep(ms(10)).await;
                        says.add(round);
                    });
                }
            });
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!((record.take(), Instant::now()), (vec![1, 2, 3], at(13)));
    });
}

#[test]
fn trio_start_in_a_group_that_is_cancelled_meanwhile() {
    run_clean(async {
        for cancel_at in [0, 1, 3] {
            let record = Record::new();
            let outcome: Outcome<()> = Group::run(async |group| {
                let own = group.clone();
                group.spawn(async move {
                    sleep(ms(cancel_at)).await;
                    own.cancel("meanwhile");
                });
                let says = record.clone();
                let (port, _): (u16, _) = group
                    .start(async move |ready| {
                        let _stopped = on_drop(|| says.add("the child stopped"));
                        sleep(ms(2)).await;
                        ready.set(80);
                        pending::<Outcome<()>>().await.map_err(|_| "unreachable")
                    })
                    .await;
                assert_eq!((cancel_at, port), (3, 80), "it was ready before");
                pending::<()>().await;
                Ok(())
            })
            .await;
            assert_eq!(outcome.unwrap_err().reason(), Some(&"meanwhile".into()));
            assert_eq!(record.take(), ["the child stopped"]);
        }
    });
}

#[test]
fn trio_a_child_that_fails_while_it_starts_fails_the_group_and_not_the_caller() {
    run_clean(async {
        let resumed = Cell::new(false);
        let outcome: Outcome<()> = Group::run(async |group| {
            let (_port, _): (u16, _) = group.start(async |_ready| fail(1, "address in use").await).await;
            resumed.set(true);
            Ok(())
        })
        .await;
        assert_eq!((errors(outcome), resumed.get()), (vec!["address in use"], false));
    });
}

#[test]
fn trio_a_child_that_is_ready_in_the_turn_in_which_it_ends() {
    run_clean(async {
        let port = Group::run(async |group| {
            let ready = async |ready: evenkeel::group::ReadySignal<u16>| {
                sleep(ms(1)).await;
                ready.set(80);
                Ok(())
            };
            Ok(group.start(ready).await.0)
        });
        assert_eq!(port.await.unwrap(), 80);
    });
}

#[test]
fn trio_child_and_body_fail_in_one_turn() {
    run_clean(async {
        for body_first in [false, true] {
            let outcome = Group::run(async |group| {
                if body_first {
                    let nap = sleep(ms(1));
                    group.spawn(fail(1, "child"));
                    nap.await;
                    return Err::<(), _>("body");
                }
                group.spawn(fail(1, "child"));
                yield_now().await;
                sleep(ms(1)).await;
                Err::<(), _>("body")
            });
            let mut errors = errors(outcome.await);
            errors.sort_unstable();
            assert_eq!(errors, ["body", "child"], "body first: {body_first}");
        }
    });
}

#[test]
fn trio_cancellation_and_error_in_one_turn() {
    run_clean(async {
        for error_first in [false, true] {
            let scope = CancelScope::new();
            let handle = scope.clone();
            let record = Record::new();
            let outcome = scope.run(async {
                let outcome: Outcome<()> = Group::run(async |group| {
                    if error_first {
                        group.spawn(fail(1, "child"));
                    }
                    group.spawn(async move {
                        sleep(ms(1)).await;
                        handle.cancel("from outside");
                    });
                    if !error_first {
                        group.spawn(fail(1, "child"));
                    }
                    pending().await
                })
                .await;
                record.add(errors(outcome));
                pending::<()>().await;
            });
            assert_eq!(outcome.await.unwrap_err().0, "from outside".into(), "the error first: {error_first}");
            assert_eq!(record.take(), [["child"]], "the error first: {error_first}");
        }
    });
}

/// Outer, middle, inner, each with a child that cleans up; something around the middle one is cancelled.
#[test]
fn trio_nested_groups_are_cancelled_from_the_middle() {
    run_clean(async {
        let record = Record::new();
        let says = record.clone();
        let middle = CancelScope::new();
        let handle = middle.clone();
        Group::run(async |outer| {
            outer.spawn(async move {
                sleep(ms(1)).await;
                handle.cancel("the middle");
            });
            outer.spawn(value(9, ()));
            let outcome = middle
                .run(Group::run(async |group| {
                    group.spawn(stop_slowly(says.clone(), "middle", 2));
                    let inner = group.spawn_group(async move |inner| {
                        inner.spawn(stop_slowly(says.clone(), "inner", 4));
                        Ok(())
                    });
                    inner.await;
                    Ok(())
                }))
                .await;
            record.add(format!("{:?}", outcome.map(|_| ()).unwrap_err().0));
            assert_eq!(Instant::now(), at(5));
            sleep(ms(1)).await;
            Ok(())
        })
        .await
        .unwrap();
        let lines = record.take();
        assert_eq!(
            lines,
            ["middle cleans", "inner cleans", "middle clean", "inner clean", "Requested(\"the middle\")"]
        );
        assert_eq!(Instant::now(), at(9));
    });
}

#[test]
fn trio_a_group_of_the_middle_fails_and_its_neighbours_are_told() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |outer| {
            outer.spawn(stuck(record.clone(), "outer"));
            let says = record.clone();
            outer.spawn_group(async move |middle| {
                middle.spawn(stuck(says.clone(), "middle"));
                middle.spawn(fail(1, "middle"));
                middle.spawn_group(async move |inner| {
                    inner.spawn(spoil(inner.clone(), 1, "inner"));
                    Ok(())
                });
                Ok(())
            });
            Ok(())
        });
        let error = outcome.await.unwrap_err();
        let Failure::Group(middle) = &error.children()[0].error else { panic!("{error}") };
        assert_eq!((error.children().len(), middle.children().len()), (1, 2));
        assert!(matches!(&middle.children()[0].error, Failure::One("middle")));
        assert!(matches!(&middle.children()[1].error, Failure::Group(inner) if inner.first() == Some(&"inner")));
        assert_eq!(record.take(), ["middle stopped", "outer stopped"]);
    });
}

/// `nursery.cancel_scope.cancel()` by a child, with a task that cleans up and spawns in that.
#[test]
fn trio_clean_up_may_open_a_group_of_its_own_in_a_cancelled_group() {
    run_clean(async {
        let saved = Rc::new(Cell::new(0));
        let sum = saved.clone();
        let outcome: Outcome<()> = Group::run(async |group| {
            let own = group.clone();
            group.spawn(finally(pending::<()>(), async move |_: Option<&()>| {
                let parts = Group::run(async |group| {
                    let parts = [group.spawn(value(1, 3)), group.spawn(value(2, 4))];
                    let mut sum = 0;
                    for part in parts {
                        sum += part.await;
                    }
                    Ok(sum)
                });
                sum.set(parts.await.unwrap());
            }));
            sleep(ms(1)).await;
            own.cancel("enough");
            pending().await
        })
        .await;
        assert_eq!(outcome.unwrap_err().reason(), Some(&CancelReason::from("enough")));
        assert_eq!((saved.get(), Instant::now()), (7, at(3)));
    });
}
