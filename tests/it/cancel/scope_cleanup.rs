//! The rules of cancellation, 7: clean-up that awaits.

use crate::kit::{
    probe::{ms, on_drop},
    scopes::{Log, Polls, reporting},
};
use evenkeel::{
    CancelScope, Elapsed, Instant, finally, finally_with, shield, sleep, spawn, testing, timeout, yield_now,
};
use std::{cell::Cell, future::pending, task::Poll};

#[test]
fn cancel_07_finally_runs_clean_up_after_a_value_and_yields_it() {
    let log = Log::new();
    testing::run(async {
        let cleanup = async |ended: Option<&i32>| log.show((ended, Instant::now() == Instant::from_origin(ms(1))));
        let value = finally(async { (sleep(ms(1)).await, 5).1 }, cleanup).await;
        log.show(value);
    });
    assert_eq!(log.take(), ["(Some(5), true)", "5"]);
}

#[test]
fn cancel_07_finally_runs_clean_up_after_a_cancellation_and_its_code_is_not_resumed() {
    let log = Log::new();
    testing::run(async {
        let work = async {
            finally(pending::<()>(), async |ended: Option<&()>| {
                log.show(ended);
                log.clean("clean-up", ms(5)).await;
            })
            .await;
            log.say("never");
        };
        log.show(timeout(ms(1), work).await);
    });
    assert_eq!(log.take(), ["None", "clean-up begins", "clean-up ends", "Err(Elapsed)"]);
}

#[test]
fn cancel_07_the_body_is_dropped_before_clean_up_begins() {
    let log = Log::new();
    testing::run(async {
        let body = async {
            let _guard = on_drop(|| log.say("body dropped"));
            pending::<()>().await
        };
        let cleanup = async |_: Option<&()>| log.clean("clean-up", ms(1)).await;
        let _ = timeout(ms(1), finally(body, cleanup)).await;
    });
    assert_eq!(log.take(), ["body dropped", "clean-up begins", "clean-up ends"]);
}

