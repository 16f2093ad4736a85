//! Who still has to clean up in a cancelled scope, and when it may end: with combinators that are anybody's, and with panics and errors that
//! wait for it meanwhile.

use crate::kit::{
    groups::run_with_reports,
    probe::ms,
    scopes::{Boxed, reporting},
    stage::run_clean,
};
use evenkeel::{
    CancelScope, Cancelled, Elapsed, Executor, Instant, JoinError, TaskGroup, as_completed, current_task, finally,
    gather, host::Readiness, map_concurrent, race, scope, shield, sleep, spawn, timeout, yield_now,
};
use futures::{
    FutureExt, StreamExt,
    channel::oneshot,
    future::{Either, join, select},
    stream::{self, FuturesUnordered},
};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    panic::AssertUnwindSafe,
    pin::pin,
    rc::Rc,
};

/// A clean-up point whose body never ends, and whose clean-up takes so long.
fn point(millis: u64) -> impl Future<Output = ()> {
    finally(pending::<()>(), async move |_: Option<&()>| sleep(ms(millis)).await)
}

/// When it is, in milliseconds.
fn now() -> u128 {
    Instant::now().since_origin().as_millis()
}

async fn busy(until: u128) {
    while now() < until {
        yield_now().await;
        // So that virtual time goes on.
        sleep(ms(1)).await;
    }
}

// ---- A family that ends is polled, whatever is queued.

#[test]
fn collect_03_as_completed_awaits_clean_up_after_a_panic_though_an_outcome_is_queued() {
    for is_stream in [false, true] {
        let cleaned = Cell::new(false);
        let futures: Vec<Boxed<'_, u32>> = vec![
            Box::pin(finally(pending(), async |_: Option<&u32>| {
                sleep(ms(1)).await;
                cleaned.set(true);
            })),
            // When the clean-up point has been reached, in whatever order they are polled at first.
            Box::pin(async {
                yield_now().await;
                2
            }),
            Box::pin(async {
                yield_now().await;
                panic!("thrown")
            }),
        ];
        let (thrown, reports) = run_with_reports(async {
            let mut outcomes = as_completed(futures);
            let next = async { if is_stream { StreamExt::next(&mut outcomes).await } else { outcomes.next().await } };
            AssertUnwindSafe(next).catch_unwind().await.is_err()
        });
        assert_eq!((thrown, cleaned.get(), reports), (true, true, Vec::<String>::new()));
    }
}

#[test]
fn collect_03_map_concurrent_awaits_clean_up_after_a_panic_though_an_output_is_there() {
    for is_ordered in [true, false] {
        let cleaned = Cell::new(0);
        let (thrown, reports) = run_with_reports(async {
            let mapped = map_concurrent([0, 1, 2], 3, async |item: u32| {
                match item {
                    0 => return 0,
                    1 => {
                        finally(pending::<()>(), async |_: Option<&()>| {
                            sleep(ms(1)).await;
                            cleaned.set(cleaned.get() + 1);
                        })
                        .await
                    }
                    _ => panic!("thrown"),
                }
                1
            });
            let mut mapped = if is_ordered { mapped } else { mapped.unordered() };
            AssertUnwindSafe(mapped.next()).catch_unwind().await.is_err()
        });
        assert_eq!((thrown, cleaned.get(), reports), (true, 1, Vec::<String>::new()));
    }
}

// ---- Whoever waits for another poll is woken.

/// In a scope beside a busy sibling, both in a combinator that polls only who was woken: borrows a clean-up point, and waits for something
/// else.
fn cancelled_beside_a_busy_sibling(is_nested: bool) -> (Option<u128>, Vec<String>) {
    run_with_reports(async move {
        let scope = CancelScope::new();
        let handle = scope.clone();
        spawn(async move {
            sleep(ms(20)).await;
            handle.cancel("the user pressed Esc");
        })
        .detach();
        let ended = Rc::new(Cell::new(None));
        let ends = ended.clone();
        let worker: Boxed<'static> = Box::pin(async move {
            let work = async move {
                let mut connection = pin!(point(1));
                select(connection.as_mut(), pin!(sleep(ms(5)))).await;
                pending::<()>().await;
            };
            let outcome = if is_nested {
                scope
                    .run(async { timeout(ms(1_000), finally(work, async |_: Option<&()>| {})).await.unwrap_or(()) })
                    .await
            } else {
                scope.run(work).await
            };
            assert!(matches!(outcome, Err(Cancelled(_))));
            ends.set(Some(now()));
        });
        let sibling: Boxed<'static> = Box::pin(busy(100));
        stream::iter([sibling, worker]).buffer_unordered(2).collect::<Vec<()>>().await;
        ended.get()
    })
}

