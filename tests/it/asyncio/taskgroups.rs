//! asyncio's own `test_taskgroups.py`: each of its tests by its name. Where a comment says "differs", the book has a row.

use crate::kit::{
    groups::{Group, errors, fail, run_with_reports, spoil, stop_slowly, stuck, value},
    probe::{Drops, Record, at, ms, on_drop, panic_of, reason_of, text_of},
    stage::run_clean,
};
use evenkeel::{
    CancelReason, Executor, Instant, JoinError, finally, group::Failure, sleep, spawn, task::TaskLocal,
    testing::VirtualClock, yield_now,
};
use futures::FutureExt;
use std::{
    cell::{Cell, RefCell},
    future::pending,
    panic::AssertUnwindSafe,
    rc::Rc,
};

async fn never_starts() {
    unreachable!("it never starts")
}

fn interrupt() {
    panic!("KeyboardInterrupt")
}

#[test]
fn test_taskgroups_taskgroup_01() {
    run_clean(async {
        let results = RefCell::new(None);
        Group::run(async |group| {
            let (one, two) = (group.spawn(value(10, 42)), group.spawn(value(20, 11)));
            *results.borrow_mut() = Some((one, two));
            Ok(())
        })
        .await
        .unwrap();
        let (mut one, mut two) = results.take().unwrap();
        assert!(one.is_finished() && two.is_finished());
        assert_eq!((one.take_result().unwrap().unwrap(), two.take_result().unwrap().unwrap()), (42, 11));
    });
}

#[test]
fn test_taskgroups_taskgroup_02() {
    run_clean(async {
        let sum = Group::run(async |group| {
            let one = group.spawn(value(10, 42));
            sleep(ms(5)).await;
            let two = group.spawn(value(20, 11));
            Ok(one.await + two.await)
        });
        assert_eq!((sum.await.unwrap(), Instant::now()), (53, at(25)));
    });
}

#[test]
fn test_taskgroups_taskgroup_03() {
    run_clean(async {
        let sum = Group::run(async |group| {
            let mut one = group.spawn(value(10, 42));
            sleep(ms(5)).await;
            let two = group.spawn(value(20, 11));
            one.cancel("by hand");
            assert_eq!(reason_of(one.outcome().await), "by hand".into());
            let three = group.spawn(value(1, 1));
            Ok(two.await + three.await)
        });
        assert_eq!(sum.await.unwrap(), 12);
    });
}

#[test]
fn test_taskgroups_taskgroup_04() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |group| {
            group.spawn(fail(1, "ZeroDivisionError"));
            group.spawn(stuck(record.clone(), "foo2"));
            Ok(())
        })
        .await;
        assert_eq!(errors(outcome), ["ZeroDivisionError"]);
        assert_eq!(record.take(), ["foo2 stopped"]);
    });
}

#[test]
fn test_taskgroups_cancel_children_on_child_error() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |group| {
            group.spawn(fail(2, "ZeroDivisionError"));
            group.spawn(spoil(group.clone(), 1, "MyExc"));
            group.spawn(stuck(record.clone(), "foo2"));
            let _body = on_drop(|| record.add("the body stopped".to_owned()));
            sleep(ms(1000)).await;
            record.add("unreachable".to_owned());
            Ok(())
        })
        .await;
        assert_eq!(errors(outcome), ["ZeroDivisionError", "MyExc"]);
        let mut record = record.take();
        record.sort();
        assert_eq!(record, ["foo2 stopped", "the body stopped"]);
    });
}

#[test]
fn test_taskgroups_cancellation() {
    run_clean(async {
        let drops = Drops::default();
        let counter = drops.clone();
        let task = spawn(async move {
            let outcome = Group::run(async |group| {
                for _ in 0..5 {
                    let guard = counter.guard();
                    group.spawn(async move {
                        let _guard = guard;
                        pending::<()>().await
                    });
                }
                Ok(())
            });
            drop(outcome.await);
            unreachable!("the cancellation goes on outwards");
        });
        sleep(ms(10)).await;
        assert!(!task.is_finished());
        task.cancel("from outside");
        assert_eq!(reason_of::<()>(task.await), "from outside".into());
        assert_eq!(drops.count(), 5);
    });
}

