//! What breaks simple implementations of cancellation.

use crate::kit::{
    bomb::{defuse, polled_in_wake},
    probe::{Record, ms, on_drop},
    scopes::{Boxed, Log, Polls, poll_slot, reporting},
};
use evenkeel::{
    CancelReason, CancelScope, Cancelled, Executor, Instant, JoinError, cancel::Deadline, current_task, finally,
    shield, sleep, spawn, testing, timeout, yield_now,
};
use futures::{
    future::{join_all, select, select_all},
    stream::{FuturesUnordered, StreamExt},
};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    task::Poll,
};

fn guarded(log: &Log, name: &'static str) -> Boxed<'static> {
    let log = log.clone();
    Box::pin(finally(pending::<()>(), async move |_: Option<&()>| log.clean(name, ms(1)).await))
}

#[test]
fn cancel_07_a_point_in_a_branch_that_is_no_longer_polled_is_skipped_and_holds_nothing_up() {
    let (executor, reports) = reporting();
    let log = Log::new();
    executor.run(async {
        let body = async {
            let all = [guarded(&log, "rest"), Box::pin(sleep(ms(1))) as Boxed<'_>];
            let (_, index, _rest) = select_all(all).await;
            log.show(index);
            pending::<()>().await;
        };
        log.show(timeout(ms(5), body).await);
        assert_eq!(Instant::now(), Instant::from_origin(ms(5)));
    });
    assert_eq!(log.take(), ["1", "Err(Elapsed)"]);
    assert_eq!(reports.take(), ["clean-up skipped"]);
}

#[test]
fn cancel_07_a_rest_that_is_polled_again_later_is_reached() {
    let (executor, reports) = reporting();
    let log = Log::new();
    executor.run(async {
        let body = async {
            let all = [guarded(&log, "rest"), Box::pin(sleep(ms(1))) as Boxed<'_>];
            let (_, _, rest) = select_all(all).await;
            shield(sleep(ms(9))).await;
            join_all(rest).await;
        };
        log.show(timeout(ms(5), body).await);
    });
    assert_eq!(log.take(), ["rest begins", "rest ends", "Err(Elapsed)"]);
    assert_eq!(reports.take(), [""; 0]);
}

#[test]
fn cancel_04_nested_scopes_that_are_cancelled_from_the_innermost_code_stop_it_where_it_awaits_next() {
    for depth in [0, 1, 100] {
        let polls = Polls::default();
        testing::run(async {
            let outer = CancelScope::new();
            let mut body: Boxed<'_> = Box::pin(polls.of(|n, _| {
                if n == 1 {
                    outer.cancel("x");
                }
                Poll::Pending
            }));
            for _ in 0..depth {
                body = Box::pin(async move { drop(CancelScope::new().run(body).await) });
            }
            assert!(outer.run(body).await.is_err());
        });
        assert_eq!(polls.count(), 1, "{depth}");
    }
}

#[test]
fn cancel_08_a_task_that_aborts_itself_is_not_polled_again_and_begins_no_clean_up() {
    let log = Log::new();
    let says = log.clone();
    testing::run(async {
        let task = spawn(async move {
            let polls = Polls::default();
            let body = polls.of(|n, _| {
                says.show(n);
                current_task().abort();
                Poll::<()>::Pending
            });
            CancelScope::new().run(finally(body, async |_: Option<&()>| says.say("clean-up"))).await
        });
        assert!(matches!(task.await, Err(JoinError::Cancelled(CancelReason::Aborted))));
    });
    assert_eq!(log.take(), ["1"]);
}

/// What becomes of a task, or of a scope in it, whose point is taken away by another while it cleans up.
fn taken_away(root: bool, go_on: bool) -> Vec<String> {
    let (executor, reports) = reporting();
    let log = Log::new();
    executor.run(async {
        let slot = Rc::new(RefCell::new(Some(guarded(&log, "clean-up"))));
        let (scope, first) = (CancelScope::new(), slot.clone());
        let inner = if root { CancelScope::new() } else { scope.clone() };
        let mut task = spawn(async move { inner.run(async { poll_slot(&first).await }).await });
        yield_now().await;
        if root {
            task.cancel("x");
        } else {
            scope.cancel("x");
        }
        yield_now().await;
        let point = slot.take();
        let other = point.filter(|_| go_on).map(spawn);
        let ended = timeout(ms(100), task.outcome()).await.is_ok();
        log.say(if ended { "ended" } else { "hangs" });
        sleep(ms(5)).await;
        drop(other);
    });
    [log.take(), reports.take()].concat()
}