#[test]
fn fault_43_a_cancelled_scope_beside_a_busy_sibling_returns() {
    let (ended, reports) = cancelled_beside_a_busy_sibling(false);
    assert_eq!((ended, reports), (Some(20), vec!["skipped".to_owned()]));
}

#[test]
fn fault_43_a_clean_up_point_beside_a_busy_sibling_stops_its_body() {
    let (ended, reports) = cancelled_beside_a_busy_sibling(true);
    assert_eq!((ended, reports), (Some(20), vec!["skipped".to_owned()]));
}

#[test]
fn cleanup_05_clean_up_behind_many_busy_futures_is_reached() {
    for count in [2, 10, 100, 300] {
        let cleaned = Rc::new(Cell::new(false));
        let cleans = cleaned.clone();
        run_clean(async move {
            let scope = CancelScope::new();
            let handle = scope.clone();
            let work = scope.run(async move {
                let mut all: FuturesUnordered<Boxed<'static>> = FuturesUnordered::new();
                for _ in 0..count {
                    all.push(Box::pin(async {
                        loop {
                            yield_now().await;
                        }
                    }));
                }
                all.push(Box::pin(finally(pending::<()>(), async move |_: Option<&()>| cleans.set(true))));
                while all.next().await.is_some() {}
            });
            let cancel = async move {
                // All of them have begun.
                for _ in 0..count {
                    yield_now().await;
                }
                handle.cancel("enough");
            };
            assert!(join(work, cancel).await.0.is_err());
        });
        assert!(cleaned.get(), "{count}");
    }
}

#[test]
fn cleanup_05_a_future_that_wakes_itself_for_ever_does_not_hold_its_scope() {
    let (_, reports) = run_with_reports(async {
        let scope = CancelScope::new();
        let handle = scope.clone();
        let work = scope.run(async {
            let mut kept = pin!(point(1));
            select(kept.as_mut(), pin!(yield_now())).await;
            let inner = CancelScope::new();
            let nested = inner.run(async {
                let mut kept = pin!(point(1));
                select(kept.as_mut(), pin!(yield_now())).await;
                loop {
                    yield_now().await;
                }
            });
            nested.await.unwrap_or(())
        });
        let cancel = async move {
            for _ in 0..9 {
                yield_now().await;
            }
            handle.cancel("enough");
        };
        let task = spawn(cancel);
        assert!(work.await.is_err());
        task.await.unwrap();
    });
    assert_eq!(reports, ["skipped", "skipped"]);
}

#[test]
fn cleanup_06_code_that_begins_new_clean_up_in_each_poll_does_not_keep_the_thread() {
    for in_task in [false, true] {
        let (executor, reports) = reporting();
        let forever = async {
            loop {
                let _ = finally(async {}, async |_: Option<&()>| {}).now_or_never();
                yield_now().await;
            }
        };
        let scope = CancelScope::new();
        let handle = scope.clone();
        let task = executor.spawn(async move { scope.run(forever).await.unwrap_or(()) });
        executor.run_until_stalled();
        if in_task {
            task.cancel("enough");
        } else {
            handle.cancel("enough");
        }
        while executor.run_until_stalled().readiness == Readiness::MoreReady {}
        assert!(task.is_finished());
        drop((task, executor));
        assert_eq!(reports.take(), Vec::<String>::new());
    }
}

// ---- A clean-up point that was called and is not polled is out of reach.

