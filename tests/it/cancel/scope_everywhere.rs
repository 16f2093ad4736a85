//! Cancelling from everywhere.

use crate::kit::{
    probe::{ms, on_drop},
    scopes::{Log, Polls, reporting},
};
use evenkeel::{
    CancelReason, CancelScope, Cancelled, Executor, cancel::RemoteToken, current_task, finally, host::Readiness, spawn,
    testing, yield_now,
};
use std::{
    cell::RefCell,
    future::{pending, poll_fn},
    sync::mpsc,
    task::Poll,
    thread,
};

fn cancelled<T>(reason: &'static str) -> Result<T, Cancelled> {
    Err(Cancelled(reason.into()))
}

#[test]
fn cancelling_from_inside_the_scope() {
    testing::run(async {
        let scope = CancelScope::new();
        let body = async { (scope.cancel("inside"), pending::<()>().await).0 };
        assert_eq!(scope.run(body).await, cancelled("inside"));
    });
}

#[test]
fn cancelling_from_a_sibling_branch_before_and_behind() {
    for behind in [false, true] {
        testing::run(async {
            let (scope, polls) = (CancelScope::new(), Polls::default());
            let cancels = async { (scope.cancel("sibling"), pending::<()>().await).1 };
            let body = async {
                if behind {
                    futures::join!(polls.pending(), cancels);
                } else {
                    futures::join!(cancels, polls.pending());
                }
            };
            assert_eq!(scope.run(body).await, cancelled("sibling"));
            assert_eq!(polls.count(), 1);
        });
    }
}

#[test]
fn cancelling_from_a_destructor_of_the_scopes_own_body_changes_nothing() {
    testing::run(async {
        let (scope, again) = (CancelScope::new(), CancelScope::new());
        let own = scope.clone();
        let guard = on_drop(move || assert!(!own.cancel("too late")));
        let body = async move { (pending::<()>().await, guard).0 };
        let told = async { scope.cancel("first") };
        assert_eq!(futures::join!(scope.run(body), told).0, cancelled("first"));
        // At the end of a body that finishes, it comes too late as well.
        let own = again.clone();
        let value = again.run(async { (5, drop(on_drop(|| assert!(own.cancel("at its end"))))).0 }).await;
        assert_eq!(value, Ok(5));
    });
}

