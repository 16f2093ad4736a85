//! asyncio's task groups, fact by fact: 1 to 24, and what came after its 3.13. Where a comment says "differs", the book has a row.

use crate::kit::{
    groups::{Group, errors, fail, run_with_reports, spoil, stop_slowly, stuck, value},
    probe::{Drops, Record, at, ms, panic_of, reason_of, text_of},
    stage::run_clean,
};
use evenkeel::{cancel::cancel_requested, group::Failure, *};
use futures::FutureExt;
use std::{
    cell::{Cell, RefCell},
    future::pending,
    panic::AssertUnwindSafe,
    rc::Rc,
};

/// Differs: `run` takes the body, so there is nothing to enter again. It is a matter of types.
#[test]
fn asyncio_fact_1_a_group_is_entered_once() {
    fn used_up<B: AsyncFnOnce(Group) -> Result<(), &'static str>>(body: B) -> impl Future {
        Group::run(body)
    }
    run_clean(async { drop(used_up(async |_| Ok(())).await) });
}

/// Differs: a panic that names the repair.
#[test]
fn asyncio_fact_2_a_group_runs_in_a_task() {
    let panic = panic_of(|| Group::run(async |_| Ok(())).now_or_never());
    assert!(panic.contains("outside an executor"), "{panic}");
}

/// Differs: the body is what can spawn, and it does not begin before the group does.
#[test]
fn asyncio_fact_3_nothing_is_spawned_before_the_group_runs() {
    run_clean(async {
        let drops = Drops::default();
        let guard = drops.guard();
        let never_polled = Group::run(async move |_| -> Result<(), _> {
            drop(guard);
            unreachable!()
        });
        yield_now().await;
        assert_eq!(drops.count(), 0);
        drop(never_polled);
        assert_eq!(drops.count(), 1);
    });
}

/// Differs: nothing is refused. What is spawned too late is cancelled from birth, and dropped.
#[test]
fn asyncio_fact_4_what_is_spawned_too_late_never_starts() {
    run_clean(async {
        let (kept, drops) = (RefCell::new(None), Drops::default());
        let outcome = Group::run(async |group| {
            *kept.borrow_mut() = Some(group.clone());
            group.cancel("enough");
            let (guard, record) = (drops.guard(), Record::new());
            let says = record.clone();
            let mut shutting_down = group.spawn(async move {
                let _guard = guard;
                says.add("started");
            });
            finally(pending::<()>(), async |_: Option<&()>| {
                assert_eq!(reason_of(shutting_down.outcome().await), "enough".into());
            })
            .await;
            Ok(record.len())
        });
        assert_eq!(outcome.await.unwrap_err().reason(), Some(&"enough".into()));
        let guard = drops.guard();
        let mut finished = kept.take().unwrap().spawn(async move { drop(guard) });
        assert_eq!(reason_of(finished.outcome().await), "enough".into());
        assert_eq!(drops.count(), 2);
    });
}

#[test]
fn asyncio_fact_5_while_the_group_waits_children_may_spawn() {
    run_clean(async {
        Group::run(async |group| {
            let own = group.clone();
            group.spawn(async move {
                sleep(ms(1)).await;
                own.spawn(value(1, ()));
            });
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(Instant::now(), at(2));
    });
}

#[test]
fn asyncio_fact_6_the_normal_end_of_the_body_cancels_nobody() {
    run_clean(async {
        let child = RefCell::new(None);
        Group::run(async |group| {
            *child.borrow_mut() = Some(group.spawn(value(5, 5)));
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(child.take().unwrap().take_result().unwrap().unwrap(), 5);
    });
}

/// Differs: the order is laid down, newest first. Python's is that of a set.
#[test]
fn asyncio_fact_7_a_body_that_fails_cancels_every_child_once() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |group| {
            for name in ["1", "2", "3"] {
                group.spawn(stuck(record.clone(), name));
            }
            yield_now().await;
            Err::<(), _>("the body")
        });
        assert_eq!(errors(outcome.await), ["the body"]);
        assert_eq!(record.take(), ["3 stopped", "2 stopped", "1 stopped"]);
    });
}