/// A connection is borrowed by a `select!` in a loop. The other branch hands out a message, whose handler waits for ever.
fn borrowed(message_at: u64, limit: u64) -> (u128, Vec<String>) {
    run_with_reports(async move {
        let outcome = timeout(ms(limit), async {
            let mut connection = pin!(point(5));
            let mut message = Box::pin(sleep(ms(message_at)));
            match select(connection.as_mut(), message.as_mut()).await {
                Either::Left(_) => unreachable!("its body never ends"),
                Either::Right(_) => pending::<()>().await,
            }
        });
        assert_eq!(outcome.await, Err(Elapsed));
        now()
    })
}

#[test]
fn cleanup_03_a_borrowed_clean_up_point_that_nobody_polls_does_not_hold_its_scope() {
    // The handler waits already.
    assert_eq!(borrowed(10, 20), (20, vec!["skipped".to_owned()]));
}

#[test]
fn cleanup_04_clean_up_that_has_begun_and_is_not_polled_any_more_holds_until_it_is_woken() {
    // Clean-up begins at 10 ms, the message comes at 12 ms, and what the clean-up waits for comes at 15 ms.
    assert_eq!(borrowed(12, 10), (15, vec!["skipped".to_owned()]));
    // In the same turn.
    assert_eq!(borrowed(10, 10), (15, vec!["skipped".to_owned()]));
}

#[test]
#[expect(clippy::await_holding_refcell_ref, reason = "nobody else borrows it")]
fn cleanup_04_clean_up_whose_combinator_is_gone_does_not_hold_its_task() {
    let (executor, reports) = reporting();
    let shared: Rc<RefCell<Boxed<'static>>> = Rc::new(RefCell::new(Box::pin(point(5))));
    let kept = shared.clone();
    let task = executor.spawn(async move {
        let mut point = kept.borrow_mut();
        {
            let mut all = FuturesUnordered::new();
            all.push(Either::Left(point.as_mut()));
            all.push(Either::Right(sleep(ms(3))));
            all.next().await;
        }
        pending::<()>().await;
    });
    executor.run(async {
        sleep(ms(1)).await;
        task.cancel("enough");
        sleep(ms(5)).await;
        assert!(!task.is_finished());
        sleep(ms(1)).await;
        assert!(task.is_finished());
    });
    // The point is alive: nothing was skipped yet.
    assert_eq!(reports.take(), Vec::<String>::new());
    executor.run(async { drop(shared) });
    assert_eq!(reports.take(), ["clean-up skipped"]);
}

#[test]
fn cleanup_10_clean_up_that_two_poll_goes_on_where_it_is_polled() {
    // A shield that is shared: the first handle lies in a cancelled scope that nobody polls, the second in another task.
    run_clean(async {
        let shared = shield(async {
            sleep(ms(5)).await;
            7
        })
        .shared();
        let scope = CancelScope::new();
        let mut kept = Box::pin(scope.run(shared.clone()));
        assert!(futures::poll!(kept.as_mut()).is_pending());
        scope.cancel("enough");
        assert!(futures::poll!(kept.as_mut()).is_pending());
        let other = spawn(timeout(ms(100), shared));
        assert_eq!(other.await.unwrap(), Ok(7));
        assert_eq!(now(), 5);
        assert_eq!(kept.await.map_err(|_| ()), Ok(7));
    });
}

// ---- Who is done with clean-up is not waited for.

/// A gather in a gather, in which a clean-up point is done long before the race is.
async fn loser(point: impl Future<Output = ()>) {
    gather((gather((sleep(ms(190)), point)),)).await;
}