#[test]
fn test_taskgroups_taskgroup_07() {
    run_clean(async {
        let record = Record::new();
        let says = record.clone();
        let task = spawn(async move {
            let _ = Group::run(async |group| {
                group.spawn(stop_slowly(says.clone(), "child", 1));
                let _ = stop_slowly(says.clone(), "body", 2).await;
                Ok(())
            })
            .await;
            says.add("unreachable".to_owned());
        });
        sleep(ms(10)).await;
        task.cancel("from outside");
        assert_eq!(reason_of(task.await), "from outside".into());
        let mut record = record.take();
        record.sort();
        assert_eq!(record, ["body clean", "body cleans", "child clean", "child cleans"]);
    });
}

#[test]
fn test_taskgroups_taskgroup_08() {
    run_clean(async {
        let seen = Record::new();
        let says = seen.clone();
        let task = spawn(async move {
            let outcome = Group::run(async |group| {
                for _ in 0..5 {
                    group.spawn(spoil(group.clone(), 1, "in clean-up"));
                }
                sleep(ms(1000)).await;
                Ok(())
            });
            says.add(errors(outcome.await));
            sleep(ms(1)).await;
            unreachable!("the cancellation is delivered here");
        });
        sleep(ms(10)).await;
        task.cancel("from outside");
        assert_eq!(reason_of::<()>(task.await), "from outside".into());
        assert_eq!(seen.take(), [["in clean-up"; 5]]);
    });
}

#[test]
fn test_taskgroups_taskgroup_09() {
    run_clean(async {
        let drops = Drops::default();
        let outcome = Group::run(async |group| {
            for _ in 0..2 {
                let guard = drops.guard();
                group.spawn(async move {
                    let _guard = guard;
                    value(1000, ()).await
                });
            }
            sleep(ms(100)).await;
            Err::<(), _>("ZeroDivisionError")
        });
        assert_eq!(errors(outcome.await), ["ZeroDivisionError"]);
        assert_eq!((drops.count(), Instant::now()), (2, at(100)));
    });
}

#[test]
fn test_taskgroups_taskgroup_10() {
    run_clean(async {
        let (children, drops) = (RefCell::new(Vec::new()), Drops::default());
        let outcome = Group::run(async |group| {
            for _ in 0..2 {
                let guard = drops.guard();
                children.borrow_mut().push(group.spawn(async move {
                    let _guard = guard;
                    never_starts().await
                }));
            }
            Err::<(), _>("ZeroDivisionError")
        });
        assert_eq!(errors(outcome.await), ["ZeroDivisionError"]);
        assert_eq!(drops.count(), 2);
        for mut child in children.take() {
            assert_eq!(reason_of(child.take_result().unwrap()), CancelReason::SiblingFailed { task: None });
        }
    });
}

/// What an error tree looks like: a lone error is its word, a group stands in brackets.
fn shape(error: &evenkeel::GroupError<&'static str>) -> String {
    let children = error.children().iter().map(|child| match &child.error {
        Failure::One(error) => (*error).to_owned(),
        Failure::Group(group) => shape(group),
        other => unreachable!("{other:?}"),
    });
    format!("[{}]", children.collect::<Vec<_>>().join(" "))
}

/// asyncio nests what happens in place, here a group is nested by `spawn_group`; one in place is a value.
#[test]
fn test_taskgroups_taskgroup_11() {
    run_clean(async {
        let outcome = Group::run(async |outer| {
            outer
                .spawn_group(async |inner| {
                    inner.spawn(value(1000, ()));
                    sleep(ms(10)).await;
                    Err::<(), _>("ValueError")
                })
                .await;
            Ok(())
        });
        assert_eq!(shape(&outcome.await.unwrap_err()), "[[ValueError]]");
    });
}

#[test]
fn test_taskgroups_taskgroup_12() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |outer| {
            outer.spawn(stuck(record.clone(), "outer child"));
            outer
                .spawn_group(async |inner| {
                    inner.spawn(value(1000, ()));
                    sleep(ms(10)).await;
                    Err::<(), _>("ValueError")
                })
                .await;
            Ok(())
        });
        assert_eq!(shape(&outcome.await.unwrap_err()), "[[ValueError]]");
        assert_eq!(record.take(), ["outer child stopped"]);
    });
}

