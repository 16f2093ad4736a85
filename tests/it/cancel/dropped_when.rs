//! The table "what is dropped when" of the book (`docs/src/cancellation.md`), row by row.

use crate::kit::probe::{Record, at, ms, on_drop, reason_of};
use evenkeel::{
    CancelReason, CancelScope, Cancelled, Elapsed, Executor, JoinError, current_task, finally, host::UnhandledKind,
    sleep, spawn, testing::VirtualClock, timeout, yield_now,
};
use std::{
    future::{pending, poll_fn},
    task::{Context, Poll},
};

/// What happens, in order.
type Says = Record<&'static str>;

/// Is polled, never ends, and is dropped.
async fn plain(says: Says) {
    let too = says.clone();
    let _guard = on_drop(move || too.add("dropped"));
    poll_fn(|_| {
        says.add("polled");
        Poll::<()>::Pending
    })
    .await;
}

/// The same, and it has clean-up that takes a millisecond.
async fn guarded(says: Says) {
    finally(plain(says.clone()), async |_: Option<&()>| {
        says.add("clean-up");
        sleep(ms(1)).await;
        says.add("cleaned up");
    })
    .await;
}

/// Runs that on an executor with virtual time that notes what is reported.
fn with_executor(says: &Says, test: impl FnOnce(Executor)) -> Vec<&'static str> {
    let reports = says.clone();
    let executor = Executor::builder()
        .clock(VirtualClock::new())
        .on_unhandled(move |unhandled| {
            reports.add(match unhandled.kind() {
                UnhandledKind::TaskPanicked(_) => "reported: task panicked",
                UnhandledKind::CleanupSkipped(_) => "reported: clean-up skipped",
                UnhandledKind::GraceExceeded => "reported: grace exceeded",
                _ => "reported: something else",
            });
        })
        .build();
    test(executor);
    says.take()
}

fn run(says: &Says, main: impl AsyncFnOnce()) -> Vec<&'static str> {
    with_executor(says, |executor| executor.run(main()))
}

#[test]
fn dropped_when_a_task_is_cancelled_before_its_first_poll() {
    let says = Record::new();
    let happened = run(&says, async || {
        let (too, body) = (says.clone(), says.clone());
        let guard = on_drop(move || too.add("dropped"));
        let body = async move {
            let _guard = guard;
            body.add("polled");
        };
        let task = spawn(finally(body, async |_: Option<&()>| ()));
        task.cancel("at once");
        says.add("cancelled");
        assert_eq!(reason_of(task.await), "at once".into());
    });
    assert_eq!(happened, ["cancelled", "dropped"]);
}

#[test]
fn dropped_when_a_scope_is_cancelled_before_its_first_poll() {
    let says = Record::new();
    let happened = run(&says, async || {
        let scope = CancelScope::new();
        let guard = on_drop(|| says.add("dropped"));
        let body = scope.run(async {
            let _guard = guard;
            says.add("polled");
        });
        scope.cancel("at once");
        says.add("cancelled");
        assert_eq!(body.await, Err(Cancelled("at once".into())));
    });
    assert_eq!(happened, ["cancelled", "dropped"]);
}

#[test]
fn dropped_when_a_task_is_cancelled_while_it_is_suspended() {
    let says = Record::new();
    let happened = run(&says, async || {
        for (plainly, woken) in [(true, false), (true, true), (false, false), (false, true)] {
            says.add("-");
            let waker = std::rc::Rc::new(std::cell::RefCell::new(None));
            let (slot, too) = (waker.clone(), says.clone());
            let task = spawn(async move {
                slot.replace(Some(crate::kit::probe::my_waker().await));
                if plainly { plain(too).await } else { guarded(too).await }
            });
            yield_now().await;
            if woken {
                waker.take().unwrap().wake();
            }
            task.cancel("stop");
            says.add("cancelled");
            assert_eq!(reason_of(task.await), "stop".into());
        }
    });
    let mut expected = vec!["-", "polled", "cancelled", "dropped"];
    expected.extend(["-", "polled", "cancelled", "polled", "dropped"]);
    expected.extend(["-", "polled", "cancelled", "dropped", "clean-up", "cleaned up"]);
    expected.extend(["-", "polled", "cancelled", "polled", "dropped", "clean-up", "cleaned up"]);
    assert_eq!(happened, expected);
}

