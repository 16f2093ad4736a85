//! What children may do and what becomes of them: their handles, children of their own, the background, slots. Rules
//! group_04, group_08, group_10 to group_12.

use crate::kit::{
    groups::{Group, Outcome, errors, fail, run_with_reports, stop_slowly, stuck, value},
    probe::{Drops, Record, at, ms, on_drop, panic_of, reason_of},
    stage::run_clean,
};
use evenkeel::{
    CancelReason, Executor, Instant, JoinError, finally, shield, sleep, testing::VirtualClock, timeout, yield_now,
};
use futures::FutureExt;
use std::{cell::Cell, future::pending, pin::pin, rc::Rc};

#[test]
fn group_04_a_child_that_is_cancelled_on_its_own_is_no_failure() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            let mut alone = group.spawn(stuck(Record::new(), "alone"));
            let other = group.spawn(value(3, 3));
            sleep(ms(1)).await;
            alone.cancel("on its own");
            assert_eq!(reason_of(alone.outcome().await), "on its own".into());
            let aborted = group.spawn(stuck(Record::new(), "aborted"));
            aborted.abort();
            Ok(other.await)
        });
        assert_eq!(outcome.await.unwrap(), 3);
    });
}

#[test]
fn group_04_the_plain_handle_of_such_a_child_cancels_the_group() {
    run_clean(async {
        let record = Record::new();
        let outcome: Outcome<()> = Group::run(async |group| {
            group.spawn(stuck(record.clone(), "sibling"));
            let alone = group.spawn(stuck(record.clone(), "alone"));
            sleep(ms(1)).await;
            alone.cancel("on its own");
            let _ = alone.await;
            unreachable!("there is no value")
        })
        .await;
        let error = outcome.unwrap_err();
        assert_eq!((error.reason(), error.first()), (Some(&CancelReason::ChildCancelled), None));
        assert_eq!(record.take(), ["alone stopped", "sibling stopped"]);
    });
}

#[test]
fn group_04_a_sibling_that_awaits_such_a_child_cancels_the_group_too() {
    run_clean(async {
        let outcome: Outcome<()> = Group::run(async |group| {
            let alone = group.spawn(pending::<()>());
            alone.cancel("on its own");
            group.spawn(alone);
            pending().await
        })
        .await;
        assert_eq!(outcome.unwrap_err().reason(), Some(&CancelReason::ChildCancelled));
    });
}

#[test]
fn group_04_a_childs_error_does_not_pass_through_its_handle() {
    run_clean(async {
        let resumed = Cell::new(false);
        let outcome: Outcome<()> = Group::run(async |group| {
            group.spawn(fail(1, "it failed")).await;
            resumed.set(true);
            Ok(())
        })
        .await;
        assert_eq!((errors(outcome), resumed.get()), (vec!["it failed"], false));
    });
}

#[test]
fn group_04_outcome_says_how_and_leaves_the_handle_usable() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            let mut slow = group.spawn(value(5, "slow"));
            assert!(timeout(ms(1), slow.outcome()).await.is_err());
            assert!(slow.take_result().is_none() && !slow.is_finished() && slow.id().is_some());
            assert_eq!(slow.outcome().await.unwrap(), "slow");
            assert!(slow.take_result().is_none() && slow.is_finished() && slow.id().is_none());
            let failed = group.spawn(fail(1, "failed"));
            let mut failed = failed.named("failed");
            let how = shield(async {
                let first = failed.outcome().await;
                (matches!(first, Err(JoinError::ReportedToGroup)), failed.take_result().is_none())
            });
            assert_eq!(how.await, (true, true));
            Ok(())
        });
        assert_eq!(errors(outcome.await), ["failed"]);
    });
}