#[test]
fn cancel_06_a_destructor_of_the_body_that_cancels_the_scope_around_is_heeded() {
    let log = Log::new();
    testing::run(async {
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        let body = async {
            let around = outer.clone();
            let guard = on_drop(move || assert!(around.cancel("outer")));
            log.show(inner.run(async move { (pending::<()>().await, guard).0 }).await);
        };
        log.show(futures::join!(outer.run(body), async { inner.cancel("inner") }).0);
    });
    assert_eq!(log.take(), [r#"Err(Cancelled(Requested("outer")))"#]);
}

#[test]
fn cancel_06_a_destructor_of_the_body_that_cancels_the_task_is_heeded() {
    let log = Log::new();
    let says = log.clone();
    testing::run(async {
        let inner = CancelScope::new();
        let scope = inner.clone();
        let task = spawn(async move {
            let me = current_task();
            let guard = on_drop(move || assert!(me.cancel("task")));
            says.show(scope.run(async move { (pending::<()>().await, guard).0 }).await);
        });
        yield_now().await;
        inner.cancel("inner");
        log.show(task.await);
    });
    assert_eq!(log.take(), [r#"Err(Cancelled(Requested("task")))"#]);
}

#[test]
fn cancel_06_a_destructor_that_cancels_something_else_does_not_resume_the_code_between() {
    let (executor, reports) = reporting();
    let log = Log::new();
    let says = log.clone();
    executor.run(async {
        let other = spawn(pending::<()>());
        let task = spawn(async move {
            let inner = CancelScope::new();
            inner.set_grace(ms(5));
            let guard = on_drop(move || other.cancel("other"));
            let body = async move {
                let _guard = guard;
                finally(pending::<()>(), async |_: Option<&()>| pending::<()>().await).await
            };
            says.show(inner.run(body).await);
        });
        yield_now().await;
        task.cancel("task");
        log.show(task.await);
    });
    assert_eq!(log.take(), [r#"Err(Cancelled(Requested("task")))"#]);
    assert_eq!(reports.take(), ["grace exceeded"]);
}

#[test]
fn cancelling_from_clean_up_its_own_scope_and_those_around() {
    let log = Log::new();
    testing::run(async {
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        let cleanup = async |_: Option<&()>| {
            log.show((inner.cancel("again"), outer.cancel("outer")));
            log.clean("clean-up", ms(5)).await;
        };
        let body = async { log.show(inner.run(finally(pending::<()>(), cleanup)).await) };
        log.show(futures::join!(outer.run(body), async { inner.cancel("inner") }).0);
    });
    let outcome = r#"Err(Cancelled(Requested("outer")))"#;
    assert_eq!(log.take(), ["(false, true)", "clean-up begins", "clean-up ends", outcome]);
}

fn remote_cancel(token: RemoteToken, when: mpsc::Receiver<()>) -> thread::JoinHandle<bool> {
    thread::spawn(move || {
        when.recv().unwrap();
        token.cancel("from afar")
    })
}

#[test]
fn cancelling_from_another_thread_while_it_waits_and_while_it_is_polled() {
    for polled in [false, true] {
        let (tell, told) = mpsc::channel();
        let scope = CancelScope::new();
        let other = RefCell::new(Some(remote_cancel(scope.token().remote(), told)));
        let body = Polls::default().of(|n, _| {
            if n == 1 {
                tell.send(()).unwrap();
                if polled {
                    assert!(other.take().unwrap().join().unwrap());
                }
            }
            Poll::<()>::Pending
        });
        assert_eq!(Executor::new().run(scope.run(body)), cancelled("from afar"));
        assert_eq!(scope.reason(), Some("from afar".into()));
    }
}

#[test]
fn cancelling_from_another_thread_before_the_start_and_after_the_end() {
    let scope = CancelScope::new();
    let token = scope.token().remote();
    thread::scope(|threads| assert!(threads.spawn(|| token.cancel("early")).join().unwrap()));
    let polls = Polls::default();
    assert_eq!(evenkeel::run(scope.run(polls.pending())), cancelled("early"));
    assert_eq!((polls.count(), token.cancel("late"), scope.cancel("late")), (0, false, false));
    let scope = CancelScope::new();
    evenkeel::run(scope.run(async {})).unwrap();
    let token = scope.token().remote();
    thread::scope(|threads| assert!(threads.spawn(|| token.cancel("late")).join().unwrap()));
    assert!(scope.is_cancelled());
}

#[test]
fn cancelling_from_another_thread_when_no_other_handle_is_left() {
    let (tell, told) = mpsc::channel();
    let other;
    let body = {
        let scope = CancelScope::new();
        other = remote_cancel(scope.token().remote(), told);
        scope.run(poll_fn(|_| (tell.send(()), Poll::<()>::Pending).1))
    };
    assert_eq!(evenkeel::run(body), cancelled("from afar"));
    assert!(other.join().unwrap());
}

#[test]
fn cancelling_from_another_thread_reaches_clean_up_in_a_branch() {
    let log = Log::new();
    let (tell, told) = mpsc::channel();
    let scope = CancelScope::new();
    let other = remote_cancel(scope.token().remote(), told);
    evenkeel::run(async {
        let one = |n: usize| {
            let log = &log;
            async move { finally(pending::<()>(), async |_: Option<&()>| log.clean(&n.to_string(), ms(1)).await).await }
        };
        let body = futures::future::join_all((0..40).map(one));
        let ended = futures::join!(scope.run(body), async { tell.send(()).unwrap() }).0;
        assert!(ended.is_err());
    });
    assert!(other.join().unwrap());
    assert_eq!(log.take().len(), 80);
}

#[test]
fn cancelling_twice_has_no_further_effect() {
    testing::run(async {
        let (scope, polls) = (CancelScope::new(), Polls::default());
        let told = async { [scope.cancel("one"), scope.cancel("two"), scope.token().cancel("three")] };
        let (ended, said) = futures::join!(scope.run(polls.pending()), told);
        assert_eq!((ended, said, polls.count()), (cancelled("one"), [true, false, false], 2));
    });
}

#[test]
fn cancelling_after_the_end_reaches_tokens_only() {
    testing::run(async {
        let scope = CancelScope::new();
        scope.run(async {}).await.unwrap();
        let token = scope.token();
        let waits = spawn(async move { token.cancelled().await });
        yield_now().await;
        assert!(scope.cancel("late"));
        assert_eq!(waits.await.unwrap(), CancelReason::from("late"));
    });
}

#[test]
fn cancelling_during_the_poll_that_completes_leaves_the_value() {
    testing::run(async {
        let (scope, outer) = (CancelScope::new(), CancelScope::new());
        let body = async {
            outer.cancel("outer");
            scope.cancel("own");
            5
        };
        assert_eq!(outer.run(scope.run(body)).await, Ok(Ok(5)));
    });
}

#[test]
fn cancelling_between_two_ticks() {
    let executor = Executor::new();
    let scope = CancelScope::new();
    let mut task = executor.spawn(scope.run(pending::<()>()));
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Idle);
    scope.cancel("the host");
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
    assert_eq!(task.take_result().unwrap().unwrap(), cancelled("the host"));
}
