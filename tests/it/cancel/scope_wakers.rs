//! Wakers and destructors that cancel, move deadlines, and drop what they were to wake.

use crate::kit::{
    bomb::{Op, bomb, defuse, polled_in_wake},
    probe::{Drops, ms, my_waker, on_drop},
    scopes::{Boxed, Log, reporting},
};
use evenkeel::{
    CancelScope, Executor, Instant, Task, cancel::Deadline, finally, sleep, spawn, testing, timeout, yield_now,
};
use std::{
    cell::RefCell,
    future::{Future, pending, poll_fn},
    pin::Pin,
    rc::Rc,
    task::Context,
};

#[test]
fn a_waker_may_cancel_the_scope_that_stores_it_in_each_of_its_operations() {
    for kind in [Op::Clone, Op::Wake, Op::WakeByRef, Op::Drop] {
        let log = Log::new();
        testing::run(async {
            let scope = CancelScope::new();
            let says = log.clone();
            let mut body: Boxed<'_, _> = Box::pin(scope.run(futures::future::join(
                finally(sleep(ms(3)), async move |_: Option<&()>| says.say("clean-up")),
                pending::<()>(),
            )));
            let mine = my_waker().await;
            let own = scope.clone();
            let fuse = move |op| {
                if op == kind {
                    own.cancel("bomb");
                }
                if matches!(op, Op::Wake | Op::WakeByRef) {
                    mine.wake_by_ref();
                }
            };
            let waker = bomb(fuse);
            let mut polls = 0;
            let ended = poll_fn(|cx| {
                polls += 1;
                // The bomb is stored first, and given up for another after a few polls.
                let cx = &mut if polls < 3 { Context::from_waker(&waker) } else { Context::from_waker(cx.waker()) };
                let polled = Pin::new(&mut body).poll(cx);
                if polls == 2 && polled.is_pending() {
                    waker.wake_by_ref();
                }
                polled
            });
            let ended = futures::future::select(
                Box::pin(ended),
                Box::pin(async {
                    for _ in 0..9 {
                        yield_now().await;
                    }
                    scope.cancel("otherwise");
                    pending::<()>().await
                }),
            );
            let futures::future::Either::Left((ended, _)) = ended.await else { unreachable!() };
            assert!(ended.is_err());
            assert_eq!(log.take(), ["clean-up"], "{kind:?}");
        });
        defuse();
    }
}

#[test]
fn a_waker_may_move_the_deadline_when_it_is_cloned() {
    let log = Log::new();
    testing::run(async {
        let deadline = Deadline::after(ms(5));
        let mut body = Box::pin(deadline.run(pending::<()>()));
        let (mover, mine) = (deadline.clone(), my_waker().await);
        let once = std::cell::Cell::new(true);
        let waker = bomb(move |op| {
            if op == Op::Clone && once.replace(false) {
                mover.reschedule(Some(Instant::now() + ms(50)));
            }
            if matches!(op, Op::Wake | Op::WakeByRef) {
                mine.wake_by_ref();
            }
        });
        let ended = poll_fn(|_| body.as_mut().poll(&mut Context::from_waker(&waker))).await;
        log.show((ended, Instant::now() == Instant::from_origin(ms(50))));
    });
    defuse();
    assert_eq!(log.take(), ["(Err(Elapsed), true)"]);
}

#[test]
fn a_waker_may_drop_the_future_that_it_was_to_wake() {
    let drops = Drops::default();
    let (executor, reports) = reporting();
    executor.run(async {
        let scope = CancelScope::new();
        let guard = drops.guard();
        let body: Boxed<'static, _> =
            Box::pin(scope.run(async move { (finally(pending(), async |_: Option<&()>| ()).await, guard).0 }));
        let slot = Rc::new(RefCell::new(Some(body)));
        let kept = slot.clone();
        let waker = bomb(move |op| {
            if matches!(op, Op::Wake | Op::WakeByRef) {
                drop(kept.take());
            }
        });
        let _ = slot.borrow_mut().as_mut().unwrap().as_mut().poll(&mut Context::from_waker(&waker));
        assert!(scope.cancel("x"));
        assert_eq!(drops.count(), 1);
    });
    defuse();
    assert_eq!(reports.take(), ["clean-up skipped"]);
}

#[test]
fn a_scope_may_be_polled_on_the_stack_that_cancels_it() {
    let log = Log::new();
    let executor = Executor::new();
    let scope = CancelScope::new();
    let (own, says) = (scope.clone(), log.clone());
    let task: Task<()> = executor.spawn(async move {
        polled_in_wake(async move { says.show(own.run(pending::<()>()).await) });
        scope.cancel("x");
    });
    executor.run_until_stalled();
    defuse();
    assert!(task.is_finished());
    assert_eq!(log.take(), [r#"Err(Cancelled(Requested("x")))"#]);
}

#[test]
fn a_destructor_may_spawn_cancel_and_drop_other_scopes() {
    let (executor, reports) = reporting();
    let log = Log::new();
    executor.run(async {
        let (one, two, says) = (CancelScope::new(), CancelScope::new(), log.clone());
        let mut dropped = Box::pin(timeout(ms(9), finally(pending::<()>(), async |_: Option<&()>| ())));
        assert!(futures::poll!(dropped.as_mut()).is_pending());
        let other = two.clone();
        let guard = on_drop(move || {
            other.cancel("two");
            drop(dropped);
            let says = says.clone();
            spawn(async move { says.say("spawned") }).detach();
        });
        let first = one.run(async move { (pending::<()>().await, guard).0 });
        let second = two.run(finally(pending::<()>(), async |_: Option<&()>| log.clean("second", ms(1)).await));
        let ended = futures::join!(first, second, async { one.cancel("one") });
        log.show((ended.0, ended.1));
    });
    let outcome = r#"(Err(Cancelled(Requested("one"))), Err(Cancelled(Requested("two"))))"#;
    assert_eq!(log.take(), ["second begins", "spawned", "second ends", outcome]);
    assert_eq!(reports.take(), ["clean-up skipped"]);
}