#[test]
fn dropped_when_a_scope_is_cancelled_while_it_is_suspended() {
    let says = Record::new();
    let happened = run(&says, async || {
        for plainly in [true, false] {
            let (scope, too) = (CancelScope::new(), says.clone());
            let (handle, canceller) = (scope.clone(), says.clone());
            let _other = spawn(async move {
                canceller.add("cancelled");
                handle.cancel("stop");
            });
            let body = async move { if plainly { plain(too).await } else { guarded(too).await } };
            assert_eq!(scope.run(body).await, Err(Cancelled("stop".into())));
        }
    });
    let mut expected = vec!["polled", "cancelled", "polled", "dropped"];
    expected.extend(["polled", "cancelled", "polled", "dropped", "clean-up", "cleaned up"]);
    assert_eq!(happened, expected);
}

#[test]
fn dropped_when_it_is_cancelled_during_the_poll_that_completes() {
    let says = Record::new();
    run(&says, async || {
        let task = spawn(async {
            current_task().cancel("too late");
            5
        });
        assert_eq!(task.await.unwrap(), 5);
        let scope = CancelScope::new();
        let body = async {
            scope.cancel("too late");
            5
        };
        assert_eq!(scope.run(body).await, Ok(5));
    });
}

#[test]
fn dropped_when_it_is_cancelled_during_a_poll_that_suspends() {
    let says = Record::new();
    let happened = run(&says, async || {
        for (name, is_woken) in
            [("not woken", [false, false]), ("woken", [true, false]), ("woken later", [false, true])]
        {
            let poll = move |says: &Record<&'static str>, cancel: &dyn Fn(), cx: &mut Context<'_>| {
                says.add("polled");
                is_woken[0].then(|| cx.waker().wake_by_ref());
                cancel();
                is_woken[1].then(|| cx.waker().wake_by_ref());
                Poll::<()>::Pending
            };
            says.add(name);
            let too = says.clone();
            let task = spawn(poll_fn(move |cx| poll(&too, &|| _ = current_task().cancel("stop"), cx)));
            assert_eq!(reason_of(task.await), "stop".into());
            says.add("and a scope");
            let scope = CancelScope::new();
            let body = poll_fn(|cx| poll(&says, &|| _ = scope.cancel("stop"), cx));
            assert_eq!(scope.run(body).await, Err(Cancelled("stop".into())));
        }
    });
    let mut expected = vec!["not woken", "polled", "and a scope", "polled"];
    expected.extend(["woken", "polled", "polled", "and a scope", "polled", "polled"]);
    expected.extend(["woken later", "polled", "and a scope", "polled"]);
    assert_eq!(happened, expected);
}

#[test]
fn dropped_when_a_task_is_aborted() {
    let says = Record::new();
    let happened = run(&says, async || {
        for reason in [CancelReason::Aborted, "before".into()] {
            let task = spawn(guarded(says.clone()));
            yield_now().await;
            if reason != CancelReason::Aborted {
                task.cancel(reason.clone());
            }
            task.abort();
            says.add("aborted");
            assert_eq!(reason_of(task.await), reason);
        }
        // In the middle of its clean-up.
        let task = spawn(guarded(says.clone()));
        yield_now().await;
        task.cancel("stop");
        yield_now().await;
        task.abort();
        assert_eq!(reason_of(task.await), "stop".into());
    });
    let mut expected = ["polled", "aborted", "dropped"].repeat(2);
    expected.extend(["polled", "dropped", "clean-up"]);
    assert_eq!(happened, expected);
}

#[test]
fn dropped_when_the_handle_is_dropped() {
    let says = Record::new();
    let happened = run(&says, async || {
        let task = spawn(guarded(says.clone()));
        yield_now().await;
        drop(task);
        says.add("handle dropped");
        sleep(ms(5)).await;
        let task = spawn(async { panic!("nobody is there") });
        yield_now().await;
        drop(task);
    });
    let expected = ["polled", "handle dropped", "dropped", "clean-up", "cleaned up", "reported: task panicked"];
    assert_eq!(happened, expected);
}