#[test]
fn test_taskgroups_taskgroup_13() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |outer| {
            outer.spawn(fail(10, "ValueError"));
            // In place: the body of the outer group stands in the inner one.
            let inner = Group::run(async |inner| {
                inner.spawn(stuck(record.clone(), "inner child"));
                let _ = stuck(record.clone(), "inner body").await;
                Ok(())
            });
            drop(inner.await);
            Err::<(), _>("unreachable: what failed is around the inner group")
        });
        assert_eq!(shape(&outcome.await.unwrap_err()), "[ValueError]");
        let mut record = record.take();
        record.sort();
        assert_eq!(record, ["inner body stopped", "inner child stopped"]);
    });
}

#[test]
fn test_taskgroups_taskgroup_14() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |outer| {
            outer.spawn(stuck(record.clone(), "outer child"));
            outer
                .spawn_group(async |inner| {
                    inner.spawn(fail(10, "ValueError"));
                    pending::<()>().await;
                    Ok(())
                })
                .await;
            Ok(())
        });
        assert_eq!(shape(&outcome.await.unwrap_err()), "[[ValueError]]");
        assert_eq!(record.take(), ["outer child stopped"]);
    });
}

#[test]
fn test_taskgroups_taskgroup_15() {
    run_clean(async {
        let seen = Record::new();
        let says = seen.clone();
        let task = spawn(async move {
            let outcome = Group::run(async |group| {
                group.spawn(spoil(group.clone(), 30, "ValueError"));
                let _ = stop_slowly(Record::new(), "body", 50).await;
                Ok(())
            });
            says.add(errors(outcome.await));
        });
        sleep(ms(10)).await;
        task.cancel("from outside");
        task.await.expect("after the errors it did not await any more, so its value counts");
        assert_eq!((seen.take(), Instant::now()), (vec![vec!["ValueError"]], at(60)));
    });
}

#[test]
fn test_taskgroups_taskgroup_16() {
    run_clean(async {
        let seen = Record::new();
        let says = seen.clone();
        let task = spawn(async move {
            let inner = finally(
                async {
                    let outcome = Group::run(async |group| {
                        group.spawn(spoil(group.clone(), 30, "ValueError"));
                        sleep(ms(1000)).await;
                        Ok(())
                    });
                    says.add(errors(outcome.await));
                    pending::<()>().await
                },
                async |_: Option<&()>| sleep(ms(50)).await,
            );
            inner.await
        });
        sleep(ms(10)).await;
        task.cancel("from outside");
        assert_eq!(reason_of(task.await), "from outside".into());
        assert_eq!((seen.take(), Instant::now()), (vec![vec!["ValueError"]], at(90)));
    });
}

#[test]
fn test_taskgroups_taskgroup_17() {
    run_clean(async {
        let stopped = Rc::new(Cell::new(false));
        let says = stopped.clone();
        let task = spawn(async move {
            let outcome = Group::run(async |_group| {
                let _stopped = on_drop(|| says.set(true));
                pending::<()>().await;
                Ok(())
            });
            drop(outcome.await);
            unreachable!("a plain cancellation leaves the group");
        });
        sleep(ms(10)).await;
        task.cancel("from outside");
        assert_eq!(reason_of::<()>(task.await), "from outside".into());
        assert!(stopped.get());
    });
}

/// The body's clean-up reports an error; `raise` in an `except CancelledError` is its counterpart.
#[test]
fn test_taskgroups_taskgroup_18() {
    run_clean(async {
        let task = spawn(async move {
            let outcome = Group::run(async |group| {
                finally(pending::<()>(), async |_: Option<&()>| group.report("MyError")).await;
                Ok(())
            });
            errors(outcome.await)
        });
        sleep(ms(10)).await;
        task.cancel("from outside");
        assert_eq!(task.await.unwrap(), ["MyError"]);
    });
}

#[test]
fn test_taskgroups_taskgroup_19() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.spawn(fail(10, "ZeroDivisionError"));
            finally(pending::<()>(), async |_: Option<&()>| group.report("MyError")).await;
            Ok(())
        });
        assert_eq!(errors(outcome.await), ["ZeroDivisionError", "MyError"]);
    });
}

/// A panic takes the place of `KeyboardInterrupt`: it leaves bare. What asyncio loses is reported.
#[test]
fn test_taskgroups_taskgroup_20() {
    let (outcome, reports) = run_with_reports(
        AssertUnwindSafe(Group::run(async |group| {
            group.spawn(spoil(group.clone(), 1, "ZeroDivisionError"));
            sleep(ms(10)).await;
            if group.stats().children == 1 {
                panic!("KeyboardInterrupt");
            }
            Ok(())
        }))
        .catch_unwind(),
    );
    assert_eq!(text_of(outcome.map(|_| ()).unwrap_err()), "KeyboardInterrupt");
    assert_eq!(reports, ["error: ZeroDivisionError"]);
}

