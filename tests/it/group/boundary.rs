//! The group is the failure boundary: who is waited for, who is cancelled, and in which order what went wrong is told. Rules
//! group_01 to group_03.

use crate::kit::{
    groups::{Group, errors, fail, spoil, stop_slowly, stuck, value},
    probe::{Drops, Record, at, ms},
    stage::run_clean,
};
use evenkeel::{CancelReason, Instant, JoinError, finally, shield, sleep, yield_now};
use std::{cell::RefCell, future::pending, rc::Rc};

#[test]
fn group_01_the_future_ends_after_the_body_and_every_child() {
    run_clean(async {
        let drops = Drops::default();
        let outcome = Group::run(async |group| {
            for after in [3, 1, 2] {
                let guard = drops.guard();
                group.spawn(async move {
                    let _guard = guard;
                    value(after, ()).await
                });
            }
            Ok("the body")
        });
        assert_eq!(outcome.await.unwrap(), "the body");
        assert_eq!((drops.count(), Instant::now()), (3, at(3)));
    });
}

#[test]
fn group_01_a_body_that_takes_longer_than_its_children_is_awaited_too() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.spawn(value(1, ()));
            sleep(ms(5)).await;
            Ok(group.stats().children)
        });
        assert_eq!(outcome.await.unwrap(), 0);
        assert_eq!(Instant::now(), at(5));
    });
}

#[test]
fn group_01_children_spawned_during_the_exit_are_awaited() {
    run_clean(async {
        let record = Record::new();
        let says = record.clone();
        let outcome = Group::run(async |group| {
            let inner = group.clone();
            group.spawn(async move {
                sleep(ms(1)).await;
                let (innermost, says) = (inner.clone(), says.clone());
                inner.spawn(async move {
                    sleep(ms(1)).await;
                    innermost.spawn(async move {
                        sleep(ms(1)).await;
                        says.add("the grandchild");
                    });
                });
            });
            Ok(())
        });
        outcome.await.unwrap();
        assert_eq!((record.take(), Instant::now()), (vec!["the grandchild"], at(3)));
    });
}

#[test]
fn group_01_a_child_spawned_by_the_last_ones_destructor_is_awaited() {
    run_clean(async {
        let drops = Drops::default();
        let guard = drops.guard();
        let outcome = Group::run(async |group| {
            let last = group.clone();
            group.spawn(async move {
                let _spawns = crate::kit::probe::on_drop(move || {
                    last.spawn(async move {
                        let _guard = guard;
                        value(2, ()).await
                    });
                });
                sleep(ms(1)).await;
            });
            Ok(())
        });
        outcome.await.unwrap();
        assert_eq!((drops.count(), Instant::now()), (1, at(3)));
    });
}

#[test]
fn group_01_an_empty_group_ends_in_its_first_poll() {
    use futures::FutureExt;
    run_clean(async {
        assert_eq!(Group::run(async |_| Ok(7)).now_or_never().unwrap().unwrap(), 7);
        assert_eq!(errors(Group::run(async |_| Err::<(), _>("body")).now_or_never().unwrap()), ["body"]);
    });
}

#[test]
fn group_02_the_normal_end_of_the_body_cancels_nothing() {
    run_clean(async {
        let record = Record::new();
        let says = record.clone();
        Group::run(async |group| {
            group.spawn(async move {
                let ended = finally(sleep(ms(9)), async |ended| says.add(ended.is_some())).await;
                Ok::<_, &str>(ended)
            });
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!((record.take(), Instant::now()), (vec![true], at(9)));
    });
}

#[test]
fn group_03_a_childs_error_cancels_siblings_newest_first_and_the_body() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |group| {
            for name in ["oldest", "middle"] {
                group.spawn(stuck(record.clone(), name));
            }
            group.spawn(fail(1, "it failed"));
            group.spawn(stuck(record.clone(), "newest"));
            let _ = stuck(record.clone(), "body").await;
            record.add("unreachable".to_owned());
            Ok(())
        })
        .await;
        assert_eq!(errors(outcome), ["it failed"]);
        let order = record.take();
        let children: Vec<_> = order.iter().filter(|line| *line != "body stopped").collect();
        assert_eq!(children, ["newest stopped", "middle stopped", "oldest stopped"]);
        assert_eq!(order.len(), 4, "{order:?}");
    });
}

#[test]
fn group_03_the_bodys_error_cancels_the_children() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |group| {
            group.spawn(stuck(record.clone(), "first"));
            group.spawn(stuck(record.clone(), "second"));
            sleep(ms(1)).await;
            Err::<(), _>("the body failed")
        })
        .await;
        assert_eq!(errors(outcome), ["the body failed"]);
        assert_eq!(record.take(), ["second stopped", "first stopped"]);
    });
}