#[test]
fn asyncio_fact_8_a_child_that_fails_stops_the_body_or_the_wait() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.spawn(fail(1, "in the body"));
            pending::<()>().await;
            Ok(())
        });
        assert_eq!(errors(outcome.await), ["in the body"]);
        let outcome = Group::run(async |group| {
            group.spawn(fail(1, "in the wait"));
            group.spawn(pending::<()>());
            Ok(())
        });
        assert_eq!(errors(outcome.await), ["in the wait"]);
    });
}

#[test]
fn asyncio_fact_9_a_failure_of_a_group_that_aborts_is_only_added() {
    run_clean(async {
        let reasons = Record::new();
        let outcome = Group::run(async |group| {
            let says = reasons.clone();
            group.spawn(finally(pending::<()>(), async move |_: Option<&()>| {
                sleep(ms(5)).await;
                says.add(cancel_requested().unwrap());
            }));
            group.spawn(spoil(group.clone(), 1, "second"));
            group.spawn(fail(1, "first"));
            Ok(())
        });
        assert_eq!(errors(outcome.await), ["first", "second"]);
        assert_eq!(reasons.len(), 1);
    });
}

/// Differs in one thing: a child cannot cancel itself by raising; it can by asking for it.
#[test]
fn asyncio_fact_10_a_child_that_ends_cancelled_is_no_failure() {
    run_clean(async {
        let sum = Group::run(async |group| {
            let by_hand = group.spawn(pending::<()>());
            group.spawn(async {
                evenkeel::current_task().cancel("by itself");
                pending::<()>().await
            });
            let other = group.spawn(value(5, 7));
            yield_now().await;
            by_hand.cancel("by hand");
            Ok(other.await)
        });
        assert_eq!(sum.await.unwrap(), 7);
    });
}

#[test]
fn asyncio_fact_11_repeated_cancels_of_the_parent_wait_for_the_children_once() {
    run_clean(async {
        let record = Record::new();
        let says = record.clone();
        let task = spawn(async move {
            let _ = Group::run(async |group| {
                group.spawn(stop_slowly(says.clone(), "child", 10));
                Ok(())
            })
            .await;
        });
        for _ in 0..3 {
            sleep(ms(1)).await;
            task.cancel("again");
        }
        assert_eq!(reason_of(task.await), "again".into());
        assert_eq!(Instant::now(), at(11));
        assert_eq!(record.take(), ["child cleans", "child clean"]);
    });
}

/// Differs: no child can swallow its cancellation. What takes its time is shielded, and a group may have a grace period.
#[test]
fn asyncio_fact_12_no_child_is_left_running() {
    run_clean(async {
        let drops = Drops::default();
        let guard = drops.guard();
        let task = spawn(async move {
            let _ = Group::run(async |group| {
                group.spawn(async move {
                    let _guard = guard;
                    for _ in 0..100 {
                        shield(sleep(ms(10))).await;
                    }
                });
                Ok(())
            })
            .await;
        });
        for _ in 0..5 {
            sleep(ms(1)).await;
            task.cancel("again");
        }
        assert_eq!(drops.count(), 0);
        assert_eq!(reason_of(task.await), "again".into());
        assert_eq!((drops.count(), Instant::now()), (1, at(10)));
    });
}

/// Differs: what asyncio loses beside a `KeyboardInterrupt` is reported.
#[test]
fn asyncio_fact_13_panic_then_errors_then_cancellation() {
    // (a) A panic beats errors and a cancellation, and the errors are reported.
    let (outcome, reports) = run_with_reports(async {
        let task = spawn(
            AssertUnwindSafe(Group::run(async |group| {
                group.spawn(spoil(group.clone(), 1, "an error"));
                finally(pending::<()>(), async |_: Option<&()>| panic!("a panic")).await;
                Ok(())
            }))
            .catch_unwind(),
        );
        sleep(ms(1)).await;
        task.cancel("from outside");
        task.await
    });
    let message = match outcome {
        Ok(caught) => text_of(caught.map(|_| ()).unwrap_err()),
        Err(JoinError::Panicked(panic)) => panic.to_string(),
        Err(error) => panic!("{error}"),
    };
    assert_eq!((message.as_str(), &reports[..]), ("a panic", &["error: an error".to_owned()][..]));
    run_clean(async {
        // (b) The group's own cancellation leaves nothing behind.
        let outcome = Group::run(async |group| {
            group.spawn(fail(1, "x"));
            pending::<()>().await;
            Ok(())
        });
        assert_eq!(errors(outcome.await), ["x"]);
        sleep(ms(1)).await;
        // (c) A cancellation without errors goes on outwards; (e) with errors these are first.
        for spoils in [false, true] {
            let seen = Record::new();
            let scope = CancelScope::new();
            let handle = scope.clone();
            let outcome = scope.run(async {
                let outcome = Group::run(async |group| {
                    if spoils {
                        group.spawn(spoil(group.clone(), 1, "in clean-up"));
                    }
                    group.spawn(pending::<()>());
                    sleep(ms(1)).await;
                    handle.cancel("from outside");
                    pending::<()>().await;
                    Ok(())
                });
                seen.add(errors(outcome.await));
                pending::<()>().await;
            });
            assert_eq!(outcome.await.unwrap_err().0, "from outside".into());
            assert_eq!(seen.len(), usize::from(spoils));
        }
    });
}