#[test]
fn cleanup_07_a_loser_whose_clean_up_point_is_done_is_stopped() {
    run_clean(async {
        race((sleep(ms(160)), loser(shield(sleep(ms(60)))))).await;
        assert_eq!(now(), 160);
    });
    run_clean(async {
        let point = finally(sleep(ms(30)), async |_: Option<&()>| sleep(ms(30)).await);
        race((sleep(ms(160)), loser(point))).await;
        assert_eq!(now(), 160);
    });
    run_clean(async {
        let both: [Boxed<'static>; 2] = [Box::pin(sleep(ms(160))), Box::pin(loser(shield(sleep(ms(60)))))];
        let mut outcomes = as_completed(both);
        outcomes.next().await;
        outcomes.cancel().await;
        assert_eq!(now(), 160);
    });
}

#[test]
fn cleanup_07_a_branch_whose_clean_up_is_done_is_dropped_when_a_scope_around_is_cancelled() {
    // It holds what the clean-up of its sibling waits for.
    run_clean(async {
        let (sender, receiver) = oneshot::channel::<()>();
        let cleans = finally(pending::<()>(), async |_: Option<&()>| assert!(receiver.await.is_err()));
        let holds = async {
            let _held = sender;
            finally(sleep(ms(1)), async |_: Option<&()>| {}).await;
            pending::<()>().await;
        };
        assert_eq!(timeout(ms(20), gather((cleans, holds))).await, Err(Elapsed));
        assert_eq!(now(), 20);
    });
}

// ---- Panics that wait.

#[test]
fn cleanup_08_a_panic_that_waits_is_reported_when_another_takes_its_scope_away() {
    for has_timeout in [false, true] {
        let (executor, reports) = reporting();
        let work = async {
            let all: Vec<Boxed<'_>> = vec![
                Box::pin(async {
                    current_task().cancel("by itself");
                    pending().await
                }),
                Box::pin(finally(async { panic!("first") }, async |_: Option<&()>| {})),
                Box::pin(async { panic!("second") }),
            ];
            let mut all: FuturesUnordered<_> = all.into_iter().collect();
            while all.next().await.is_some() {}
        };
        let outcome = executor
            .run_outcome(async { if has_timeout { timeout(ms(1_000), work).await.unwrap_or(()) } else { work.await } });
        let Err(JoinError::Panicked(panic)) = outcome else { panic!("{outcome:?}") };
        drop(executor);
        let reports = reports.take();
        assert_eq!(panic.message(), "second");
        assert!(reports.len() == 1 && reports[0].ends_with("panicked: first"), "{reports:?}");
    }
}

#[test]
fn cleanup_08_a_panic_that_comes_when_its_scope_is_over_is_reported() {
    let (executor, reports) = reporting();
    let kept: Rc<RefCell<Option<Boxed<'static>>>> = Rc::default();
    let keeps = kept.clone();
    let scope = CancelScope::new();
    let handle = scope.clone();
    executor.run(async move {
        let mut point: Boxed<'static> = Box::pin(finally(pending::<()>(), async |_: Option<&()>| {
            sleep(ms(1)).await;
            panic!("late");
        }));
        let cancel = async {
            yield_now().await;
            handle.cancel("enough");
            yield_now().await;
        };
        // The scope has a value while the clean-up is at work in it.
        let ended = scope.run(async { select(point.as_mut(), pin!(cancel)).map(drop).await }).await;
        assert!(ended.is_ok());
        keeps.replace(Some(point));
    });
    let point = kept.take();
    let outcome = executor.run_outcome(async move { timeout(ms(10), point.into_iter().next().unwrap()).await });
    assert!(matches!(outcome, Err(JoinError::Panicked(panic)) if panic.message() == "late"));
    assert_eq!(reports.take(), Vec::<String>::new());
}

// ---- Errors that wait.

/// A scope with an error that waits for clean-up.
async fn failing() -> Result<(), String> {
    let outcome = scope(async |s| {
        s.spawn(finally(pending::<Result<(), String>>(), async |_: Option<&_>| sleep(ms(10)).await));
        s.spawn(async { Err::<(), _>(String::from("the disk is on fire")) });
        Ok(())
    });
    outcome.await.map_err(|error| error.into_errors().join(", "))
}

#[test]
fn cleanup_08_errors_of_a_scope_that_is_dropped_are_reported() {
    let (_, reports) = run_with_reports(async { drop(select(pin!(failing()), pin!(sleep(ms(5)))).await) });
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(reports.iter().any(|report| report.contains("the disk is on fire")), "{reports:?}");
    assert!(reports.contains(&"skipped".to_owned()));
}