#[test]
fn cancel_07_finally_with_owns_a_resource_that_both_need() {
    for cancel in [false, true] {
        let log = Log::new();
        testing::run(async {
            let body = async |steps: &mut Vec<&str>| {
                steps.push("begin");
                sleep(ms(if cancel { 10 } else { 1 })).await;
                steps.push("work");
                7
            };
            let cleanup = async |steps: Vec<&str>, ended: Option<&i32>| {
                sleep(ms(1)).await;
                log.show((steps, ended));
            };
            log.show(timeout(ms(5), finally_with(Vec::new(), body, cleanup)).await);
        });
        let expected = if cancel {
            [r#"(["begin"], None)"#, "Err(Elapsed)"]
        } else {
            [r#"(["begin", "work"], Some(7))"#, "Ok(7)"]
        };
        assert_eq!(log.take(), expected);
    }
}

#[test]
fn cancel_07_a_shield_lets_its_future_finish_and_the_code_is_stopped_where_it_awaits_next() {
    let log = Log::new();
    testing::run(async {
        let work = async {
            let value = shield(async { (sleep(ms(5)).await, 5).1 }).await;
            log.show(value);
            pending::<()>().await;
            log.say("never");
        };
        log.show(timeout(ms(1), work).await);
        log.show(Instant::now() == Instant::from_origin(ms(5)));
    });
    assert_eq!(log.take(), ["5", "Err(Elapsed)", "true"]);
}

#[test]
fn cancel_07_a_shields_result_may_complete_the_scope() {
    testing::run(async {
        let work = async { shield(async { (sleep(ms(5)).await, 5).1 }).await + 1 };
        assert_eq!(timeout(ms(1), work).await, Ok(6));
    });
}

#[test]
fn cancel_07_clean_up_that_began_after_a_value_is_waited_for_and_the_value_is_returned() {
    let log = Log::new();
    testing::run(async {
        let work = async {
            let value = finally(async { 5 }, async |_: Option<&i32>| log.clean("clean-up", ms(5)).await).await;
            log.show(value);
            pending::<()>().await;
        };
        log.show(timeout(ms(1), work).await);
    });
    assert_eq!(log.take(), ["clean-up begins", "clean-up ends", "5", "Err(Elapsed)"]);
}

#[test]
fn cleanup_01_cancelling_reaches_all_points_in_all_branches() {
    let log = Log::new();
    testing::run(async {
        let one = |name: &'static str, time| {
            let log = log.clone();
            finally(pending::<()>(), async move |_: Option<&()>| log.clean(name, ms(time)).await)
        };
        let all = async { futures::join!(one("slow", 9), one("quick", 1), one("middle", 5)) };
        log.show(timeout(ms(1), all).await);
    });
    let begin = ["slow begins", "quick begins", "middle begins"];
    let end = ["quick ends", "middle ends", "slow ends", "Err(Elapsed)"];
    assert_eq!(log.take(), [&begin[..], &end[..]].concat());
}

#[test]
fn cancel_07_a_point_that_a_reached_point_opens_after_it_is_reached_too() {
    let log = Log::new();
    testing::run(async {
        let work = async {
            shield(sleep(ms(5))).await;
            let late = finally(pending::<()>(), async |_: Option<&()>| log.clean("late", ms(5)).await);
            late.await;
            log.say("never");
        };
        log.show(timeout(ms(1), work).await);
    });
    assert_eq!(log.take(), ["late begins", "late ends", "Err(Elapsed)"]);
}

#[test]
fn cleanup_02_the_scope_ends_in_the_poll_in_which_the_last_point_is_done() {
    testing::run(async {
        let polls = Polls::default();
        let scope = CancelScope::new();
        let body = async { futures::join!(polls.pending(), finally(pending::<()>(), async |_: Option<&()>| ())) };
        let (ended, _) = futures::join!(scope.run(body), async { scope.cancel("x") });
        assert!(ended.is_err());
        // The first one; the one that reaches the point; and one more, as that reached a new one.
        assert_eq!(polls.count(), 3);
    });
}

#[test]
fn cancel_07_points_nest_innermost_first() {
    let log = Log::new();
    testing::run(async {
        let inner = finally(pending::<()>(), async |_: Option<&()>| log.clean("inner", ms(2)).await);
        let middle = finally(inner, async |_: Option<&()>| log.clean("middle", ms(2)).await);
        let outer = finally(middle, async |_: Option<&()>| log.clean("outer", ms(2)).await);
        let _ = timeout(ms(1), outer).await;
    });
    let order = ["inner begins", "inner ends", "middle begins", "middle ends", "outer begins", "outer ends"];
    assert_eq!(log.take(), order);
}

#[test]
fn cancel_07_clean_up_once_begun_is_shielded_from_earlier_and_later_cancellations() {
    let (executor, reports) = reporting();
    let log = Log::new();
    executor.run(async {
        let (outer, inner, says) = (CancelScope::new(), CancelScope::new(), log.clone());
        let (one, two) = (outer.clone(), inner.clone());
        let mut task = spawn(async move {
            let cleanup = async |_: Option<&()>| says.clean("clean-up", ms(10)).await;
            one.run(two.run(finally(pending::<()>(), cleanup))).await
        });
        yield_now().await;
        inner.cancel("first");
        for cancel in [0, 1, 2] {
            sleep(ms(1)).await;
            match cancel {
                0 => assert!(!inner.cancel("again")),
                1 => assert!(outer.cancel("from further out")),
                _ => task.cancel("from outside"),
            }
        }
        log.show(task.outcome().await);
        log.show(Instant::now() == Instant::from_origin(ms(10)));
    });
    let outcome = r#"Err(Cancelled(Requested("from outside")))"#;
    assert_eq!(log.take(), ["clean-up begins", "clean-up ends", outcome, "true"]);
    assert_eq!(reports.take(), [""; 0]);
}

#[test]
fn cancel_07_scopes_opened_inside_clean_up_stop_it() {
    let log = Log::new();
    testing::run(async {
        let cleanup = async |_: Option<&()>| {
            log.show(timeout(ms(3), pending::<()>()).await);
            let scope = CancelScope::new();
            let ended = futures::join!(scope.run(pending::<()>()), async { scope.cancel("inside") });
            log.show(ended);
        };
        log.show(timeout(ms(1), finally(pending::<()>(), cleanup)).await);
    });
    let inside = r#"(Err(Cancelled(Requested("inside"))), true)"#;
    assert_eq!(log.take(), ["Err(Elapsed)", inside, "Err(Elapsed)"]);
}

#[test]
fn cancel_07_code_in_clean_up_and_in_a_shield_is_not_cancelled() {
    let log = Log::new();
    testing::run(async {
        let scope = CancelScope::new();
        let look = async || {
            let inner = CancelScope::new();
            log.show(inner.run(async { inner.is_cancelled() }).await);
        };
        let work = async {
            shield(async {
                sleep(ms(2)).await;
                look().await;
            })
            .await;
            finally(pending::<()>(), async |_: Option<&()>| look().await).await;
        };
        let (ended, _) = futures::join!(scope.run(work), async { scope.cancel("x") });
        assert!(ended.is_err());
    });
    assert_eq!(log.take(), ["Ok(false)", "Ok(false)"]);
}

#[test]
fn cancel_07_a_shield_first_polled_in_a_cancelled_scope_shields_nothing() {
    let polls = Polls::default();
    testing::run(async {
        let scope = CancelScope::new();
        let body = async {
            scope.cancel("x");
            shield(polls.pending()).await;
        };
        assert!(scope.run(body).await.is_err());
    });
    assert_eq!(polls.count(), 1);
}

#[test]
fn cancel_07_a_finally_first_polled_in_a_cancelled_scope_polls_its_body_once_cleans_up_and_is_not_resumed() {
    for ready in [false, true] {
        let (log, polls) = (Log::new(), Polls::default());
        testing::run(async {
            let scope = CancelScope::new();
            let body = async {
                scope.cancel("x");
                let body = polls.of(|_, _| if ready { Poll::Ready(5) } else { Poll::Pending });
                finally(body, async |ended: Option<&i32>| {
                    log.show(ended);
                    log.clean("clean-up", ms(5)).await;
                })
                .await;
                log.say("never");
            };
            log.show(scope.run(body).await);
        });
        let ended = if ready { "Some(5)" } else { "None" };
        assert_eq!(log.take(), [ended, "clean-up begins", "clean-up ends", r#"Err(Cancelled(Requested("x")))"#]);
        assert_eq!(polls.count(), 1);
    }
}

#[test]
fn cancel_07_a_loop_around_a_shield_ends() {
    let steps = Cell::new(0);
    testing::run(async {
        let step = async || {
            steps.set(steps.get() + 1);
            sleep(ms(1)).await;
        };
        let forever = async {
            loop {
                shield(step()).await;
            }
        };
        assert_eq!(timeout(ms(4), forever).await, Err::<(), _>(Elapsed));
        // The step at whose end the time is over, and one that is stopped.
        assert!(Instant::now() <= Instant::from_origin(ms(5)), "{:?}", Instant::now());
        assert!((4..=6).contains(&steps.get()), "{}", steps.get());
    });
}

#[test]
fn cancel_07_a_loop_around_a_finally_that_is_always_ready_ends() {
    let log = Log::new();
    testing::run(async {
        let scope = CancelScope::new();
        let forever = async {
            for round in 0.. {
                if round == 2 {
                    scope.cancel("x");
                }
                finally(async {}, async |_: Option<&()>| log.say("cleaned")).await;
            }
        };
        assert!(scope.run(forever).await.is_err());
    });
    assert_eq!(log.take(), ["cleaned"; 3]);
}

#[test]
fn cancel_07_a_panic_in_clean_up_beats_the_cancellation() {
    let (executor, reports) = reporting();
    let outcome = executor.run(async {
        let task = spawn(finally(pending::<()>(), async |_: Option<&()>| {
            sleep(ms(1)).await;
            panic!("clean-up");
        }));
        yield_now().await;
        task.cancel("x");
        task.await
    });
    assert!(matches!(outcome, Err(evenkeel::JoinError::Panicked(panic)) if panic.message() == "clean-up"));
    assert_eq!(reports.take(), [""; 0]);
}