#[test]
fn asyncio_fact_14_errors_beat_the_cancellation_which_comes_at_the_next_await() {
    run_clean(async {
        let record = Record::new();
        let says = record.clone();
        let task = spawn(async move {
            let outcome = Group::run(async |group| {
                group.spawn(spoil(group.clone(), 1, "in clean-up"));
                Ok(())
            });
            says.add(errors(outcome.await));
            yield_now().await;
            pending::<()>().await;
            says.add(vec!["unreachable"]);
        });
        sleep(ms(1)).await;
        task.cancel("from outside");
        assert_eq!(reason_of(task.await), "from outside".into());
        assert_eq!(record.take(), [["in clean-up"]]);
    });
}

/// Differs: the body's error has its place in time, and does not come last by rule.
#[test]
fn asyncio_fact_15_errors_stand_in_the_order_in_which_they_happened() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.spawn(spoil(group.clone(), 2, "third"));
            group.spawn(spoil(group.clone(), 1, "second"));
            sleep(ms(1)).await;
            Err::<(), _>("first, the body")
        });
        assert_eq!(errors(outcome.await), ["first, the body", "second", "third"]);
    });
}

/// Differs: there is one type of group error. What is no error of the program's, a panic, is in none.
#[test]
fn asyncio_fact_16_a_group_error_takes_every_error() {
    #[derive(Debug, PartialEq, thiserror::Error)]
    #[error("{self:?}")]
    enum Error {
        Exception,
        BaseException,
    }
    run_clean(async {
        let outcome = TaskGroup::run(async |group| {
            for error in [Error::Exception, Error::BaseException] {
                group.spawn(async move {
                    yield_now().await;
                    Err::<(), _>(error)
                });
            }
            pending::<()>().await;
            Ok(())
        });
        let error: GroupError<Error> = outcome.await.unwrap_err();
        assert_eq!(error.into_errors(), [Error::Exception, Error::BaseException]);
    });
}

/// Differs: the loop does not break.
#[test]
fn asyncio_fact_17_a_childs_panic_leaves_bare_and_the_loop_goes_on() {
    let (outcome, reports) = run_with_reports(async {
        let other = spawn(value(5, "the loop goes on"));
        let outcome = AssertUnwindSafe(Group::run(async |group| {
            group.spawn(finally(yield_now(), async |_: Option<&()>| panic!("KeyboardInterrupt")));
            Ok(())
        }));
        let panic = text_of(outcome.catch_unwind().await.map(|_| ()).unwrap_err());
        (panic, other.await.unwrap().unwrap())
    });
    assert_eq!((outcome, reports), (("KeyboardInterrupt".to_owned(), "the loop goes on"), vec![]));
}

#[test]
fn asyncio_fact_18_a_lone_error_is_wrapped() {
    run_clean(async {
        let error = Group::run(async |_| Err::<(), _>("alone")).await.unwrap_err();
        assert!(matches!(error.children()[0].error, Failure::One("alone")));
    });
}