#[test]
fn cleanup_08_errors_of_a_scope_are_handed_out_or_reported_when_clean_up_ends_with_its_timeout() {
    for limit in [5, 9, 10, 11] {
        let handed = Cell::new(0);
        let (_, reports) = run_with_reports(async {
            let limited = timeout(ms(limit), async {
                if let Err(error) = failing().await {
                    assert_eq!(error, "the disk is on fire");
                    handed.set(handed.get() + 1);
                }
            });
            let _ = limited.await;
        });
        assert_eq!(handed.get() + reports.len(), 1, "{limit}: {reports:?}");
    }
}

#[test]
fn cleanup_08_an_error_whose_debug_panics_costs_no_other_its_report() {
    struct Unspeakable;
    impl std::error::Error for Unspeakable {}
    impl std::fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("no words");
        }
    }
    impl std::fmt::Debug for Unspeakable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("no words");
        }
    }
    let (outcome, reports) = run_with_reports(async {
        let task = spawn(async {
            let outcome = scope(async |s| {
                s.spawn(shield(async { Err::<(), _>(Unspeakable) }));
                s.spawn(async { panic!("important") as Result<(), Unspeakable> });
                Ok(())
            });
            outcome.await.is_ok()
        });
        task.await
    });
    assert!(matches!(outcome, Err(JoinError::Panicked(panic)) if panic.message() == "important"));
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].starts_with("error: "), "{reports:?}");
    // A group does the same.
    let (_, reports) = run_with_reports(async {
        let mut group = Box::pin(TaskGroup::<Unspeakable>::run(async |group| {
            group.spawn(finally(pending::<Result<(), Unspeakable>>(), async |_: Option<&_>| sleep(ms(9)).await));
            group.spawn(async { Err::<(), _>(Unspeakable) });
            Ok(())
        }));
        drop(select(group.as_mut(), pin!(sleep(ms(1)))).await);
        drop(group);
        sleep(ms(20)).await;
    });
    assert!(reports.iter().any(|report| report.starts_with("error: ")), "{reports:?}");
}

// ---- Whoever asks gets the right answer.

#[test]
fn cancel_14_a_token_tells_the_host_and_other_executors_that_its_task_is_cancelled() {
    let (executor, _) = reporting();
    let scope = CancelScope::new();
    let (token, handle) = (scope.token(), scope.clone());
    let task = executor.spawn(async move { scope.run(point(1)).await.unwrap_or(()) });
    executor.run_until_stalled();
    assert!(!token.is_cancelled() && !handle.is_cancelled());
    // Asked by another, before and after: no answer is kept.
    let other = Executor::new();
    assert!(!other.run(async { token.is_cancelled() }));
    task.cancel("the task");
    assert!(token.is_cancelled() && handle.is_cancelled());
    assert!(other.run(async { token.is_cancelled() }));
    executor.run_until_stalled();
    assert!(token.is_cancelled() && other.run(async { handle.is_cancelled() }));
}

#[test]
fn cancel_14_to_ask_for_a_cancellation_from_elsewhere_changes_nothing_that_is_delivered() {
    let (executor, _) = reporting();
    let inner = Rc::new(Executor::new());
    let scope = CancelScope::new();
    let (token, handle, asks) = (scope.token(), scope.clone(), inner.clone());
    let resumed = Rc::new(Cell::new(false));
    let resumes = resumed.clone();
    let task = executor.spawn(async move {
        let work = scope.run(async {
            let is_over = Cell::new(false);
            while !is_over.get() {
                let token = token.clone();
                asks.spawn(async move { token.is_cancelled() }).detach();
                asks.run_until_stalled();
                yield_now().await;
            }
        });
        work.await.unwrap_or(());
        resumes.set(true);
    });
    executor.run_until_stalled();
    handle.cancel("the scope");
    task.cancel("the task");
    while executor.run_until_stalled().readiness == Readiness::MoreReady {}
    assert!(task.is_finished() && !resumed.get());
}