#[test]
fn group_04_take_result_takes_the_value_without_waiting() {
    run_clean(async {
        Group::run(async |group| {
            let mut child = group.spawn(value(1, Drops::default().guard()));
            assert!(child.take_result().is_none());
            sleep(ms(2)).await;
            assert!(child.take_result().unwrap().is_ok());
            assert!(child.take_result().is_none());
            assert!(panic_of(|| child.now_or_never().is_some()).contains("keep the value"));
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// Code that is stopped in a plain await can still ask, in its clean-up, what it was.
#[test]
fn group_04_after_a_plain_await_that_found_nothing_outcome_still_tells() {
    run_clean(async {
        let told = Cell::new(false);
        let outcome: Outcome<()> = Group::run(async |group| {
            let mut child = group.spawn(fail(1, "it failed"));
            evenkeel::finally_with(
                &mut child,
                async |child: &mut &mut evenkeel::group::JoinHandle<()>| (&mut **child).await,
                async |child, ended: Option<&()>| {
                    assert!(ended.is_none());
                    told.set(matches!(child.outcome().await, Err(JoinError::ReportedToGroup)));
                },
            )
            .await;
            Ok(())
        })
        .await;
        assert_eq!((errors(outcome), told.get()), (vec!["it failed"], true));
    });
}

#[test]
fn group_08_children_spawn_into_their_own_group_and_open_groups_below() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |group| {
            let (own, says) = (group.clone(), record.clone());
            group.spawn(async move {
                let says_too = says.clone();
                let sum = own.spawn_group(async move |inner| {
                    let parts = [inner.spawn(value(1, 1)), inner.spawn(value(2, 2))];
                    let mut sum = 0;
                    for part in parts {
                        sum += part.await;
                    }
                    inner.spawn(async move { says_too.add(0) });
                    Ok(sum)
                });
                says.add(sum.await);
            });
            Ok(())
        });
        outcome.await.unwrap();
        assert_eq!(record.take(), [0, 3]);
    });
}

#[test]
fn group_08_a_group_below_that_is_only_cancelled_is_a_child_that_is_cancelled() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            let mut below = group.spawn_group(async |inner| {
                inner.cancel("below");
                pending::<Result<(), _>>().await
            });
            assert_eq!(reason_of(below.outcome().await), "below".into());
            Ok(())
        });
        outcome.await.unwrap();
    });
}

#[test]
fn group_08_children_that_spawn_without_end_are_all_stopped_by_one_failure() {
    run_clean(async {
        async fn spawner(group: Group, drops: Drops) {
            let _guard = drops.guard();
            loop {
                yield_now().await;
                if group.stats().children > 500 {
                    pending::<()>().await;
                }
                group.spawn(futures::future::LocalFutureObj::new(Box::pin(spawner(group.clone(), drops.clone()))));
            }
        }
        let drops = Drops::default();
        let outcome = Group::run(async |group| {
            group.spawn(spawner(group.clone(), drops.clone()));
            group.spawn(fail(1, "enough"));
            Ok(())
        });
        assert_eq!(errors(outcome.await), ["enough"]);
        assert!(drops.count() > 400, "{}", drops.count());
    });
}

#[test]
fn group_10_finished_children_are_forgotten_also_those_that_failed_to_be_awaited() {
    // The executor has room for few tasks: no ended child keeps its place.
    let executor = Executor::builder().clock(VirtualClock::new()).max_tasks(4).build();
    executor.run(async {
        Group::run(async |group| {
            for round in 0..10_000 {
                let mut child = group.spawn(value(0, round));
                if round % 2 == 0 {
                    child.cancel("this one");
                }
                let _ = child.outcome().await;
                assert_eq!(group.stats().children, 0);
            }
            assert_eq!((group.stats().spawned, group.stats().failed), (10_000, 0));
            Ok(())
        })
        .await
        .unwrap();
    });
}