/// There is one kind of error, and one of panic.
#[test]
fn test_taskgroups_taskgroup_20a() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.spawn(spoil(group.clone(), 1, "ZeroDivisionError"));
            sleep(ms(10)).await;
            Err::<(), _>("MyBaseExc")
        });
        assert_eq!(errors(outcome.await), ["MyBaseExc", "ZeroDivisionError"]);
    });
}

/// Disabled in CPython, as it brings the loop down there.
#[test]
fn test_taskgroups_taskgroup_21() {
    let (outcome, reports) = run_with_reports(
        AssertUnwindSafe(Group::run(async |group| {
            group.spawn(async {
                sleep(ms(10)).await;
                interrupt();
            });
            finally(pending::<()>(), async |_: Option<&()>| group.report("from the body")).await;
            Ok(())
        }))
        .catch_unwind(),
    );
    assert_eq!(text_of(outcome.map(|_| ()).unwrap_err()), "KeyboardInterrupt");
    assert_eq!(reports, ["error: from the body"]);
}

#[test]
fn test_taskgroups_taskgroup_21a() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.spawn(fail(10, "MyBaseExc"));
            finally(pending::<()>(), async |_: Option<&()>| group.report("from the body")).await;
            Ok(())
        });
        assert_eq!(errors(outcome.await), ["MyBaseExc", "from the body"]);
    });
}

#[test]
fn test_taskgroups_taskgroup_22() {
    run_clean(async {
        let task = spawn(async {
            Group::run(async |group| {
                group.spawn(value(1000, ()));
                group.spawn(value(1000, ()));
                Ok(())
            })
            .await
            .unwrap();
            unreachable!();
        });
        sleep(ms(10)).await;
        task.cancel("while it waits");
        assert_eq!(reason_of::<()>(task.await), "while it waits".into());
    });
}

#[test]
fn test_taskgroups_taskgroup_23() {
    run_clean(async {
        Group::run(async |group| {
            for _ in 0..1000 {
                group.spawn(value(1, ())).await;
                assert_eq!(group.stats().children, 0, "children that have ended are forgotten");
            }
            assert_eq!(group.stats().spawned, 1000);
            Ok(())
        })
        .await
        .unwrap();
    });
}

#[test]
fn test_taskgroups_taskgroup_24() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            let own = group.clone();
            let twice = group.spawn(async move {
                let once = own.spawn(value(10, 11));
                Ok(once.await * 2)
            });
            Ok(twice.await)
        });
        assert_eq!(outcome.await.unwrap(), 22);
    });
}

#[test]
fn test_taskgroups_taskgroup_25() {
    run_clean(async {
        let count = Rc::new(Cell::new(0));
        let runs = count.clone();
        let outcome = Group::run(async |group| {
            let own = group.clone();
            group.spawn(async move {
                loop {
                    let counts = count.clone();
                    own.spawn(async move {
                        counts.set(counts.get() + 1);
                        yield_now().await;
                    });
                    yield_now().await;
                    if count.get() == 50 {
                        return Err::<(), _>("enough");
                    }
                }
            });
            Ok(())
        });
        assert_eq!((errors(outcome.await), runs.get()), (vec!["enough"], 50));
    });
}

#[test]
fn test_taskgroups_taskgroup_task_name() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            let name = group.spawn(async { Ok(evenkeel::current_task().name()) }).named("yolo");
            Ok(name.await)
        });
        assert_eq!(outcome.await.unwrap().as_deref(), Some("yolo"));
    });
}

/// Differs: children inherit those values whose key says so, and cannot share a context.
#[test]
fn test_taskgroups_taskgroup_task_context() {
    static KEY: TaskLocal<u32> = TaskLocal::inherited();
    run_clean(async {
        KEY.set(1);
        let outcome = Group::run(async |group| {
            let child = group.spawn(async {
                let before = KEY.get();
                KEY.set(2);
                Ok(before)
            });
            Ok(child.await)
        });
        assert_eq!((outcome.await.unwrap(), KEY.get()), (Some(1), Some(1)));
    });
}