#[test]
fn asyncio_fact_19_nested_groups() {
    run_clean(async {
        // The outer one's child fails while the parent is in the inner one.
        let record = Record::new();
        let outcome = Group::run(async |outer| {
            outer.spawn(fail(1, "outer"));
            let _ = Group::run(async |inner| {
                inner.spawn(stop_slowly(record.clone(), "inner", 1));
                Ok(())
            })
            .await;
            Err::<(), _>("not resumed")
        });
        assert_eq!(errors(outcome.await), ["outer"]);
        assert_eq!(record.take(), ["inner cleans", "inner clean"]);
        assert_eq!(cancel_requested(), None);
        // An inner failure arrives as a group in the group.
        let outcome = Group::run(async |outer| {
            outer.spawn_group(async |inner| {
                inner.spawn(fail(1, "inner"));
                Ok(())
            });
            Ok(())
        });
        let error = outcome.await.unwrap_err();
        assert!(matches!(&error.children()[0].error, Failure::Group(inner) if inner.first() == Some(&"inner")));
    });
}

#[test]
fn asyncio_fact_20_a_cancelled_parent_leaves_after_its_quiet_children() {
    run_clean(async {
        let drops = Drops::default();
        let outcome = timeout(
            ms(1),
            Group::run(async |group| {
                let guard = drops.guard();
                group.spawn(async move {
                    let _guard = guard;
                    stop_slowly(Record::new(), "child", 5).await
                });
                Ok(())
            }),
        );
        assert!(outcome.await.is_err());
        assert_eq!((drops.count(), Instant::now()), (1, at(6)));
    });
}

/// Differs: `on_unhandled` takes the place of the loop's exception handler.
#[test]
fn asyncio_fact_21_a_failure_whose_parent_is_gone_is_reported() {
    let ((), reports) = run_with_reports(async {
        let mut group = Box::pin(Group::run(async |group| {
            group.spawn(spoil(group.clone(), 1, "too late"));
            Ok(())
        }));
        yield_now().await;
        assert!(futures::poll!(&mut group).is_pending());
        yield_now().await;
        drop(group);
        sleep(ms(5)).await;
    });
    assert_eq!(reports, ["skipped", "error: too late"]);
}

/// Differs: no child is eager, so none can fail inside `spawn`.
#[test]
fn asyncio_fact_22_a_child_that_fails_at_once_does_not_stop_the_body_inside_spawn() {
    run_clean(async {
        let reached = Cell::new(false);
        let outcome = Group::run(async |group| {
            group.spawn(async { Err::<(), _>("at once") });
            reached.set(true);
            pending::<()>().await;
            Ok(())
        });
        assert_eq!((errors(outcome.await), reached.get()), (vec!["at once"], true));
    });
}

#[test]
fn asyncio_fact_23_a_child_may_have_a_name() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.spawn(fail(1, "x")).named("profile");
            Ok(())
        });
        assert_eq!(outcome.await.unwrap_err().children()[0].name.as_deref(), Some("profile"));
    });
}

/// Differs: the end is a value, an empty error; `ignore_cancelled` makes it quiet.
#[test]
fn asyncio_fact_24_cancel_ends_the_group_early() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |group| {
            group.spawn(stop_slowly(record.clone(), "child", 5));
            sleep(ms(1)).await;
            group.cancel("enough");
            pending::<()>().await;
            Ok(())
        });
        let error = outcome.await.unwrap_err();
        assert_eq!((error.reason(), error.children().len()), (Some(&"enough".into()), 0));
        error.ignore_cancelled().unwrap();
        assert_eq!((record.take(), Instant::now()), (vec!["child cleans".into(), "child clean".into()], at(6)));
        // Nothing of it is left behind the group.
        assert_eq!(cancel_requested(), None);
    });
}

/// Cancelled while the body's value is there already: it counts, as nothing failed.
#[test]
fn asyncio_fact_24_cancel_while_the_group_waits_keeps_the_bodys_value() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            let own = group.clone();
            group.spawn(async move {
                sleep(ms(1)).await;
                own.cancel("enough");
            });
            group.spawn(pending::<()>());
            Ok("the value")
        });
        assert_eq!(outcome.await.unwrap(), "the value");
    });
}

// ---- what asyncio has had since 3.15, by the names of its own changes