#[test]
fn cancel_01_a_point_that_two_tasks_poll_in_turns_is_cleaned_up_once() {
    let (executor, _) = reporting();
    let log = Log::new();
    let polls = executor.run(async {
        let slot = Rc::new(RefCell::new(Some(guarded(&log, "clean-up"))));
        let polls = Polls::default();
        let poller = || {
            let (slot, polls) = (slot.clone(), polls.clone());
            spawn(async move {
                let mut body = Box::pin(poll_slot(&slot));
                polls.of(move |_, cx| body.as_mut().poll(cx)).await;
            })
        };
        let first = poller();
        yield_now().await;
        first.cancel("x");
        yield_now().await;
        // It takes the point away, but not for long.
        let _second = poller();
        for _ in 0..50 {
            yield_now().await;
        }
        let count = polls.count();
        sleep(ms(5)).await;
        count
    });
    assert!(polls < 10, "they wake each other for ever: {polls}");
    assert_eq!(log.take(), ["clean-up begins", "clean-up ends"]);
}

#[test]
fn cancel_01_a_scope_ends_when_the_point_that_it_waits_for_has_moved_away() {
    for root in [false, true] {
        assert_eq!(taken_away(root, true), ["clean-up begins", "ended", "clean-up ends"], "{root}");
    }
}

#[test]
fn cancel_07_a_scope_ends_when_the_point_that_it_waits_for_is_dropped_by_another_task() {
    for root in [false, true] {
        assert_eq!(taken_away(root, false), ["clean-up begins", "ended", "clean-up skipped"], "{root}");
    }
}

#[test]
fn cancel_01_a_scope_that_is_run_in_itself_panics_and_can_still_be_asked() {
    let seen = Record::new();
    let says = seen.clone();
    let outcome = testing::run(async {
        spawn(async move {
            let scope = CancelScope::new();
            let own = scope.clone();
            let body = async {
                let _look = on_drop(move || says.add(own.is_cancelled()));
                let _ = scope.run(async {}).await;
            };
            scope.run(body).await
        })
        .await
    });
    assert!(matches!(outcome, Err(JoinError::Panicked(_))));
    assert_eq!(seen.take(), [false]);
}

#[test]
fn cancel_01_a_refused_second_run_leaves_the_first_as_it_is() {
    let log = Log::new();
    testing::run(async {
        let (outer, scope) = (CancelScope::new(), CancelScope::new());
        let (around, first, second, says) = (outer.clone(), scope.clone(), scope.clone(), log.clone());
        let task = spawn(async move {
            let all: FuturesUnordered<Boxed<'_>> = FuturesUnordered::new();
            all.push(Box::pin(async { drop(first.run(guarded(&says, "clean-up")).await) }));
            around.run(all.for_each(async |()| ())).await
        });
        yield_now().await;
        assert!(spawn(async move { second.run(async {}).await }).await.is_err());
        outer.cancel("x");
        assert!(task.await.unwrap().is_err());
    });
    assert_eq!(log.take(), ["clean-up begins", "clean-up ends"]);
}

#[test]
fn cancel_01_a_future_that_was_never_polled_has_no_say_in_a_scope_that_runs() {
    let log = Log::new();
    testing::run(async {
        let (outer, scope) = (CancelScope::new(), CancelScope::new());
        let told = async {
            drop(scope.run(async {}));
            assert!(!scope.is_cancelled());
            outer.cancel("x");
        };
        let body = scope.run(guarded(&log, "clean-up"));
        assert!(futures::join!(outer.run(body), told).0.is_err());
    });
    assert_eq!(log.take(), ["clean-up begins", "clean-up ends"]);
}

#[test]
fn cancel_08_a_grace_period_may_be_set_moved_and_lifted_during_clean_up() {
    for (first, then, end) in [(None, Some(10), 11), (Some(10), None, 100), (Some(50), Some(5), 6)] {
        let (executor, _) = reporting();
        executor.run(async {
            let scope = CancelScope::new();
            scope.set_grace(first.map(ms));
            let body = finally(pending::<()>(), async |_: Option<&()>| sleep(ms(100)).await);
            let told = async {
                scope.cancel("x");
                sleep(ms(1)).await;
                scope.set_grace(then.map(ms));
            };
            let (ended, ()) = futures::join!(scope.run(body), told);
            assert!(ended.is_err());
            let now = Instant::now();
            // Whether a period that is moved counts from the cancellation or from now is not fixed.
            let range = Instant::from_origin(ms(end - 1))..=Instant::from_origin(ms(end));
            assert!(range.contains(&now), "{first:?} {then:?}: {now:?}");
        });
    }
}