#[test]
fn group_11_a_started_child_that_nobody_waits_for_any_more_is_cancelled() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |group| {
            let start = group.start({
                let record = record.clone();
                async move |ready| {
                    stop_slowly(record, "server", 2).await?;
                    ready.set(());
                    Ok(())
                }
            });
            assert!(timeout(ms(1), start).await.is_err());
            Ok(())
        });
        outcome.await.unwrap();
        assert_eq!(record.take(), ["server cleans", "server clean"]);
        assert_eq!(Instant::now(), at(3));
    });
}

#[test]
fn group_11_a_child_that_fails_after_it_was_ready_fails_the_group() {
    run_clean(async {
        let outcome: Outcome<()> = Group::run(async |group| {
            let port = group.start(async |ready| {
                ready.set(80);
                fail(1, "later").await
            });
            assert_eq!(port.await.0, 80);
            pending().await
        })
        .await;
        assert_eq!(errors(outcome), ["later"]);
    });
}

#[test]
fn group_11_a_started_child_that_is_cancelled_on_its_own_cancels_the_group() {
    run_clean(async {
        let outcome: Outcome<()> = Group::run(async |group| {
            let ready = async |_ready: evenkeel::group::ReadySignal<()>| {
                evenkeel::current_task().cancel("by itself");
                pending::<Result<(), _>>().await
            };
            group.start(ready).await;
            unreachable!("it was never ready")
        })
        .await;
        assert_eq!(outcome.unwrap_err().reason(), Some(&CancelReason::ChildCancelled));
    });
}

#[test]
fn group_11_the_background_does_not_keep_the_group_open() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |group| {
            group.spawn_background(stop_slowly(record.clone(), "heartbeat", 2));
            let says = record.clone();
            group.spawn(async move {
                sleep(ms(5)).await;
                says.add("the last child".to_owned());
            });
            sleep(ms(1)).await;
            Ok(7)
        });
        assert_eq!((outcome.await.unwrap(), Instant::now()), (7, at(7)));
        assert_eq!(record.take(), ["the last child", "heartbeat cleans", "heartbeat clean"]);
    });
}

#[test]
fn group_11_a_background_child_that_fails_fails_the_group() {
    run_clean(async {
        let outcome: Outcome<()> = Group::run(async |group| {
            group.spawn_background(fail(1, "no heartbeat"));
            pending().await
        })
        .await;
        assert_eq!(errors(outcome), ["no heartbeat"]);
        let outcome = Group::run(async |group| {
            group.spawn_background(finally(pending(), {
                let group = group.clone();
                async move |_: Option<&Result<(), &'static str>>| group.report("when it was stopped")
            }));
            sleep(ms(1)).await;
            Ok(())
        });
        assert_eq!(errors(outcome.await), ["when it was stopped"]);
    });
}

#[test]
fn group_11_what_the_background_spawns_while_it_is_stopped_does_not_keep_the_group_open() {
    let outcome = run_clean(timeout(ms(1000), async {
        let record = Record::new();
        let says = record.clone();
        let outcome = Group::run(async |group| {
            let own = group.clone();
            group.spawn_background(finally(pending(), async move |_: Option<&Result<(), &'static str>>| {
                own.spawn(stop_slowly(says, "unlimited", 1)).cancel("not that");
                own.spawn_background(pending());
                sleep(ms(1)).await;
            }));
            sleep(ms(1)).await;
            Ok(())
        });
        outcome.await
    }));
    outcome.expect("the group ends").unwrap();
}

#[test]
fn group_12_try_slot_refuses_when_it_is_full_or_somebody_waits() {
    run_clean(async {
        Group::builder()
            .limit(2)
            .run(async |group| {
                let (one, two) = (group.try_slot().unwrap(), group.slot().await);
                assert!(group.try_slot().is_none());
                let mut waits = pin!(group.slot());
                assert!(futures::poll!(&mut waits).is_pending());
                assert_eq!((group.stats().slots_used, group.stats().slots_waiting), (2, 1));
                drop(one);
                assert!(group.try_slot().is_none(), "it went to the one who waits");
                drop(waits.await);
                let child = two.spawn(value(1, ()));
                drop(group.try_slot().unwrap());
                child.await;
                assert_eq!((group.stats().slots_used, group.stats().slots_waiting), (0, 0));
                Ok(())
            })
            .await
            .unwrap();
    });
}

