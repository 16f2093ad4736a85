//! What asyncio says about `shield`: its fact 47, and the shield part of its own `test_tasks.py`. The word means something else
//! here, which the book argues (`docs/src/differences.md`): what is cancelled waits for what is shielded.

use crate::kit::probe::{Record, at, ms, panic_of, reason_of};
use evenkeel::{
    CancelScope, Cancelled, Executor, Instant,
    host::UnhandledKind,
    shield, sleep, spawn,
    task::TaskState,
    testing::{self, VirtualClock},
    timeout, yield_now,
};
use std::future::pending;

/// Differs: asyncio goes on at once and leaves the inner work without an owner.
#[test]
fn asyncio_fact_47_a_cancelled_scope_waits_for_what_is_shielded_in_it() {
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let task = spawn(async move {
            shield(sleep(ms(10))).await;
            says.add("runs to its next await");
            pending::<()>().await;
            says.add("never");
        });
        yield_now().await;
        task.cancel("stop");
        yield_now().await;
        assert_eq!(task.state(), TaskState::CleaningUp);
        assert_eq!(reason_of(task.await), "stop".into());
        assert_eq!(Instant::now(), at(10));
    });
    assert_eq!(record.take(), ["runs to its next await"]);
}

/// Differs: an error is a value, and who awaits the shield has it. A panic goes on.
#[test]
fn asyncio_fact_47_an_error_after_the_cancellation_is_not_lost() {
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    let outcome = executor.run(async {
        let task = spawn(async {
            shield(async {
                sleep(ms(10)).await;
                Err::<(), _>("it failed")
            })
            .await
        });
        yield_now().await;
        task.cancel("stop");
        task.await.unwrap()
    });
    assert_eq!(outcome, Err("it failed"));
    let outcome = executor.run(async {
        let task = spawn(shield(async {
            sleep(ms(10)).await;
            panic!("it failed badly")
        }));
        yield_now().await;
        task.cancel("stop");
        task.await
    });
    assert_eq!(outcome.map(|never: ()| never).unwrap_err().to_string(), "the task panicked: it failed badly");
}

/// Differs: a shielded future is owned by its shield. Nothing is collected in the middle.
#[test]
fn asyncio_fact_47_a_shielded_task_cannot_vanish() {
    let record = Record::new();
    let says = record.clone();
    let executor = Executor::builder()
        .on_unhandled(move |unhandled| says.add(matches!(unhandled.kind(), UnhandledKind::CleanupSkipped(_))))
        .build();
    executor.run(async {
        // Dropped by foreign code, it is reported.
        futures::future::select(Box::pin(shield(pending::<()>())), Box::pin(yield_now())).await;
    });
    assert_eq!(record.take(), [true]);
}

// ---- test_tasks.py, shield

#[test]
fn test_tasks_shield_result() {
    assert_eq!(testing::run(async { shield(async { 42 }).await }), 42);
    assert_eq!(testing::run(async { shield(spawn(async { 42 })).await.unwrap() }), 42);
}

#[test]
fn test_tasks_shield_exception() {
    assert_eq!(testing::run(async { shield(async { Err::<(), _>("expected") }).await }), Err("expected"));
    assert_eq!(panic_of(|| testing::run(shield(async { panic!("expected") }))), "expected");
}

#[test]
fn test_tasks_shield_shortcut() {
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let _other = spawn(async move { says.add("another task") });
        // What is ready at once does not give way.
        record.add(shield(std::future::ready("ready")).await);
    });
    assert_eq!(record.take()[0], "ready");
}

/// Differs: the cancellation of the inner task is its outcome, a value. The code around the shield is not cancelled.
#[test]
fn test_tasks_shield_cancel_inner() {
    testing::run(async {
        let inner = spawn(pending::<()>());
        yield_now().await;
        inner.cancel("the inner one");
        let outer = spawn(async { reason_of(shield(inner).await) });
        assert_eq!(outer.await.unwrap(), "the inner one".into());
    });
}

/// Differs: the outer one waits.
#[test]
fn test_tasks_shield_cancel_outer() {
    testing::run(async {
        let inner = spawn(sleep(ms(10)));
        let outer = spawn(async {
            shield(inner).await.unwrap();
            pending::<()>().await;
        });
        yield_now().await;
        outer.cancel("the outer one");
        assert_eq!(reason_of(outer.await), "the outer one".into());
        assert_eq!(Instant::now(), at(10));
    });
}

#[test]
fn test_tasks_shield_effect() {
    // Cancelling outer() does not affect inner().
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let inner = async move {
            sleep(ms(10)).await;
            says.add("the inner one has run to its end");
        };
        let outer = spawn(async {
            shield(inner).await;
            pending::<()>().await;
        });
        yield_now().await;
        outer.cancel("the outer one");
        assert_eq!(reason_of(outer.await), "the outer one".into());
    });
    assert_eq!(record.take(), ["the inner one has run to its end"]);
}

/// What asyncio's `shield` is used for, to let work go on that somebody stops waiting for, is a borrowed handle here.
#[test]
fn test_tasks_shield_what_is_to_go_on_is_a_task_that_somebody_owns() {
    testing::run(async {
        let mut inner = spawn(async {
            sleep(ms(10)).await;
            42
        });
        assert!(timeout(ms(1), &mut inner).await.is_err());
        assert_eq!(Instant::now(), at(1));
        assert_eq!(inner.await.unwrap(), 42);
    });
}

#[test]
fn test_tasks_shield_first_polled_in_a_cancelled_scope_shields_nothing() {
    testing::run(async {
        let scope = CancelScope::new();
        let outcome = scope.run(async {
            scope.cancel("before");
            shield(sleep(ms(10))).await;
        });
        assert_eq!(outcome.await, Err(Cancelled("before".into())));
        assert_eq!(Instant::now(), at(0));
    });
}