/// Differs: there is no group yet that could be cancelled. What is around it can be, and then the body does not begin.
#[test]
fn asyncio_3_15_cancel_before_entry() {
    run_clean(async {
        let scope = CancelScope::new();
        scope.cancel("before");
        let outcome = scope.run(Group::run(async |_| -> Result<(), _> { unreachable!() }));
        assert_eq!(outcome.await.unwrap_err().0, "before".into());
        // The first thing that a body can do.
        let (drops, record) = (Drops::default(), Record::new());
        let outcome = Group::run(async |group| {
            group.cancel("at once");
            let (guard, says) = (drops.guard(), record.clone());
            group.spawn(async move {
                let _guard = guard;
                says.add("started");
            });
            pending::<()>().await;
            Ok(())
        });
        assert_eq!(outcome.await.unwrap_err().reason(), Some(&"at once".into()));
        assert_eq!((drops.count(), record.len()), (1, 0));
    });
}

#[test]
fn asyncio_3_15_cancel_twice() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.spawn(pending::<()>());
            group.cancel("first");
            group.cancel("second");
            pending::<()>().await;
            Ok(())
        });
        assert_eq!(outcome.await.unwrap_err().reason(), Some(&"first".into()));
    });
}

#[test]
fn asyncio_3_15_cancel_after_exit() {
    run_clean(async {
        let kept = Rc::new(RefCell::new(None));
        Group::run(async |group| {
            *kept.borrow_mut() = Some(group);
            Ok(())
        })
        .await
        .unwrap();
        let group = kept.take().unwrap();
        group.cancel("too late");
        assert!(!group.is_cancelled());
        assert_eq!(cancel_requested(), None);
        let mut late = group.spawn(pending::<()>());
        assert_eq!(reason_of(late.outcome().await), CancelReason::GroupEnded);
    });
}

#[test]
fn asyncio_3_15_cancel_with_errors() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.spawn(spoil(group.clone(), 1, "in clean-up"));
            sleep(ms(1)).await;
            group.cancel("enough");
            pending::<()>().await;
            Ok(())
        });
        let error = outcome.await.unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(error.ignore_cancelled().unwrap_err().into_errors(), ["in clean-up"]);
    });
}

/// Gh-155418. Differs: no child is eager. In its first poll it is one already that can be cancelled.
#[test]
fn asyncio_3_15_an_eager_child_cancels_its_group_before_its_first_suspension() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |group| {
            let (own, says) = (group.clone(), record.clone());
            group.spawn(async move {
                own.cancel("by an eager child");
                says.add("it goes on to its next await");
                sleep(ms(1000)).await;
                says.add("unreachable");
            });
            group.spawn(pending::<()>());
            pending::<()>().await;
            Ok(())
        });
        assert_eq!(outcome.await.unwrap_err().reason(), Some(&"by an eager child".into()));
        assert_eq!((record.take(), Instant::now()), (vec!["it goes on to its next await"], at(0)));
    });
}

/// Gh-155433: a cancellation from outside that comes while the group ends by itself is not swallowed.
#[test]
fn asyncio_3_15_an_outside_cancel_during_a_self_cancelled_exit_survives() {
    run_clean(async {
        let record = Record::new();
        let says = record.clone();
        let task = spawn(async move {
            let _ = Group::run(async |group| {
                group.spawn(stop_slowly(says.clone(), "child", 10));
                sleep(ms(1)).await;
                group.cancel("the group's own");
                pending::<()>().await;
                Ok(())
            })
            .await;
            says.add("unreachable".into());
            pending::<()>().await;
        });
        sleep(ms(5)).await;
        task.cancel("from outside");
        assert_eq!(reason_of(task.await), "from outside".into());
        assert_eq!(record.take(), ["child cleans", "child clean"]);
    });
}

/// Gh-135736. Differs: a panic is what comes next to a `KeyboardInterrupt`.
#[test]
fn asyncio_3_15_errors_beside_a_keyboard_interrupt_are_reported() {
    let (outcome, reports) = run_with_reports(
        AssertUnwindSafe(Group::run(async |group| {
            group.spawn(fail(1, "an error"));
            finally(pending::<()>(), async |_: Option<&()>| panic!("KeyboardInterrupt")).await;
            Ok(())
        }))
        .catch_unwind(),
    );
    assert_eq!(text_of(outcome.map(|_| ()).unwrap_err()), "KeyboardInterrupt");
    assert_eq!(reports, ["error: an error"]);
}
