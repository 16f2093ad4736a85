//! `scope`: the failure boundary for children that borrow.

use crate::kit::{
    probe::{Drops, Record, ms, on_drop, panic_of},
    stage::{after, counted, restless, run_clean, run_watched, tidy},
};
use evenkeel::{group::ScopedHandle, *};
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    pin::pin,
    rc::Rc,
    task::Poll,
};

type Error = &'static str;

#[test]
fn children_borrow_what_outlives_the_scope() {
    let words = ["even".to_owned(), "keel".to_owned()];
    let mut total = 0;
    let mut log = Vec::new();
    run_clean(async {
        let first = scope(async |s| {
            let lengths =
                words.each_ref().map(|word| s.spawn(async move { Ok::<_, Error>(after(1, word.len()).await) }));
            s.spawn(async {
                log.push("by &mut");
                Ok(())
            });
            let [one, two] = lengths;
            total = one.await + two.await;
            Ok(&words[0])
        });
        assert_eq!(first.await.unwrap(), "even");
    });
    assert_eq!((total, log), (8, vec!["by &mut"]));
}

#[test]
fn group_01_the_scope_ends_after_its_body_and_every_child() {
    run_clean(async {
        let (done, begin) = (&RefCell::new(Vec::new()), Instant::now());
        scope(async |s| {
            s.spawn(async move {
                sleep(ms(3)).await;
                // Spawned after the body has ended.
                s.spawn(async {
                    sleep(ms(2)).await;
                    done.borrow_mut().push("grandchild");
                    Ok(())
                });
                done.borrow_mut().push("child");
                Ok(())
            });
            done.borrow_mut().push("body");
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        assert_eq!((done.take(), begin.elapsed()), (vec!["body", "child", "grandchild"], ms(5)));
    });
}

#[test]
fn group_03_the_first_failure_cancels_the_others_newest_first_and_all_errors_come_out() {
    let record = Record::new();
    run_clean(async {
        let error = scope(async |s| {
            for (name, millis) in [("oldest", 1), ("middle", 1), ("newest", 1)] {
                s.spawn({
                    let record = &record;
                    async move { tidy(record, name, millis, pending::<Result<(), Error>>()).await }
                });
            }
            s.spawn(async {
                sleep(ms(1)).await;
                Err::<(), _>("first")
            })
            .named("culprit");
            s.spawn(async {
                finally(pending::<()>(), async |_: Option<&()>| sleep(ms(5)).await).await;
                Ok(())
            });
            s.spawn(shield(async {
                sleep(ms(9)).await;
                Err::<(), _>("second")
            }));
            tidy(&record, "body", 0, pending::<Result<(), Error>>()).await
        })
        .await
        .unwrap_err();
        assert_eq!(error.errors().collect::<Vec<_>>(), [&"first", &"second"]);
        assert_eq!(error.children()[0].name.as_deref(), Some("culprit"));
        assert_eq!(error.children()[0].location.file(), file!());
        assert!(!error.is_cancelled());
    });
    assert_eq!(record.take(), ["body tidied", "newest tidied", "middle tidied", "oldest tidied"]);
}

#[test]
fn group_03_the_body_s_error_cancels_the_children() {
    let drops = Drops::default();
    run_clean(async {
        let error = scope(async |s| {
            s.spawn(async {
                let _guard = drops.guard();
                pending::<Result<(), Error>>().await
            });
            yield_now().await;
            Err::<(), _>("the body's")
        })
        .await
        .unwrap_err();
        assert_eq!((error.into_errors(), drops.count()), (vec!["the body's"], 1));
    });
}

#[test]
fn group_04_a_child_that_is_cancelled_on_its_own_is_no_failure() {
    run_clean(async {
        let value = scope(async |s| {
            let mut lone = s.spawn(pending::<Result<(), Error>>());
            yield_now().await;
            assert!(lone.cancel("not needed") && !lone.cancel("again"));
            let outcome = lone.outcome().await;
            assert!(matches!(outcome, Err(JoinError::Cancelled(reason)) if reason == "not needed".into()));
            assert!(lone.is_finished() && !lone.cancel("too late"));
            Ok(1)
        });
        assert_eq!(value.await.unwrap(), 1);
    });
}

#[test]
fn group_04_who_awaits_a_child_that_was_cancelled_on_its_own_cancels_the_scope() {
    let ((), heard) = run_watched(async {
        let error = scope::<_, (), _, _>(async |s| {
            let lone = s.spawn(pending::<Result<(), Error>>());
            s.spawn(pending::<Result<(), Error>>());
            yield_now().await;
            lone.cancel("not needed");
            // Not even a shield waits for what can never come.
            shield(lone).await;
            unreachable!("stopped where it awaits");
        })
        .await
        .unwrap_err();
        assert_eq!((error.reason(), error.errors().count()), (Some(&CancelReason::ChildCancelled), 0));
    });
    assert_eq!(heard.len(), 1, "the shield: {heard:?}");
}

#[test]
fn group_04_outcomes_can_be_taken_without_stopping_anybody() {
    run_clean(async {
        let error = scope(async |s| {
            let mut failing = s.spawn(async { Err::<u8, _>("failed") });
            let mut fine = s.spawn(after(5, Ok(7)));
            assert!(fine.take_result().is_none());
            let seen = finally(pending::<()>(), async |_: Option<&()>| {
                assert!(matches!(failing.outcome().await, Err(JoinError::ReportedToGroup)));
                assert!(matches!(fine.outcome().await, Err(JoinError::Cancelled(CancelReason::SiblingFailed { .. }))));
            });
            seen.await;
            Ok(())
        })
        .await;
        assert_eq!(error.unwrap_err().into_errors(), ["failed"]);
    });
}

#[test]
fn group_05_a_panic_goes_on_when_the_others_have_cleaned_up_and_errors_besides_are_reported() {
    let record = Record::new();
    let (panic, heard) = run_watched(async {
        let record = record.clone();
        let task = spawn(async move {
            let outcome = scope(async |s| {
                s.spawn(async { tidy(&record, "child", 2, pending::<Result<(), Error>>()).await });
                s.spawn(shield(async { after(1, Err::<(), _>("besides")).await }));
                yield_now().await;
                s.spawn(async { panic!("the panic") as Result<(), Error> });
                pending::<Result<(), Error>>().await
            });
            outcome.await.map_err(|error| error.to_string())
        });
        let Err(JoinError::Panicked(panic)) = task.await else { unreachable!() };
        panic.message().to_owned()
    });
    assert_eq!((panic.as_str(), record.take()), ("the panic", vec!["child tidied".to_owned()]));
    assert_eq!(heard.len(), 1);
    assert!(heard[0].contains("had an error that nobody is left to get") && heard[0].contains("besides"), "{heard:?}");
}

#[test]
fn group_06_cancelled_from_outside_it_drains_and_errors_win() {
    let record = Record::new();
    run_clean(async {
        let all = scope(async |s| {
            s.spawn(async { tidy(&record, "child", 3, pending::<Result<(), Error>>()).await });
            tidy(&record, "body", 1, pending::<Result<(), Error>>()).await
        });
        assert!(timeout(ms(1), all).await.is_err());
        assert_eq!(record.take(), ["body tidied", "child tidied"]);

        let failing = scope(async |s| {
            s.spawn(shield(async { after(3, Err::<(), _>("in clean-up")).await }));
            pending::<Result<(), Error>>().await
        });
        let error = timeout(ms(1), failing).await.unwrap().unwrap_err();
        assert_eq!(error.into_errors(), ["in clean-up"]);

        // A body's value does not count until the children have ended.
        let unfinished = scope(async |s| {
            s.spawn(pending::<Result<(), Error>>());
            Ok(1)
        });
        assert!(timeout(ms(1), unfinished).await.is_err());
    });
}

#[test]
fn group_07_a_cancelled_scope_ends_early_and_starts_nothing() {
    run_clean(async {
        let started = Cell::new(false);
        let error = scope(async |s| {
            s.spawn(pending::<Result<(), Error>>());
            assert!(s.cancel("enough") && !s.cancel("again") && s.is_ending());
            s.spawn(async {
                started.set(true);
                Ok(())
            });
            pending::<Result<(), Error>>().await
        })
        .await
        .unwrap_err();
        assert_eq!((error.reason(), started.get()), (Some(&"enough".into()), false));
        assert!(error.ignore_cancelled().is_ok());
        // With a value it is no error: a completed result is not lost.
        let value = scope(async |s| {
            s.spawn(pending::<Result<(), Error>>());
            s.cancel("done");
            Ok(5)
        });
        assert_eq!(value.await.unwrap(), 5);
    });
}

#[test]
fn group_10_finished_children_are_forgotten() {
    run_clean(async {
        let drops = Drops::default();
        scope(async |s| {
            for n in 1..1000 {
                let guard = drops.guard();
                let child = s.spawn(async move {
                    drop(guard);
                    Ok::<_, Error>(())
                });
                child.await;
                assert_eq!(drops.count(), n);
            }
            Ok(())
        })
        .await
        .unwrap();
    });
}

#[test]
fn group_14_only_the_children_that_were_woken_are_polled_and_a_self_waking_one_hangs_nobody() {
    run_clean(async {
        let polls: Vec<Rc<Cell<usize>>> = (0..50).map(|_| Rc::default()).collect();
        scope(async |s| {
            for (n, polls) in polls.iter().enumerate() {
                s.spawn(counted(polls, after(n as u64 + 1, Ok::<_, Error>(()))));
            }
            Ok(())
        })
        .await
        .unwrap();
        assert!(polls.iter().all(|polls| polls.get() == 2));
    });
    let ended = run(scope(async |s| {
        s.spawn(async {
            restless(usize::MAX).await;
            Ok(())
        });
        s.spawn(async {
            sleep(ms(1)).await;
            Err("on time")
        }) as ScopedHandle<'_, ()>;
        Ok(())
    }));
    assert_eq!(ended.unwrap_err().into_errors(), ["on time"]);
}

#[test]
fn group_14_dropped_half_way_it_drops_the_children_first_and_goes_on_with_the_first_panic() {
    let record = Record::new();
    let panic = panic_of(|| {
        run_watched(async {
            let mut half_way = Box::pin(scope(async |s| {
                let record = &record;
                for n in 0..3 {
                    let dropped = on_drop(move || {
                        record.add(format!("child {}", record.len()));
                        // Closed: this one is dropped at once.
                        let late = on_drop(move || record.add("late".into()));
                        s.spawn(async {
                            drop(late);
                            Ok::<_, Error>(())
                        });
                        if n != 0 {
                            panic!("destructor {n}");
                        }
                    });
                    s.spawn(async { (dropped, pending::<Result<(), Error>>().await).1 });
                }
                let _body = on_drop(|| record.add("body".into()));
                pending::<Result<(), Error>>().await
            }));
            poll_fn(|cx| Poll::Ready(half_way.as_mut().poll(cx).is_pending())).await;
            drop(half_way);
        })
        .0
    });
    assert_eq!(panic, "destructor 2");
    assert_eq!(record.take(), ["child 0", "late", "child 2", "late", "child 4", "late", "body"]);
}

#[test]
fn scopes_nest_and_are_cancelled_from_the_middle() {
    run_clean(async {
        let outcome = scope(async |outer| {
            let inner = outer.spawn(async {
                let inner = scope(async |s| {
                    s.spawn(async { Err::<(), _>("inner") });
                    pending::<Result<(), Error>>().await
                });
                Ok::<_, Error>(inner.await.unwrap_err().into_errors())
            });
            let other = outer.spawn(after(3, Ok("other")));
            Ok((inner.await, other.await))
        });
        assert_eq!(outcome.await.unwrap(), (vec!["inner"], "other"));
    });
}

#[test]
fn a_scope_runs_in_foreign_combinators() {
    run_clean(async {
        let one = pin!(scope(async |s| Ok::<_, Error>(s.spawn(after(2, Ok(1))).await)));
        let two = pin!(scope(async |s| Ok::<_, Error>(s.spawn(after(1, Ok(2))).await)));
        let (one, two) = futures::join!(one, two);
        assert_eq!((one.unwrap(), two.unwrap()), (1, 2));
    });
}