#[test]
fn dropped_when_a_timeout_passes() {
    let says = Record::new();
    let happened = run(&says, async || {
        assert_eq!(timeout(ms(5), guarded(says.clone())).await, Err(Elapsed));
        assert_eq!(evenkeel::Instant::now(), at(6));
    });
    assert_eq!(happened, ["polled", "polled", "dropped", "clean-up", "cleaned up"]);
}

#[test]
fn dropped_when_a_grace_period_is_over() {
    let says = Record::new();
    let happened = run(&says, async || {
        let scope = CancelScope::new();
        scope.set_grace(ms(3));
        scope.set_deadline(at(5));
        let body = finally(plain(says.clone()), async |_: Option<&()>| {
            let _guard = on_drop(|| says.add("clean-up dropped"));
            pending::<()>().await;
        });
        assert_eq!(scope.run(body).await, Err(Cancelled(CancelReason::DeadlineExceeded)));
        assert_eq!(evenkeel::Instant::now(), at(8));
    });
    assert_eq!(happened, ["polled", "polled", "dropped", "clean-up dropped", "reported: grace exceeded"]);
}

#[test]
fn dropped_when_a_foreign_select_drops_the_branch_that_lost() {
    let says = Record::new();
    let happened = run(&says, async || {
        futures::future::select(Box::pin(guarded(says.clone())), Box::pin(sleep(ms(1)))).await;
        says.add("selected");
    });
    assert_eq!(happened, ["polled", "polled", "dropped", "reported: clean-up skipped", "selected"]);
}

#[test]
fn dropped_when_it_panics() {
    let says = Record::new();
    let happened = run(&says, async || {
        let (around, beside) = (says.clone(), says.clone());
        let task = spawn(async move {
            let panics = finally(
                async {
                    yield_now().await;
                    panic!("now")
                },
                async |_: Option<&()>| {
                    around.add("clean-up around");
                    sleep(ms(1)).await;
                    around.add("cleaned up around");
                },
            );
            futures::join!(panics, guarded(beside));
        });
        assert_eq!(task.await.unwrap_err().to_string(), "the task panicked: now");
    });
    let happened: Vec<_> = happened.into_iter().filter(|what| *what != "polled").collect();
    assert_eq!(happened, ["clean-up around", "cleaned up around", "dropped", "reported: clean-up skipped"]);
}

#[test]
fn dropped_when_run_ends() {
    let says = Record::new();
    let too = says.clone();
    evenkeel::Executor::builder().clock(VirtualClock::new()).run(async move {
        spawn(guarded(too)).detach();
        yield_now().await;
    });
    assert_eq!(says.take(), ["polled", "dropped", "clean-up", "cleaned up"]);
}

#[test]
fn dropped_when_the_executor_is_closed() {
    let says = Record::new();
    let happened = with_executor(&says, |executor| {
        let mut task = executor.spawn(guarded(says.clone()));
        let stuck = finally(pending::<()>(), async |_: Option<&()>| pending::<()>().await);
        executor.spawn(stuck).named("stuck").detach();
        executor.run_until_stalled();
        let report = executor.close(ms(10));
        assert_eq!(report.stuck().len(), 1);
        assert!(report.stuck()[0].contains(r#"named "stuck""#));
        let outcome = task.take_result();
        assert!(matches!(outcome, Some(Err(JoinError::Cancelled(CancelReason::Shutdown)))), "{outcome:?}");
    });
    assert_eq!(happened, ["polled", "dropped", "clean-up", "cleaned up", "reported: grace exceeded"]);
}

#[test]
fn dropped_when_the_executor_is_dropped() {
    let says = Record::new();
    let happened = with_executor(&says, |executor| {
        let mut task = executor.spawn(guarded(says.clone()));
        executor.run_until_stalled();
        drop(executor);
        assert_eq!(reason_of(task.take_result().unwrap()), CancelReason::Shutdown);
    });
    assert_eq!(happened, ["polled", "dropped", "clean-up", "reported: grace exceeded"]);
}
