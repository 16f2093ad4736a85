//! The rules of cancellation, 8 to 13: grace periods, abort, states, foreign combinators, cost.

use crate::kit::{
    probe::{Drops, ms, on_drop},
    scopes::{Boxed, Log, Polls, reporting},
};
use evenkeel::{
    CancelReason, CancelScope, Executor, Instant, JoinError, current_task, finally, shield, sleep, spawn, testing,
    timeout, yield_now,
};
use futures::{
    future::{Either, join_all, select},
    stream::{FuturesUnordered, StreamExt},
};
use std::{cell::RefCell, future::pending, pin::pin, rc::Rc, task::Poll};

#[test]
fn cancel_08_a_scopes_grace_period_ends_its_clean_up_and_is_reported_by_name() {
    let (executor, reports) = reporting();
    let log = Log::new();
    executor.run(async {
        let (scope, says) = (CancelScope::new(), log.clone());
        scope.set_grace(ms(5));
        let inner = scope.clone();
        let task = spawn(async move {
            let body = finally(pending::<()>(), async |_: Option<&()>| says.clean("clean-up", ms(50)).await);
            says.show(inner.run(body).await);
        });
        let task = task.named("slow");
        yield_now().await;
        scope.cancel("x");
        task.await.unwrap();
        log.show(Instant::now() == Instant::from_origin(ms(5)));
    });
    assert_eq!(log.take(), ["clean-up begins", r#"Err(Cancelled(Requested("x")))"#, "true"]);
    assert_eq!(reports.take(), ["slow: grace exceeded"]);
}

#[test]
fn cancel_08_clean_up_within_the_grace_period_is_not_reported() {
    let (executor, reports) = reporting();
    let log = Log::new();
    executor.run(async {
        let scope = CancelScope::new();
        scope.set_grace(ms(5));
        let body = finally(pending::<()>(), async |_: Option<&()>| log.clean("clean-up", ms(4)).await);
        let _ = futures::join!(scope.run(body), async { scope.cancel("x") });
    });
    assert_eq!(log.take(), ["clean-up begins", "clean-up ends"]);
    assert_eq!(reports.take(), [""; 0]);
}

#[test]
fn cancel_08_no_grace_at_all_polls_clean_up_once() {
    let (executor, reports) = reporting();
    let log = Log::new();
    executor.run(async {
        let scope = CancelScope::new();
        scope.set_grace(ms(0));
        let body = finally(pending::<()>(), async |_: Option<&()>| log.clean("clean-up", ms(4)).await);
        let _ = futures::join!(scope.run(body), async { scope.cancel("x") });
        log.say("ended");
    });
    assert_eq!(log.take(), ["clean-up begins", "ended"]);
    assert_eq!(reports.take(), ["grace exceeded"]);
}

#[test]
fn cancel_08_an_inner_scopes_grace_period_also_holds_when_an_outer_one_is_cancelled() {
    let (executor, reports) = reporting();
    let log = Log::new();
    executor.run(async {
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        inner.set_grace(ms(5));
        let hangs = inner.run(finally(pending::<()>(), async |_: Option<&()>| pending::<()>().await));
        let body = async {
            let _ = hangs.await;
            log.say("never");
        };
        let told = async { (sleep(ms(1)).await, outer.cancel("x")).1 };
        let (ended, _) = futures::join!(outer.run(body), told);
        log.show((ended.is_err(), Instant::now() == Instant::from_origin(ms(6))));
    });
    assert_eq!(log.take(), ["(true, true)"]);
    assert_eq!(reports.take(), ["grace exceeded"]);
}

#[test]
fn cancel_08_abort_is_a_hard_stop_without_clean_up_and_without_a_report() {
    for in_clean_up in [false, true] {
        let (executor, reports) = reporting();
        let (log, drops) = (Log::new(), Drops::default());
        executor.run(async {
            let (says, guard) = (log.clone(), drops.guard());
            let task = spawn(async move {
                let _guard = guard;
                finally(pending::<()>(), async |_: Option<&()>| says.clean("clean-up", ms(5)).await).await
            });
            yield_now().await;
            if in_clean_up {
                task.cancel("softly");
                yield_now().await;
            }
            task.abort();
            assert_eq!(drops.count(), 0);
            log.show(task.await);
        });
        let expected: &[&str] = if in_clean_up {
            &["clean-up begins", r#"Err(Cancelled(Requested("softly")))"#]
        } else {
            &["Err(Cancelled(Aborted))"]
        };
        assert_eq!(log.take(), expected);
        assert_eq!((reports.take(), drops.count()), (vec![], 1));
    }
}

#[test]
fn cancel_08_what_is_dropped_is_dropped_by_the_loop() {
    let drops = Drops::default();
    testing::run(async {
        let scope = CancelScope::new();
        let (inner, guard) = (scope.clone(), drops.guard());
        spawn(async move { inner.run(async move { (pending::<()>().await, guard).0 }).await }).detach();
        yield_now().await;
        scope.cancel("x");
        assert_eq!(drops.count(), 0);
        yield_now().await;
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn cancel_08_a_task_that_is_dropped_during_its_clean_up_finishes_it() {
    let (executor, reports) = reporting();
    let log = Log::new();
    executor.run(async {
        let says = log.clone();
        let task = spawn(finally(pending::<()>(), async move |_: Option<&()>| says.clean("clean-up", ms(5)).await));
        yield_now().await;
        task.cancel("x");
        yield_now().await;
        drop(task);
        sleep(ms(10)).await;
        log.say("later");
    });
    assert_eq!(log.take(), ["clean-up begins", "clean-up ends", "later"]);
    assert_eq!(reports.take(), [""; 0]);
}

#[test]
fn cancel_09_the_states_of_a_task_are_visible_with_the_reason() {
    let log = Log::new();
    let says = log.clone();
    testing::run(async {
        let mut task = spawn(async move {
            let look = on_drop(|| says.show(current_task().state().unwrap()));
            finally(pending::<()>(), async |_: Option<&()>| {
                yield_now().await;
                says.show(current_task().state().unwrap());
                sleep(ms(1)).await;
            })
            .await;
            drop(look);
        });
        let show = |task: &evenkeel::Task<()>| log.show((task.state(), task.cancel_reason().is_some()));
        show(&task);
        yield_now().await;
        show(&task);
        task.cancel("x");
        show(&task);
        yield_now().await;
        show(&task);
        sleep(ms(5)).await;
        show(&task);
        let _ = task.outcome().await;
    });
    let running = "(Running, false)";
    let cleaning = ["(CleaningUp, true)", "CleaningUp", "CleaningUp"];
    assert_eq!(
        log.take(),
        [&[running, running, "(CancelRequested, true)"], &cleaning[..], &["(Ended, true)"]].concat()
    );
}

#[test]
fn cancel_09_the_reasons_that_the_executor_gives() {
    let log = Log::new();
    let says = log.clone();
    testing::run(async {
        let outcome = |task: evenkeel::Task<()>| async {
            let Err(JoinError::Cancelled(reason)) = task.await else { panic!() };
            log.say(reason.to_string());
        };
        let one = spawn(pending());
        one.cancel("a text");
        outcome(one).await;
        let two = spawn(pending());
        two.abort();
        outcome(two).await;
        let three = spawn(finally(pending(), async move |_: Option<&()>| {
            says.say(current_task().cancel_reason().unwrap().to_string());
        }));
        yield_now().await;
        drop(three);
        yield_now().await;
        yield_now().await;
        let scope = CancelScope::new();
        scope.set_deadline(Instant::now());
        log.say(scope.run(pending::<()>()).await.unwrap_err().to_string());
        let says = log.clone();
        spawn(finally(pending(), async move |_: Option<&()>| {
            says.say(current_task().cancel_reason().unwrap().to_string());
        }))
        .detach();
        yield_now().await;
    });
    let closing = CancelReason::Shutdown.to_string();
    let expected =
        ["a text", "it was aborted", "its owner was dropped", "cancelled: its deadline has passed", &closing[..]];
    assert_eq!(log.take(), expected);
}

#[test]
fn cancel_10_points_are_reached_through_combinators_that_poll_only_the_branch_that_was_woken() {
    for kind in 0..3 {
        let (executor, reports) = reporting();
        let log = Log::new();
        let mut expected: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        executor.run(async {
            let one = |n: usize| -> Boxed<'_> {
                let log = &log;
                Box::pin(finally(pending::<()>(), async move |_: Option<&()>| {
                    sleep(ms(1)).await;
                    log.say(n.to_string());
                }))
            };
            let all = async {
                match kind {
                    0 => drop(join_all((0..100).map(one)).await),
                    1 => (0..100).map(one).collect::<FuturesUnordered<_>>().for_each(async |()| ()).await,
                    _ => futures::stream::iter((0..100).map(one)).buffer_unordered(100).for_each(async |()| ()).await,
                }
            };
            assert!(timeout(ms(1), all).await.is_err());
        });
        let mut got = log.take();
        got.sort();
        expected.sort();
        assert_eq!((got, reports.take()), (expected, vec![]));
    }
}

#[test]
fn cancel_11_a_task_without_clean_up_points_is_not_even_polled() {
    let polls = Polls::default();
    let executor = Executor::new();
    let scope = CancelScope::new();
    let task = executor.spawn({
        let body = timeout(ms(100_000), scope.run(polls.pending()));
        async move { drop(body.await) }
    });
    executor.run_until_stalled();
    task.cancel("x");
    executor.run_until_stalled();
    assert_eq!((polls.count(), task.is_finished()), (1, true));
}

#[test]
fn cancel_12_a_point_that_foreign_code_drops_is_skipped_and_reported() {
    let (executor, reports) = reporting();
    let log = Log::new();
    executor.run(async {
        let guarded = pin!(finally(pending::<()>(), async |_: Option<&()>| log.say("never")));
        let won = matches!(select(guarded, pin!(sleep(ms(1)))).await, Either::Right(_));
        assert!(won);
        drop(async { shield(pending::<()>()).await });
        log.say("select! as well");
        let mut cleaning = Box::pin(finally(async {}, async |_: Option<&()>| pending::<()>().await));
        let mut shielded = Box::pin(shield(pending::<()>()));
        futures::select_biased! {
            () = futures::FutureExt::fuse(&mut cleaning) => unreachable!(),
            () = futures::FutureExt::fuse(&mut shielded) => unreachable!(),
            () = futures::FutureExt::fuse(sleep(ms(1))) => {}
        }
    });
    assert_eq!(log.take(), ["select! as well"]);
    assert_eq!(reports.take(), ["clean-up skipped"; 3]);
}

#[test]
fn cancel_12_the_report_names_the_place_of_the_point() {
    let places = Rc::new(RefCell::new(Vec::new()));
    let kept = places.clone();
    let hook = move |unhandled: &evenkeel::host::Unhandled| {
        if let evenkeel::host::UnhandledKind::CleanupSkipped(location) = unhandled.kind() {
            kept.borrow_mut().push((location.file(), location.line()));
        }
    };
    let mut line = 0;
    Executor::builder().on_unhandled(hook).build().run(async {
        line = line!() + 1;
        let mut guarded = Box::pin(finally(pending::<()>(), async |_: Option<&()>| ()));
        assert!(futures::poll!(&mut guarded).is_pending());
    });
    assert_eq!(*places.borrow(), [(file!(), line)]);
}

#[test]
fn cancel_12_a_point_that_was_never_polled_is_just_dropped() {
    let (executor, reports) = reporting();
    executor.run(async {
        drop(finally(pending::<()>(), async |_: Option<&()>| ()));
        drop(shield(pending::<()>()));
        drop(evenkeel::finally_with((), async |_: &mut ()| (), async |(), _| ()));
    });
    assert_eq!(reports.take(), [""; 0]);
}

#[test]
fn cancel_13_branches_of_a_foreign_combinator_go_on_until_the_last_reached_point_has_ended() {
    let log = Log::new();
    testing::run(async {
        let works = async {
            for n in 0.. {
                sleep(ms(2)).await;
                log.show(n);
            }
        };
        let cleans = finally(pending::<()>(), async |_: Option<&()>| sleep(ms(5)).await);
        let _ = timeout(ms(1), async { futures::join!(works, cleans) }).await;
        log.say("ended");
    });
    assert_eq!(log.take(), ["0", "1", "2", "ended"]);
}

#[test]
fn cancel_13_a_branch_that_finishes_meanwhile_may_complete_the_scope() {
    testing::run(async {
        let cleans = finally(pending::<()>(), async |_: Option<&()>| sleep(ms(5)).await);
        let both = async {
            match select(pin!(sleep(ms(3))), pin!(cleans)).await {
                Either::Left(_) => "left",
                Either::Right(_) => "right",
            }
        };
        assert_eq!(timeout(ms(1), both).await, Ok("left"));
    });
}

#[test]
fn cancel_07_clean_up_runs_once_also_when_it_is_polled_more_often() {
    let log = Log::new();
    testing::run(async {
        let cleanup = async |_: Option<&()>| {
            log.say("begins");
            Polls::default()
                .of(|n, cx| if n == 20 { Poll::Ready(()) } else { (cx.waker().wake_by_ref(), Poll::Pending).1 })
                .await;
            log.say("ends");
        };
        let _ = timeout(ms(1), finally(pending::<()>(), cleanup)).await;
    });
    assert_eq!(log.take(), ["begins", "ends"]);
}