#[test]
fn a_deadline_whose_future_was_dropped_has_not_expired() {
    testing::run(async {
        let deadline = Deadline::after(ms(1_000));
        let mut body = Box::pin(deadline.run(pending::<()>()));
        assert!(futures::poll!(body.as_mut()).is_pending());
        drop(body);
        assert!(!deadline.expired());
    });
}

#[test]
fn a_token_learns_that_its_scopes_future_was_dropped_polled_or_not() {
    for polled in [false, true] {
        let reason = testing::run(async {
            let scope = CancelScope::new();
            let token = scope.token();
            let waits = spawn(async move { token.cancelled().await });
            yield_now().await;
            let mut body = Box::pin(scope.run(pending::<()>()));
            if polled {
                assert!(futures::poll!(body.as_mut()).is_pending());
            }
            drop(body);
            timeout(ms(100), waits).await
        });
        assert_eq!(reason.unwrap().unwrap(), CancelReason::OwnerDropped);
    }
}

#[test]
fn cancel_10_points_are_reached_in_a_crowd_in_which_several_wake_themselves() {
    let (executor, reports) = reporting();
    let log = Log::new();
    executor.run(async {
        let scope = CancelScope::new();
        let other = scope.clone();
        spawn(async move {
            for _ in 0..20 {
                yield_now().await;
            }
            other.cancel("x");
        })
        .detach();
        let body = async {
            let mut all: FuturesUnordered<Boxed<'_>> = FuturesUnordered::new();
            for _ in 0..5 {
                all.push(Box::pin(async {
                    loop {
                        yield_now().await;
                    }
                }));
            }
            for _ in 0..3 {
                all.push(Box::pin(finally(pending::<()>(), async |_: Option<&()>| log.say("cleaned"))));
            }
            while all.next().await.is_some() {}
        };
        assert!(scope.run(body).await.is_err());
    });
    assert_eq!(log.take(), ["cleaned"; 3]);
    assert_eq!(reports.take(), [""; 0]);
}

#[test]
fn a_point_may_be_polled_by_the_waker_of_a_join_and_of_a_timer() {
    for timer in [false, true] {
        let log = Log::new();
        let says = log.clone();
        let clock = crate::kit::probe::HandClock::default();
        let executor = Executor::builder().clock(clock.clone()).build();
        let first = executor.spawn(yield_now());
        let second = executor.spawn(async move {
            for _ in 0..3 {
                yield_now().await;
            }
        });
        executor.run(async {
            polled_in_wake(async move {
                if timer {
                    sleep(ms(1)).await
                } else {
                    first.await.unwrap()
                }
                let body = async { if timer { sleep(ms(1)).await } else { second.await.unwrap() } };
                finally(body, async |ended: Option<&()>| says.show(ended)).await;
            });
        });
        for now in 1..9 {
            clock.set(ms(now));
            executor.run_until_stalled();
        }
        defuse();
        assert_eq!(log.take(), ["Some(())"], "timer: {timer}");
    }
}

#[test]
fn a_scope_that_foreign_code_drops_in_the_middle_of_its_clean_up_takes_its_hold_with_it() {
    let (executor, reports) = reporting();
    executor.run(async {
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        let body = async {
            let hangs = Box::pin(inner.run(finally(pending::<()>(), async |_: Option<&()>| pending::<()>().await)));
            drop(select(hangs, Box::pin(shield(sleep(ms(5))))).await);
            pending::<()>().await;
        };
        let told = async { (sleep(ms(1)).await, outer.cancel("x")).1 };
        let (ended, _) = futures::join!(outer.run(body), told);
        assert_eq!(ended, Err(Cancelled("x".into())));
        assert_eq!(Instant::now(), Instant::from_origin(ms(5)));
    });
    assert_eq!(reports.take(), ["clean-up skipped"]);
}

#[test]
fn a_second_cancellation_from_outside_during_clean_up_polls_nothing_needlessly() {
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    testing::run(async {
        let task = spawn(finally(pending::<()>(), async move |_: Option<&()>| {
            let counted = Polls::default();
            futures::join!(counted.pending(), async {
                sleep(ms(5)).await;
                count.set(counted.count());
                counted.pending().await
            });
        }));
        yield_now().await;
        task.cancel("one");
        yield_now().await;
        task.cancel("two");
        task.cancel("three");
        sleep(ms(9)).await;
        task.abort();
        let _ = task.await;
    });
    assert_eq!(polls.get(), 2);
}
