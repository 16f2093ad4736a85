//! Groups in places where futures end up: in combinators, moved from task to task, dropped, forgotten, in an executor that closes.

use crate::kit::{
    groups::{Group, Outcome, errors, fail, run_with_reports, spoil, stop_slowly, stuck, value},
    probe::{Drops, Record, Wakes, at, ms, on_drop},
    stage::run_clean,
};
use evenkeel::{
    CancelReason, Executor, Instant, cancel::cancel_requested, finally, sleep, spawn, task::Opaque,
    testing::VirtualClock, timeout, yield_now,
};
use futures::{
    FutureExt,
    future::{Either, select},
    stream::{FuturesUnordered, StreamExt},
};
use std::{
    cell::RefCell,
    future::{pending, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

type Boxed = Pin<Box<dyn Future<Output = Outcome<u64>>>>;

fn group_of(after: u64, fails: bool) -> Boxed {
    Box::pin(Group::run(async move |group| {
        group.spawn(value(after + 1, ()));
        let one = group.spawn(value(after, after));
        if fails {
            group.spawn(fail(after, "it failed"));
        }
        Ok(one.await)
    }))
}

#[test]
fn group_places_many_in_one_task_through_futures_unordered() {
    run_clean(async {
        let mut groups: FuturesUnordered<_> = (1..=20).map(|after| group_of(after * 7 % 20, after % 3 == 0)).collect();
        let (mut values, mut failed) = (Vec::new(), 0);
        while let Some(outcome) = groups.next().await {
            match outcome {
                Ok(value) => values.push(value),
                Err(error) => failed += error.errors().count(),
            }
        }
        assert!(values.is_sorted());
        assert_eq!((values.len(), failed, Instant::now()), (14, 6, at(20)));
    });
}

#[test]
fn group_places_in_join_and_cancelled_together() {
    run_clean(async {
        let record = Record::new();
        let groups = async {
            let group = |name| {
                let record = record.clone();
                Group::run(async move |group| {
                    group.spawn(stop_slowly(record.clone(), name, 3));
                    pending::<()>().await;
                    Ok(())
                })
            };
            futures::join!(group("one"), group("two"))
        };
        assert!(timeout(ms(1), groups).await.is_err());
        assert_eq!(Instant::now(), at(4));
        assert_eq!(record.take(), ["one cleans", "two cleans", "one clean", "two clean"]);
    });
}

#[test]
fn group_places_in_futures_unordered_that_is_cancelled() {
    run_clean(async {
        let drops = Drops::default();
        let many = async {
            let mut groups: FuturesUnordered<_> = (0..50)
                .map(|_| {
                    let guard = drops.guard();
                    Group::run(async move |group| {
                        group.spawn(async move {
                            let _guard = guard;
                            stop_slowly(Record::new(), "child", 2).await
                        });
                        Ok(())
                    })
                })
                .collect();
            while groups.next().await.is_some() {}
        };
        assert!(timeout(ms(1), many).await.is_err());
        assert_eq!((drops.count(), Instant::now()), (50, at(3)));
    });
}

#[test]
fn group_places_moved_from_task_to_task() {
    run_clean(async {
        let record = Record::new();
        let mut group: Boxed = group_of(5, false);
        for round in 0..3 {
            let says = record.clone();
            let carried = spawn(async move {
                let polled = poll_fn(|cx| Poll::Ready(group.as_mut().poll(cx))).await;
                says.add(round);
                assert!(polled.is_pending());
                Opaque(group)
            });
            group = carried.await.unwrap().0;
            sleep(ms(1)).await;
        }
        assert_eq!(group.await.unwrap(), 5);
        assert_eq!(Instant::now(), at(6));
    });
}

#[test]
fn group_places_moved_while_it_waits_then_cancelled_where_it_is() {
    run_clean(async {
        let record = Record::new();
        let says = record.clone();
        let mut group = Box::pin(Group::run(async move |group| {
            group.spawn(stop_slowly(says, "child", 2));
            Ok(())
        }));
        assert!(futures::poll!(&mut group).is_pending());
        let task = spawn(async move { group.await.map_err(|_| ()) });
        sleep(ms(1)).await;
        task.cancel("there");
        assert_eq!(crate::kit::probe::reason_of(task.await), "there".into());
        assert_eq!((record.take(), Instant::now()), (vec!["child cleans".to_owned(), "child clean".to_owned()], at(3)));
    });
}

#[test]
fn group_places_the_newest_waker_is_woken() {
    run_clean(async {
        for fails in [false, true] {
            let mut group = group_of(1, fails);
            let ((first, old), (second, newest)) = (Wakes::new(), Wakes::new());
            for waker in [&old, &newest] {
                assert!(group.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
            }
            sleep(ms(5)).await;
            assert_eq!(first.count(), 0, "fails: {fails}");
            assert!(second.count() >= 1, "fails: {fails}");
            assert_eq!(group.await.is_err(), fails);
        }
    });
}

#[test]
fn group_09_dropped_half_way_in_a_foreign_select() {
    let (outcome, reports) = run_with_reports(async {
        let record = Record::new();
        let reasons = record.clone();
        let group = Box::pin(Group::run(async move |group| {
            group.spawn(finally(pending::<()>(), async move |_: Option<&()>| {
                sleep(ms(5)).await;
                reasons.add(format!("{:?}", cancel_requested()));
            }));
            pending::<()>().await;
            Ok(())
        }));
        match select(group, Box::pin(sleep(ms(1)))).await {
            Either::Left(_) => unreachable!("the group never ends"),
            Either::Right(((), group)) => drop(group),
        }
        sleep(ms(10)).await;
        record.take()
    });
    assert_eq!(outcome, [format!("{:?}", Some(CancelReason::OwnerDropped))]);
    assert_eq!(reports, ["skipped"]);
}

#[test]
fn group_09_never_polled_or_dropped_at_once() {
    run_clean(async {
        let drops = Drops::default();
        let guard = drops.guard();
        drop(Group::run(async move |_| {
            drop(guard);
            Ok(())
        }));
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn group_09_run_returns_after_the_clean_up_of_a_dropped_group() {
    let record = Record::new();
    let says = record.clone();
    let executor = Executor::builder().clock(VirtualClock::new()).on_unhandled(|_| ());
    executor.run(async {
        let mut group = Box::pin(Group::run(async move |group| {
            group.spawn(stop_slowly(says, "child", 50));
            pending::<()>().await;
            Ok(())
        }));
        assert!(futures::poll!(&mut group).is_pending());
        yield_now().await;
        drop(group);
        assert_eq!(record.len(), 0, "nothing is done on the stack of who drops it");
    });
    assert_eq!(record.take(), ["child cleans", "child clean"]);
}

/// A future may be forgotten. Its children go on, and end with the executor.
#[test]
fn group_places_forgotten_half_way() {
    let drops = Drops::default();
    let (record, guard) = (Record::new(), drops.guard());
    let says = record.clone();
    evenkeel::testing::run(async move {
        let mut group = Box::pin(Group::run(async move |group| {
            group.spawn(async move {
                let _guard = guard;
                stop_slowly(says, "child", 1).await
            });
            group.spawn(value(1, ()));
            Ok(())
        }));
        assert!(futures::poll!(&mut group).is_pending());
        std::mem::forget(group);
        sleep(ms(5)).await;
    });
    assert_eq!((drops.count(), record.take()), (1, vec!["child cleans".to_owned(), "child clean".to_owned()]));
}

#[test]
fn group_places_handles_and_clones_that_outlive_the_executor() {
    let kept = Rc::new(RefCell::new(None));
    let keeps = kept.clone();
    evenkeel::testing::run(async move {
        let outcome = Group::run(async move |group| {
            let child = group.spawn(value(1, 1));
            *keeps.borrow_mut() = Some((group, child));
            Ok(())
        });
        outcome.await.unwrap();
    });
    let (group, mut child) = kept.take().unwrap();
    group.cancel("too late");
    child.cancel("too late");
    assert_eq!(child.take_result().unwrap().unwrap(), 1);
    assert_eq!(group.stats().children, 0);
    drop(group.try_slot());
}

#[test]
fn group_places_in_an_executor_that_closes() {
    let record = Record::new();
    let says = record.clone();
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    let task = executor.spawn(async move {
        let _ = Group::run(async |group| {
            group.spawn(stop_slowly(says.clone(), "child", 5));
            let inner = says.clone();
            group.spawn_group(async move |below| {
                below.spawn(stop_slowly(inner, "below", 7));
                Ok(())
            });
            let _ = stop_slowly(says.clone(), "body", 3).await;
            Ok(())
        })
        .await;
    });
    task.detach();
    executor.run_until_stalled();
    let report = executor.close(ms(100));
    assert!(report.stuck().is_empty());
    let mut record = record.take();
    record.sort();
    assert_eq!(record, ["below clean", "below cleans", "body clean", "body cleans", "child clean", "child cleans"]);
}

#[test]
fn group_places_in_an_executor_that_closes_with_too_little_grace() {
    let reports = Record::new();
    let says = reports.clone();
    let executor =
        Executor::builder().clock(VirtualClock::new()).on_unhandled(move |what| says.add(what.to_string())).build();
    let drops = Drops::default();
    let guard = drops.guard();
    executor
        .spawn(async move {
            let _ = Group::run(async |group| {
                group
                    .spawn(async move {
                        let _guard = guard;
                        stop_slowly(Record::new(), "child", 1000).await
                    })
                    .named("the slow child");
                Ok(())
            })
            .await;
        })
        .named("the group")
        .detach();
    executor.run_until_stalled();
    let report = executor.close(ms(10));
    assert_eq!((report.stuck().len(), drops.count()), (2, 1), "{report:?}");
    assert!(report.stuck().iter().any(|name| name.contains("the slow child")));
}

#[test]
fn group_places_in_an_executor_that_is_dropped() {
    let (record, drops) = (Record::new(), Drops::default());
    let executor = Executor::builder().on_unhandled(|_| ()).build();
    for _ in 0..3 {
        let (says, guard) = (record.clone(), drops.guard());
        let group = Group::run(async move |group| {
            let own = group.clone();
            group.spawn(async move {
                let _spawns = on_drop(move || drop(own.spawn(async move { drop(guard) })));
                stuck(says, "child").await
            });
            pending::<()>().await;
            Ok(())
        });
        executor.spawn(group).detach();
    }
    executor.run_until_stalled();
    drop(executor);
    assert_eq!((drops.count(), record.take()), (3, vec!["child stopped".to_owned(); 3]));
}

#[test]
fn group_places_ticked_by_a_host() {
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    let mut task = executor.spawn(group_of(0, true));
    let mut ticks = 0;
    while !task.is_finished() {
        executor.tick(evenkeel::host::Budget::polls(1));
        ticks += 1;
        assert!(ticks < 100);
    }
    assert_eq!(errors(task.take_result().unwrap().unwrap()), ["it failed"]);
}

#[test]
fn group_places_beside_a_branch_that_panics() {
    use std::panic::AssertUnwindSafe;
    let (outcome, reports) = run_with_reports(async {
        let record = Record::new();
        let says = record.clone();
        let both = async {
            futures::join!(
                Group::run(async move |group| {
                    group.spawn(spoil(group.clone(), 2, "nobody hears this"));
                    let _ = stop_slowly(says, "body", 1).await;
                    Ok(())
                }),
                async {
                    sleep(ms(1)).await;
                    panic!("the other branch")
                }
            )
        };
        let outcome = AssertUnwindSafe(both).catch_unwind().await;
        sleep(ms(10)).await;
        (outcome.is_err(), record.take())
    });
    assert_eq!(outcome, (true, vec![]));
    assert_eq!(reports, ["skipped", "skipped", "error: nobody hears this"]);
}
