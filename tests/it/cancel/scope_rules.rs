//! The rules of cancellation, 1 to 6: scopes, the mark, delivery, results, and who is resumed.

use crate::kit::{
    probe::{Drops, ms, my_waker, on_drop},
    scopes::{Log, Polls, poll_slot, reporting},
};
use evenkeel::{
    CancelReason, CancelScope, Cancelled, Elapsed, Executor, JoinError, finally, run, sleep, spawn, testing, timeout,
    yield_now,
};
use std::{cell::RefCell, future::pending, rc::Rc, task::Poll};

fn cancelled(reason: &'static str) -> Cancelled {
    Cancelled(reason.into())
}

#[test]
fn cancel_01_every_task_has_a_root_scope() {
    testing::run(async {
        let task = spawn(pending::<()>());
        yield_now().await;
        task.cancel("root");
        assert!(matches!(task.await, Err(JoinError::Cancelled(reason)) if reason == "root".into()));
    });
}

#[test]
fn cancel_01_a_scope_is_a_part_of_a_task_and_the_rest_goes_on() {
    let log = Log::new();
    testing::run(async {
        let scope = CancelScope::new();
        let part = async {
            log.show(scope.run(pending::<()>()).await);
            log.say("goes on");
        };
        futures::join!(part, async { scope.cancel("x") });
    });
    assert_eq!(log.take(), [r#"Err(Cancelled(Requested("x")))"#, "goes on"]);
}

#[test]
fn cancel_01_scopes_form_a_tree() {
    testing::run(async {
        let [outer, left, right] = [(); 3].map(|()| CancelScope::new());
        let seen = || [&outer, &left, &right].map(CancelScope::is_cancelled);
        let body = async { futures::join!(left.run(pending::<()>()), right.run(pending::<()>())) };
        let told = async {
            assert_eq!(seen(), [false; 3]);
            left.cancel("left");
            assert_eq!(seen(), [false, true, false]);
            outer.cancel("outer");
            assert_eq!(seen(), [true; 3]);
            assert_eq!(right.reason(), None);
        };
        let (ended, ()) = futures::join!(outer.run(body), told);
        assert_eq!(ended, Err(cancelled("outer")));
    });
}

#[test]
#[should_panic(expected = "a second future was run in one CancelScope")]
fn cancel_01_run_is_called_once_per_scope() {
    testing::run(async {
        let scope = CancelScope::new();
        scope.run(async {}).await.unwrap();
        let _ = scope.run(async {}).await;
    });
}

#[test]
fn cancel_01_a_scope_belongs_to_the_task_in_which_it_was_last_polled() {
    let log = Log::new();
    let slot = Rc::new(RefCell::new(None));
    testing::run(async {
        let scope = CancelScope::new();
        let says = log.clone();
        let body = finally(pending::<()>(), async move |_: Option<&()>| says.clean("clean-up", ms(1)).await);
        *slot.borrow_mut() = Some(Box::pin(scope.run(body)) as _);
        let (one, two) = (slot.clone(), slot.clone());
        let mut first = spawn(async move { poll_slot(&one).await });
        yield_now().await;
        let second = spawn(async move { poll_slot(&two).await });
        yield_now().await;
        // It has left the first: that has nothing to clean up.
        first.cancel("first");
        log.show(first.outcome().await);
        assert!(!scope.is_cancelled());
        second.cancel("second");
        assert!(scope.is_cancelled());
        log.show(second.await);
    });
    let first = r#"Err(Cancelled(Requested("first")))"#;
    let second = r#"Err(Cancelled(Requested("second")))"#;
    assert_eq!(log.take(), [first, "clean-up begins", "clean-up ends", second]);
}

#[test]
fn cancel_01_a_scope_that_has_moved_is_cancelled_where_it_is_also_on_another_executor() {
    let slot = Rc::new(RefCell::new(None));
    let (here, there) = (Executor::new(), Executor::new());
    let scope = CancelScope::new();
    *slot.borrow_mut() = Some(Box::pin(scope.run(finally(pending::<()>(), async |_: Option<&()>| ()))) as _);
    let (one, two) = (slot.clone(), slot.clone());
    let mut first = here.spawn(async move { poll_slot(&one).await });
    here.run_until_stalled();
    let mut second = there.spawn(async move { poll_slot(&two).await });
    there.run_until_stalled();
    scope.cancel("moved");
    here.run_until_stalled();
    assert!(first.take_result().is_none());
    there.run_until_stalled();
    assert_eq!(second.take_result().unwrap().unwrap(), Err(cancelled("moved")));
}

#[test]
fn cancel_02_the_first_reason_stays() {
    let scope = CancelScope::new();
    assert!(scope.cancel("first"));
    assert!(!scope.cancel(CancelReason::Interrupted));
    assert_eq!(scope.reason(), Some("first".into()));
    assert_eq!(run(scope.run(pending::<()>())), Err(cancelled("first")));
    assert!(!scope.cancel("after the end"));
}

#[test]
fn cancel_02_a_cancelled_scope_stays_cancelled_and_every_later_await_stops() {
    let log = Log::new();
    testing::run(async {
        let scope = CancelScope::new();
        let ended = scope.run(async {
            scope.cancel("x");
            // Swallowing the end of an inner scope swallows nothing: that is not even returned.
            let inner = timeout(ms(1), pending::<()>()).await;
            log.show(inner);
            pending::<()>().await;
        });
        log.show(ended.await);
        assert!(scope.is_cancelled());
    });
    assert_eq!(log.take(), [r#"Err(Cancelled(Requested("x")))"#]);
}

#[test]
fn cancel_03_destructors_run_from_the_innermost_outwards() {
    let log = Log::new();
    let say = |what: &'static str| {
        let log = log.clone();
        on_drop(move || log.say(what))
    };
    testing::run(async {
        let outer = CancelScope::new();
        let body = async {
            let _first = say("first");
            let _second = say("second");
            let inner = CancelScope::new();
            let deepest = async {
                let _third = say("third");
                timeout(ms(100), async {
                    let _fourth = say("fourth");
                    pending::<()>().await
                })
                .await
            };
            let _ = inner.run(deepest).await;
        };
        let _ = futures::join!(outer.run(body), async { outer.cancel("x") });
        log.say("ended");
    });
    assert_eq!(log.take(), ["fourth", "third", "second", "first", "ended"]);
}

#[test]
fn cancel_03_code_that_does_not_suspend_is_not_stopped() {
    let log = Log::new();
    testing::run(async {
        let scope = CancelScope::new();
        let body = async {
            scope.cancel("x");
            log.say("one");
            async {}.await;
            std::future::ready(()).await;
            log.say("two");
            sleep(ms(1)).await;
            log.say("never");
        };
        assert!(scope.run(body).await.is_err());
    });
    assert_eq!(log.take(), ["one", "two"]);
}

#[test]
fn cancel_03_it_stops_futures_that_know_nothing_of_it() {
    let (_sender, receiver) = futures::channel::oneshot::channel::<()>();
    let (scope, drops) = (CancelScope::new(), Drops::default());
    let guard = drops.guard();
    testing::run(async {
        let body = async move { (receiver.await, guard).0 };
        let (ended, _) = futures::join!(scope.run(body), async { scope.cancel("x") });
        assert_eq!((ended, drops.count()), (Err(cancelled("x")), 1));
    });
}

#[test]
fn cancel_03_a_scope_that_is_cancelled_before_its_first_poll_does_not_start_its_future() {
    let (polls, drops) = (Polls::default(), Drops::default());
    testing::run(async {
        let (scope, guard) = (CancelScope::new(), drops.guard());
        let body = polls.of(move |_, _| Poll::Ready(&guard as *const _ as usize));
        let future = scope.run(body);
        scope.cancel("early");
        assert_eq!(future.await, Err(cancelled("early")));
        assert_eq!((polls.count(), drops.count()), (0, 1));
    });
}

#[test]
fn cancel_03_nor_does_one_in_a_scope_that_is_cancelled() {
    let polls = Polls::default();
    testing::run(async {
        let outer = CancelScope::new();
        let body = async {
            outer.cancel("x");
            let _ = CancelScope::new().run(polls.pending()).await;
        };
        assert!(outer.run(body).await.is_err());
    });
    assert_eq!(polls.count(), 0);
}

#[test]
fn cancel_03_a_timeout_at_its_own_deadline_still_polls_its_body_once() {
    testing::run(async {
        let polls = Polls::default();
        assert_eq!(timeout(ms(0), polls.pending()).await, Err(Elapsed));
        assert_eq!(polls.count(), 1);
        assert_eq!(timeout(ms(0), async { 5 }).await, Ok(5));
    });
}

#[test]
fn cancel_04_a_completed_result_is_never_lost() {
    testing::run(async {
        let scope = CancelScope::new();
        let (sender, receiver) = futures::channel::oneshot::channel();
        let told = async {
            sender.send(5).unwrap();
            scope.cancel("in the same poll");
        };
        let (ended, ()) = futures::join!(scope.run(receiver), told);
        assert_eq!(ended, Ok(Ok(5)));
    });
}

#[test]
fn cancel_04_a_scope_inside_a_task_polls_its_body_exactly_once_more() {
    for from_inside in [false, true] {
        testing::run(async {
            let (scope, polls) = (CancelScope::new(), Polls::default());
            let cancel = || scope.cancel("x");
            let body = polls.of(|n, cx| {
                if n == 1 && from_inside {
                    cancel();
                }
                // Being woken later makes no difference.
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            });
            let (ended, _) = futures::join!(scope.run(body), async { !from_inside && cancel() });
            // From inside, the rest of the poll is the one more.
            assert_eq!((ended, polls.count()), (Err(cancelled("x")), if from_inside { 1 } else { 2 }));
        });
    }
}

#[test]
fn cancel_04_a_root_scope_does_so_if_the_task_had_been_woken() {
    testing::run(async {
        for woken in [false, true] {
            let (polls, waker) = (Polls::default(), Rc::new(RefCell::new(None)));
            let (count, slot) = (polls.clone(), waker.clone());
            let task = spawn(async move {
                *slot.borrow_mut() = Some(my_waker().await);
                count.pending().await;
            });
            yield_now().await;
            if woken {
                waker.take().unwrap().wake();
            }
            task.cancel("x");
            assert!(task.await.is_err());
            assert_eq!(polls.count(), if woken { 2 } else { 1 });
        }
    });
}

#[test]
fn cancel_04_if_that_poll_suspends_again_it_is_stopped_there() {
    let log = Log::new();
    testing::run(async {
        let scope = CancelScope::new();
        let body = async {
            yield_now().await;
            log.say("the next await");
            pending::<()>().await;
        };
        let _ = futures::join!(scope.run(body), async { scope.cancel("x") });
    });
    assert_eq!(log.take(), ["the next await"]);
}

#[test]
fn cancel_05_what_is_cancelled_before_its_first_poll_never_starts_and_what_it_captured_is_dropped() {
    let (executor, reports) = reporting();
    let (drops, log) = (Drops::default(), Log::new());
    let (guard, says) = (drops.guard(), log.clone());
    let task = executor.spawn(async move {
        says.say("started");
        let cleanup = async |_: Option<&()>| says.say("clean-up");
        finally(async { drop(guard) }, cleanup).await;
    });
    task.cancel("early");
    assert_eq!(drops.count(), 0);
    executor.run_until_stalled();
    assert_eq!((drops.count(), task.is_finished()), (1, true));
    assert_eq!([log.take(), reports.take()].concat(), [""; 0]);
}

#[test]
fn cancel_06_the_opener_gets_the_reason_that_was_addressed_to_its_scope() {
    testing::run(async {
        let scope = CancelScope::new();
        scope.set_deadline(evenkeel::Instant::from_origin(ms(5)));
        let ended = scope.run(pending::<()>()).await;
        assert_eq!(ended, Err(Cancelled(CancelReason::DeadlineExceeded)));
    });
}

#[test]
fn cancel_06_nothing_is_returned_if_an_enclosing_scope_is_cancelled() {
    for order in [[0, 1], [1, 0]] {
        let log = Log::new();
        testing::run(async {
            let scopes = [CancelScope::new(), CancelScope::new()];
            let body = async {
                let _unwinds = on_drop(|| log.say("unwinds"));
                log.show(scopes[1].run(pending::<()>()).await);
            };
            let told = async { order.map(|n: usize| scopes[n].cancel("x")) };
            let (ended, _) = futures::join!(scopes[0].run(body), told);
            assert_eq!(ended, Err(cancelled("x")));
        });
        assert_eq!(log.take(), ["unwinds"]);
    }
}

#[test]
fn cancel_06_a_task_whose_root_scope_was_cancelled_ends_with_its_reason() {
    let log = Log::new();
    let says = log.clone();
    testing::run(async {
        let scope = CancelScope::new();
        let inner = scope.clone();
        let task = spawn(async move { says.show(inner.run(pending::<()>()).await) });
        yield_now().await;
        scope.cancel("inner");
        task.cancel("root");
        log.show(task.await);
    });
    assert_eq!(log.take(), [r#"Err(Cancelled(Requested("root")))"#]);
}