#[test]
fn group_03_the_bodys_error_at_once_keeps_children_from_starting() {
    run_clean(async {
        let (record, drops) = (Record::new(), Drops::default());
        let outcome = Group::run(async |group| {
            let (says, guard) = (record.clone(), drops.guard());
            group.spawn(async move {
                let _guard = guard;
                says.add("started");
            });
            Err::<(), _>("at once")
        })
        .await;
        assert_eq!(errors(outcome), ["at once"]);
        assert_eq!((record.len(), drops.count()), (0, 1));
    });
}

#[test]
fn group_03_the_reason_names_the_sibling_that_failed() {
    run_clean(async {
        let reason = Rc::new(RefCell::new(None));
        let id = Rc::new(RefCell::new(None));
        let (seen, seen_id) = (reason.clone(), id.clone());
        let outcome = Group::run(async |group| {
            let mut waiting = group.spawn(pending::<Result<(), &str>>());
            let failing = group.spawn(fail(1, "x"));
            *seen_id.borrow_mut() = failing.id();
            shield(async {
                *seen.borrow_mut() = Some(waiting.outcome().await.unwrap_err());
            })
            .await;
            Ok(())
        });
        assert_eq!(errors(outcome.await), ["x"]);
        let Some(JoinError::Cancelled(CancelReason::SiblingFailed { task })) = reason.take() else { panic!() };
        assert_eq!(task, id.take());
        assert!(task.is_some());
    });
}

#[test]
fn group_03_every_failure_counts_in_the_order_in_which_it_happened() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.spawn(spoil(group.clone(), 3, "third"));
            group.spawn(spoil(group.clone(), 1, "second"));
            group.spawn(fail(5, "first"));
            finally(pending::<()>(), async |_: Option<&()>| {
                sleep(ms(9)).await;
                group.report("fourth, in the body's clean-up");
            })
            .await;
            Ok(())
        })
        .await;
        assert_eq!(errors(outcome), ["first", "second", "third", "fourth, in the body's clean-up"]);
        assert_eq!(Instant::now(), at(14));
    });
}

#[test]
fn group_03_the_group_waits_for_the_clean_up_of_all() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |group| {
            group.spawn(stop_slowly(record.clone(), "child", 7));
            group.spawn(fail(1, "x"));
            let _ = stop_slowly(record.clone(), "body", 3).await;
            Ok(())
        })
        .await;
        assert_eq!((errors(outcome), Instant::now()), (vec!["x"], at(8)));
        let mut lines = record.take();
        assert_eq!(lines.split_off(2), ["body clean", "child clean"]);
    });
}

#[test]
fn group_03_siblings_that_fail_in_one_turn_are_all_told() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            for why in ["a", "b", "c"] {
                group.spawn(fail(1, why));
            }
            Ok(())
        })
        .await;
        assert_eq!(errors(outcome), ["a", "b", "c"]);
    });
}

/// Even if the first of the turn has cancelled the others, these were woken: their last poll finishes them.
#[test]
fn group_03_values_of_siblings_in_one_turn_are_kept_for_who_asks() {
    run_clean(async {
        let outcome = Rc::new(RefCell::new(None));
        let says = outcome.clone();
        let failed = Group::run(async |group| {
            group.spawn(fail(1, "a"));
            let mut other = group.spawn(value(1, 7));
            finally(pending::<()>(), async |_: Option<&()>| *says.borrow_mut() = Some(other.outcome().await.unwrap()))
                .await;
            Ok(())
        })
        .await;
        assert_eq!((errors(failed), outcome.take()), (vec!["a"], Some(7)));
    });
}

#[test]
fn group_03_a_lone_error_is_still_in_a_group() {
    run_clean(async {
        let error = Group::run(async |_| Err::<(), _>("alone")).await.unwrap_err();
        assert_eq!((error.children().len(), error.first()), (1, Some(&"alone")));
        assert!(!error.is_cancelled());
    });
}

#[test]
fn group_03_the_value_of_a_body_whose_child_fails_later_is_dropped() {
    run_clean(async {
        let drops = Drops::default();
        let outcome = Group::run(async |group| {
            group.spawn(fail(1, "late"));
            Ok(drops.guard())
        })
        .await;
        assert_eq!((errors(outcome), drops.count()), (vec!["late"], 1));
    });
}

#[test]
fn group_03_a_child_that_fails_in_its_first_poll_fails_the_group() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |group| {
            group.spawn(async { Err::<(), _>("at once") });
            yield_now().await;
            record.add("one turn later");
            pending::<()>().await;
            Ok(())
        })
        .await;
        assert_eq!((errors(outcome), record.take()), (vec!["at once"], vec!["one turn later"]));
    });
}

#[test]
fn group_03_nested_groups_stay_nested() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.spawn_group(async |inner| {
                inner.spawn(fail(1, "inner a"));
                inner.spawn(fail(1, "inner b"));
                Ok(())
            });
            group.spawn(fail(1, "outer"));
            Ok(())
        })
        .await;
        let error = outcome.unwrap_err();
        assert_eq!(error.children().len(), 2, "{error}");
        assert_eq!(error.errors().count(), 3);
        assert_eq!(error.flatten().children().len(), 3);
    });
}