/// Differs: it is not refused, but cancelled from birth.
#[test]
fn test_taskgroups_taskgroup_no_create_task_after_failure() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |group| {
            let (own, says) = (group.clone(), record.clone());
            group.spawn(finally(pending::<()>(), async move |_: Option<&()>| {
                let mut late = own.spawn(never_starts());
                says.add(reason_of(late.outcome().await));
            }));
            group.spawn(fail(1, "it failed"));
            Ok(())
        });
        assert_eq!(errors(outcome.await), ["it failed"]);
        assert!(matches!(record.take()[..], [CancelReason::SiblingFailed { task: Some(_) }]));
    });
}

#[test]
fn test_taskgroups_taskgroup_context_manager_exit_raises() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.spawn(fail(1, "child"));
            evenkeel::finally_with(
                (),
                async |_: &mut ()| pending::<()>().await,
                async |_, _: Option<&()>| group.report("resource"),
            )
            .await;
            Ok(())
        });
        assert_eq!(errors(outcome.await), ["child", "resource"]);
        sleep(ms(1)).await;
    });
}

/// Differs: what has ended takes children, which never start.
#[test]
fn test_taskgroups_taskgroup_finished() {
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    executor.run(async {
        let (kept, drops) = (RefCell::new(None), Drops::default());
        Group::run(async |group| {
            *kept.borrow_mut() = Some(group);
            Ok(())
        })
        .await
        .unwrap();
        let guard = drops.guard();
        let mut late = kept.take().unwrap().spawn(async move { drop(guard) });
        assert_eq!(reason_of(late.outcome().await), CancelReason::GroupEnded);
        assert_eq!(drops.count(), 1);
    });
}

/// asyncio's `run` is the only way in, here by type; without an executor there is a panic that says so.
#[test]
fn test_taskgroups_taskgroup_without_parent_task() {
    let panic = panic_of(|| Group::run(async |_| Ok(())).now_or_never());
    assert!(panic.contains("outside an executor"), "{panic}");
}

#[test]
fn test_taskgroups_coro_closed_when_tg_closed() {
    run_clean(async {
        let drops = Drops::default();
        let kept = RefCell::new(None);
        let _ = Group::run(async |group| {
            *kept.borrow_mut() = Some(group);
            Err::<(), _>("it ends")
        })
        .await;
        let (group, guard) = (kept.take().unwrap(), drops.guard());
        drop(group.spawn(async move { drop(guard) }));
        yield_now().await;
        assert_eq!(drops.count(), 1);
    });
}

/// Nothing is counted here: the code behind the group awaits as if nothing had been.
#[test]
fn test_taskgroups_cancelling_level_preserved() {
    run_clean(async {
        let outcome = Group::run(async |group| {
            group.spawn(fail(0, "it failed"));
            Ok(())
        });
        assert_eq!(errors(outcome.await), ["it failed"]);
        assert_eq!(evenkeel::cancel::cancel_requested(), None);
        sleep(ms(1)).await;
    });
}

#[test]
fn test_taskgroups_nested_groups_both_cancelled() {
    run_clean(async {
        let seen = Record::new();
        let outcome = Group::run(async |outer| {
            outer.spawn(fail(1, "outer"));
            let inner = Group::run(async |inner| {
                inner.spawn(fail(1, "inner"));
                Ok(())
            });
            seen.add(errors(inner.await));
            assert!(evenkeel::cancel::cancel_requested().is_some(), "the outer cancellation is still to come");
            sleep(ms(1)).await;
            Err::<(), _>("unreachable: it comes here")
        });
        assert_eq!(errors(outcome.await), ["outer"]);
        assert_eq!(seen.take(), [["inner"]]);
        sleep(ms(1)).await;
    });
}

#[test]
fn test_taskgroups_error_and_cancel() {
    run_clean(async {
        let seen = Record::new();
        let says = seen.clone();
        let task = spawn(async move {
            let outcome = Group::run(async |group| {
                let parent = evenkeel::current_task();
                group.spawn(async move {
                    parent.cancel("from outside");
                    Err::<(), _>("in the same turn")
                });
                Ok(())
            });
            says.add(errors(outcome.await));
            sleep(ms(1)).await;
            says.add(vec!["unreachable"]);
        });
        let outcome = task.await;
        assert!(
            matches!(&outcome, Err(JoinError::Cancelled(reason)) if *reason == "from outside".into()),
            "{outcome:?}"
        );
        assert_eq!(seen.take(), [["in the same turn"]]);
    });
}