#[test]
fn group_12_a_slot_is_free_again_however_its_child_ends() {
    let (outcome, _) = run_with_reports(async {
        let outcome = Group::builder().limit(1).run(async |group| {
            group.slot().await.spawn(value(1, ()));
            group.slot().await.spawn(pending::<()>()).cancel("this one");
            group.slot().await.spawn(pending::<()>()).abort();
            drop(group.slot().await);
            drop(group.slot());
            let second = group.slot();
            let first = group.slot().await;
            assert!(timeout(ms(1), second).await.is_err(), "a wait that is dropped loses its place");
            drop(first);
            assert!(group.try_slot().is_some());
            group.slot().await.spawn(fail(1, "it failed"));
            finally(pending::<()>(), async |_: Option<&()>| {
                // In a group that is cancelled there is a slot at once.
                drop(group.slot().now_or_never().unwrap());
            })
            .await;
            Ok(())
        });
        outcome.await
    });
    assert_eq!(errors(outcome), ["it failed"]);
}

#[test]
fn group_12_cancelling_lets_everybody_in_whose_child_then_never_starts() {
    run_clean(async {
        let record = Record::new();
        let outcome: Outcome<()> = Group::builder()
            .limit(1)
            .run(async |group| {
                group.slot().await.spawn(stuck(record.clone(), "holder"));
                for _ in 0..3 {
                    let (own, says) = (group.clone(), record.clone());
                    group.spawn(shield(async move {
                        let slot = own.slot().await;
                        slot.spawn(async move { says.add("started".to_owned()) });
                    }));
                }
                sleep(ms(1)).await;
                assert_eq!(group.stats().slots_waiting, 3);
                group.cancel("enough");
                pending().await
            })
            .await;
        assert_eq!(outcome.unwrap_err().reason(), Some(&"enough".into()));
        assert_eq!(record.take(), ["holder stopped"]);
    });
}

#[test]
fn group_12_the_crawler_that_goes_on_inline_is_not_stuck() {
    async fn visit(group: Group, visited: Rc<Cell<usize>>, depth: usize) -> Result<(), &'static str> {
        visited.set(visited.get() + 1);
        sleep(ms(1)).await;
        for _ in 0..3 {
            if depth > 0 {
                let next = visit(group.clone(), visited.clone(), depth - 1);
                match group.try_slot() {
                    Some(slot) => drop(slot.spawn(futures::future::LocalFutureObj::new(Box::pin(next)))),
                    None => Box::pin(next).await?,
                }
            }
        }
        Ok(())
    }
    run_clean(async {
        let visited = Rc::new(Cell::new(0));
        let all = visited.clone();
        let outcome = Group::builder().limit(4).run(async |group| {
            group.slot().await.spawn(visit(group.clone(), visited, 4));
            Ok(())
        });
        outcome.await.unwrap();
        assert_eq!(all.get(), 1 + 3 + 9 + 27 + 81);
    });
}

/// The executor has no room for more tasks than these.
#[test]
fn group_12_very_many_children_through_a_limit_of_100_take_room_for_100() {
    const CHILDREN: usize = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };
    let executor = Executor::builder().max_tasks(101).build();
    let ended = Rc::new(Cell::new(0));
    let counts = ended.clone();
    executor.run(async {
        let outcome = Group::builder().limit(100).run(async |group| {
            for _ in 0..CHILDREN {
                let counts = counts.clone();
                group.slot().await.spawn(async move {
                    let _counted = on_drop(move || counts.set(counts.get() + 1));
                    yield_now().await;
                });
            }
            Ok(())
        });
        outcome.await.unwrap();
    });
    assert_eq!(ended.get(), CHILDREN);
}
