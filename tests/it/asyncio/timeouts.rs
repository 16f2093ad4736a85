//! What asyncio says about timeouts: its facts 35 to 43, and what its own `test_timeouts.py` asserts. Each test is named after
//! the fact or the test that it stands for. Where evenkeel differs on purpose, the test asserts what evenkeel does, and the
//! book says why (`docs/src/differences.md`).

use crate::kit::{
    groups::{Group, errors, spoil, stop_slowly},
    probe::{Record, at, ms, on_drop, panic_of, poll_with_noop, reason_of},
};
use evenkeel::{
    CancelReason, Elapsed, Executor, Instant,
    cancel::{Deadline, timeout_at},
    current_task, finally, shield, sleep, spawn,
    task::TaskState,
    testing::{self, VirtualClock},
    timeout, yield_now,
};
use std::{
    future::{pending, poll_fn},
    task::Poll,
    time::Duration,
};

// ---- facts

#[test]
fn asyncio_fact_35_a_deadline_is_good_for_one_future() {
    testing::run(async {
        let deadline = Deadline::after(ms(1));
        assert_eq!(deadline.run(async { "first" }).await, Ok("first"));
        let second = spawn(async move { deadline.run(async { "second" }).await });
        let message = second.await.unwrap_err().to_string();
        assert!(message.contains("a second future was run in one CancelScope: make a scope for each"), "{message}");
    });
}

#[test]
fn asyncio_fact_35_a_timeout_needs_a_task() {
    let message = panic_of(|| poll_with_noop(&mut Box::pin(timeout(ms(1), async {}))));
    assert!(message.contains("outside an executor: await it in a future that evenkeel::run drives"), "{message}");
}

/// Differs: a deadline may be moved before it runs.
#[test]
fn asyncio_fact_36_reschedule_moves_a_deadline_and_none_takes_it_away() {
    testing::run(async {
        let deadline = Deadline::after(ms(1));
        assert!(deadline.reschedule(Some(at(20))));
        let inside = deadline.clone();
        let outcome = deadline.run(async move {
            sleep(ms(10)).await;
            assert!(inside.reschedule(None));
            sleep(ms(100)).await;
            assert!(inside.reschedule(Some(at(115))));
            sleep(ms(100)).await;
        });
        assert_eq!(outcome.await, Err(Elapsed));
        assert_eq!(Instant::now(), at(115));
    });
}

#[test]
fn asyncio_fact_36_a_deadline_that_is_moved_into_the_past_does_not_stop_anything_on_the_spot() {
    let record = Record::new();
    testing::run(async {
        sleep(ms(10)).await;
        let deadline = Deadline::never();
        let inside = deadline.clone();
        let body = async {
            assert!(inside.reschedule(Some(at(5))));
            record.add("goes on to its next await");
            pending::<()>().await;
            record.add("never");
        };
        assert_eq!(deadline.run(body).await, Err(Elapsed));
    });
    assert_eq!(record.take(), ["goes on to its next await"]);
}

/// Differs in how: there is no count that a timeout would have to store on entry and restore on exit.
#[test]
fn asyncio_fact_37_a_timeout_leaves_no_trace_in_its_task() {
    testing::run(async {
        for _ in 0..3 {
            assert_eq!(timeout(ms(1), pending::<()>()).await, Err(Elapsed));
            assert_eq!((current_task().state(), current_task().cancel_reason()), (Some(TaskState::Running), None));
        }
        sleep(ms(1)).await;
    });
}

#[test]
fn asyncio_fact_38_elapsed_comes_only_if_the_body_was_stopped_and_its_own_error_passes() {
    testing::run(async {
        assert_eq!(timeout(ms(1), pending::<()>()).await, Err(Elapsed));
        let own_error = async {
            shield(sleep(ms(2))).await;
            Err::<(), _>("the body's own error")
        };
        assert_eq!(timeout(ms(1), own_error).await, Ok(Err("the body's own error")));
    });
}

#[test]
fn asyncio_fact_39_a_cancellation_from_outside_in_the_same_tick_wins_over_the_deadline() {
    let record = Record::new();
    blocking(async |clock: VirtualClock| {
        for main_is_late in [false, true] {
            let says = record.clone();
            let task = spawn(async move {
                let outcome = timeout(ms(10), pending::<()>()).await;
                says.add(outcome);
            });
            yield_now().await;
            if !main_is_late {
                task.cancel("from outside");
            }
            clock.advance(ms(10));
            yield_now().await; // the deadline's timer fires
            task.cancel("from outside");
            assert_eq!(reason_of(task.await), "from outside".into());
        }
    });
    assert_eq!(record.take(), []);
}

#[test]
fn asyncio_fact_40_a_body_that_finishes_in_spite_of_its_deadline_has_its_value_and_expired_is_true() {
    testing::run(async {
        let deadline = Deadline::after(ms(10));
        let inside = deadline.clone();
        let body = poll_fn(move |_| if inside.expired() { Poll::Ready("in spite of it") } else { Poll::Pending });
        assert_eq!(deadline.run(body).await, Ok("in spite of it"));
        assert!(deadline.expired());
        sleep(ms(1)).await;
    });
}

#[test]
fn asyncio_fact_41_a_deadline_in_the_past_lets_a_body_that_never_waits_finish() {
    testing::run(async {
        sleep(ms(10)).await;
        assert_eq!(timeout_at(at(1), async { 5 }).await, Ok(5));
        assert_eq!(timeout_at(at(1), sleep(Duration::ZERO)).await, Err(Elapsed));
        assert_eq!(timeout(Duration::ZERO, async { 5 }).await, Ok(5));
        assert_eq!(timeout(Duration::ZERO, sleep(Duration::ZERO)).await, Err(Elapsed));
    });
}

#[test]
fn asyncio_fact_42_of_nested_timeouts_that_expire_together_only_the_outermost_returns() {
    let record = Record::new();
    testing::run(async {
        let outcome = timeout(ms(10), async {
            let outcome = timeout(ms(10), async {
                let outcome = timeout(ms(10), pending::<()>()).await;
                record.add(("innermost", outcome));
            });
            record.add(("middle", outcome.await));
        });
        record.add(("outermost", outcome.await));
    });
    assert_eq!(record.take(), [("outermost", Err(Elapsed))]);
}

#[test]
fn asyncio_fact_43_expired_and_when_are_readable_after_the_end() {
    testing::run(async {
        let (late, early) = (Deadline::at(at(10)), Deadline::at(at(20)));
        assert_eq!(late.run(pending::<()>()).await, Err(Elapsed));
        assert_eq!(early.run(async {}).await, Ok(()));
        sleep(ms(100)).await;
        assert_eq!((late.expired(), late.when()), (true, Some(at(10))));
        assert_eq!((early.expired(), early.when()), (false, Some(at(20))));
    });
}

#[test]
fn asyncio_fact_43_when_is_readable_while_the_body_runs() {
    testing::run(async {
        let deadline = Deadline::after(ms(10));
        let inside = deadline.clone();
        let task = spawn(async move { inside.run(pending::<()>()).await });
        sleep(ms(5)).await;
        assert_eq!(deadline.when(), Some(at(10)));
        // More time, counted from what it was.
        assert!(deadline.reschedule(deadline.when().map(|when| when + ms(10))));
        assert_eq!(task.await.unwrap(), Err(Elapsed));
        assert_eq!(Instant::now(), at(20));
    });
}

// ---- test_timeouts.py

#[test]
fn test_timeouts_timeout_basic() {
    testing::run(async {
        let deadline = Deadline::after(ms(10));
        assert_eq!(deadline.run(sleep(ms(10_000))).await, Err(Elapsed));
        assert_eq!((deadline.expired(), deadline.when(), Instant::now()), (true, Some(at(10)), at(10)));
    });
}

#[test]
fn test_timeouts_timeout_at_basic() {
    testing::run(async {
        let deadline = Deadline::at(at(10));
        assert_eq!(deadline.when(), Some(at(10)));
        assert_eq!(deadline.run(sleep(ms(10_000))).await, Err(Elapsed));
        assert_eq!((deadline.expired(), deadline.when(), Instant::now()), (true, Some(at(10)), at(10)));
    });
}

#[test]
fn test_timeouts_nested_timeouts() {
    testing::run(async {
        let (outer, inner) = (Deadline::at(at(10)), Deadline::at(at(10)));
        let inside = inner.clone();
        let outcome = outer.run(async move {
            let outcome = inside.run(sleep(ms(10_000))).await;
            unreachable!("the inner one returned {outcome:?}");
        });
        assert_eq!(outcome.await, Err::<(), _>(Elapsed));
        assert!(outer.expired() && inner.expired());
    });
}

/// Here the awaited operation is dropped, and clean-up sees that there is no value.
#[test]
fn test_timeouts_waiter_cancelled() {
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let guard = on_drop(move || says.add("dropped"));
        let operation = async move {
            let _guard = guard;
            pending::<()>().await;
        };
        let operation =
            finally(operation, async |ended: Option<&()>| record.add(["cancelled", "ended"][ended.iter().count()]));
        assert_eq!(timeout(ms(10), operation).await, Err(Elapsed));
    });
    assert_eq!(record.take(), ["dropped", "cancelled"]);
}

#[test]
fn test_timeouts_timeout_not_called() {
    testing::run(async {
        let deadline = Deadline::after(ms(10_000));
        assert_eq!(deadline.run(sleep(ms(10))).await, Ok(()));
        assert_eq!((deadline.expired(), deadline.when(), Instant::now()), (false, Some(at(10_000)), at(10)));
    });
}

#[test]
fn test_timeouts_timeout_disabled() {
    testing::run(async {
        let deadline = Deadline::never();
        assert_eq!(deadline.run(sleep(ms(10))).await, Ok(()));
        assert_eq!((deadline.expired(), deadline.when()), (false, None));
        assert_eq!(timeout(Duration::MAX, sleep(ms(10))).await, Ok(()));
    });
}

#[test]
fn test_timeouts_timeout_at_disabled() {
    testing::run(async {
        let deadline = Deadline::at(Instant::NEVER);
        assert_eq!(deadline.run(sleep(ms(10))).await, Ok(()));
        assert_eq!((deadline.expired(), deadline.when()), (false, None));
        assert_eq!(timeout_at(Instant::NEVER, sleep(ms(10))).await, Ok(()));
    });
}

#[test]
fn test_timeouts_timeout_zero() {
    testing::run(async {
        sleep(ms(10)).await;
        let deadline = Deadline::at(Instant::now());
        assert_eq!(deadline.run(sleep(ms(10_000))).await, Err(Elapsed));
        assert_eq!((deadline.expired(), deadline.when(), Instant::now()), (true, Some(at(10)), at(10)));
    });
}

#[test]
fn test_timeouts_timeout_zero_sleep_zero() {
    testing::run(async {
        let deadline = Deadline::at(Instant::now());
        assert_eq!(deadline.run(sleep(Duration::ZERO)).await, Err(Elapsed));
        assert_eq!((deadline.expired(), Instant::now()), (true, at(0)));
    });
}

#[test]
fn test_timeouts_timeout_in_the_past_sleep_zero() {
    testing::run(async {
        sleep(ms(20)).await;
        let deadline = Deadline::at(at(9));
        assert_eq!(deadline.run(sleep(Duration::ZERO)).await, Err(Elapsed));
        assert_eq!((deadline.expired(), deadline.when(), Instant::now()), (true, Some(at(9)), at(20)));
    });
}

#[test]
fn test_timeouts_foreign_exception_passed() {
    testing::run(async {
        let deadline = Deadline::after(ms(10));
        assert_eq!(deadline.run(async { Err::<(), _>("foreign") }).await, Ok(Err("foreign")));
        assert!(!deadline.expired());

        let deadline = Deadline::after(ms(10));
        let inside = deadline.clone();
        let task = spawn(async move { inside.run(async { panic!("foreign") }).await });
        assert_eq!(task.await.unwrap_err().to_string(), "the task panicked: foreign");
        assert!(!deadline.expired());
    });
}

#[test]
fn test_timeouts_foreign_cancel_doesnt_timeout_if_not_expired() {
    testing::run(async {
        let deadline = Deadline::after(ms(10_000));
        let inside = deadline.clone();
        let task = spawn(async move { inside.run(pending::<()>()).await });
        yield_now().await;
        task.cancel("foreign");
        assert_eq!(reason_of(task.await), "foreign".into());
        assert!(!deadline.expired());
    });
}

#[test]
fn test_timeouts_outer_task_is_not_cancelled() {
    testing::run(async {
        let task = spawn(async {
            assert_eq!(timeout(ms(1), sleep(ms(10_000))).await, Err(Elapsed));
            sleep(ms(1)).await;
            "goes on"
        });
        assert_eq!(task.await.unwrap(), "goes on");
    });
}

/// An executor, and the clock that its tasks make pass while they block.
fn blocking<F: Future>(main: impl FnOnce(VirtualClock) -> F) -> F::Output {
    let clock = VirtualClock::new();
    Executor::builder().clock(clock.clone()).run(main(clock))
}

/// Differs: when both have expired, only the outer one returns.
#[test]
fn test_timeouts_nested_timeouts_concurrent() {
    blocking(async |clock: VirtualClock| {
        let outcome = timeout(ms(2), async {
            let outcome = timeout(ms(1), async {
                yield_now().await; // the deadlines count from the end of the first turn
                clock.advance(ms(10)); // the loop is busy for a while
                sleep(ms(1_000)).await;
            });
            outcome.await.unwrap_err();
            unreachable!("the outer one has expired too");
        });
        assert_eq!(outcome.await, Err::<(), _>(Elapsed));
    });
}

/// Differs: when both have expired, only the outer one returns. If the inner one expires first, it returns first.
#[test]
fn test_timeouts_nested_timeouts_loop_busy() {
    for (busy, expected) in [(ms(200), vec![]), (ms(50), vec![Err(Elapsed)])] {
        let record = Record::new();
        let says = record.clone();
        blocking(async |clock: VirtualClock| {
            let outcome = timeout(ms(100), async {
                let inner = timeout(ms(10), async {
                    yield_now().await;
                    clock.advance(busy);
                    sleep(ms(1_000)).await;
                });
                says.add(inner.await);
                sleep(ms(10_000)).await;
                unreachable!("the outer one expires");
            });
            assert_eq!(outcome.await, Err::<(), _>(Elapsed));
            assert_eq!(Instant::now(), at(100).max(at(0) + busy));
        });
        assert_eq!(record.take(), expected);
    }
}

#[test]
fn test_timeouts_reschedule() {
    testing::run(async {
        let deadline = Deadline::at(at(10));
        let inside = deadline.clone();
        let task = spawn(async move { inside.run(sleep(ms(50))).await });
        yield_now().await;
        assert_eq!(deadline.when(), Some(at(10)));
        assert!(deadline.reschedule(Some(at(30))));
        assert_eq!(deadline.when(), Some(at(30)));
        sleep(ms(20)).await;
        assert!(deadline.reschedule(None));
        assert_eq!(deadline.when(), None);
        sleep(ms(20)).await;
        task.cancel("from outside");
        assert_eq!(reason_of(task.await), "from outside".into());
        assert!(!deadline.expired());
    });
}

#[test]
fn test_timeouts_nested_timeout_in_finally() {
    let record = Record::new();
    testing::run(async {
        let body = finally(sleep(ms(1_000)), async |_: Option<&()>| {
            record.add(("inner", timeout(ms(10), sleep(ms(10_000))).await, Instant::now()));
        });
        record.add(("outer", timeout(ms(10), body).await, Instant::now()));
    });
    assert_eq!(record.take(), [("inner", Err(Elapsed), at(20)), ("outer", Err(Elapsed), at(20))]);
}

#[test]
fn test_timeouts_timeout_after_cancellation() {
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let body = async {
            current_task().cancel("myself");
            sleep(ms(1_000)).await;
        };
        let clean_up = async move |_: Option<&()>| says.add(timeout(Duration::ZERO, sleep(ms(1_000))).await);
        assert_eq!(reason_of(spawn(finally(body, clean_up)).await), "myself".into());
    });
    assert_eq!(record.take(), [Err(Elapsed)]);
}

/// Differs: a second cancellation of the task does not get into clean-up. Its timeout is the bound.
#[test]
fn test_timeouts_cancel_in_timeout_after_cancellation() {
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let body = async {
            current_task().cancel("myself");
            sleep(ms(1_000)).await;
        };
        let clean_up = async move |_: Option<&()>| {
            let outcome = timeout(ms(1_000), async {
                current_task().cancel("again");
                sleep(ms(2_000)).await;
            });
            says.add((outcome.await, Instant::now()));
        };
        assert_eq!(reason_of(spawn(finally(body, clean_up)).await), "myself".into());
    });
    assert_eq!(record.take(), [(Err(Elapsed), at(1_000))]);
}

#[test]
fn test_timeouts_timeout_already_entered() {
    testing::run(async {
        let deadline = Deadline::after(ms(10));
        let again = deadline.clone();
        let task = spawn(async move { deadline.clone().run(async move { deadline.run(async {}).await }).await });
        assert!(task.await.unwrap_err().to_string().contains("make a scope for each"));
        assert!(!again.expired());
    });
}

#[test]
fn test_timeouts_timeout_double_enter() {
    testing::run(async {
        let deadline = Deadline::after(ms(10));
        assert_eq!(deadline.run(sleep(ms(1))).await, Ok(()));
        let task = spawn(async move { deadline.run(async {}).await });
        assert!(task.await.unwrap_err().to_string().contains("make a scope for each"));
    });
}

/// Differs: it has no effect, which the answer says, but is no error.
#[test]
fn test_timeouts_timeout_finished() {
    testing::run(async {
        let deadline = Deadline::after(ms(10));
        assert_eq!(deadline.run(async {}).await, Ok(()));
        assert!(!deadline.reschedule(Some(Instant::now())) && !deadline.reschedule(None));
        sleep(ms(20)).await;
        assert_eq!((deadline.expired(), deadline.when()), (false, Some(at(10))));
    });
}

#[test]
fn test_timeouts_timeout_expired() {
    testing::run(async {
        let deadline = Deadline::after(ms(10));
        assert_eq!(deadline.run(pending::<()>()).await, Err(Elapsed));
        assert!(!deadline.reschedule(Some(at(100))));
        assert_eq!((deadline.expired(), deadline.when()), (true, Some(at(10))));
    });
}

#[test]
fn test_timeouts_timeout_expiring() {
    testing::run(async {
        let deadline = Deadline::after(ms(10));
        let body = finally(pending::<()>(), async |_: Option<&()>| {
            sleep(ms(1)).await;
            assert!(!deadline.reschedule(Some(at(100))) && !deadline.reschedule(None));
        });
        assert_eq!(deadline.run(body).await, Err(Elapsed));
        assert_eq!(deadline.when(), Some(at(10)));
    });
}

/// Differs: a deadline may be moved before anything runs under it.
#[test]
fn test_timeouts_timeout_not_entered() {
    testing::run(async {
        let deadline = Deadline::after(ms(10));
        assert_eq!(deadline.when(), None); // it counts from the start
        assert!(deadline.reschedule(Some(at(50))));
        assert_eq!(deadline.when(), Some(at(50)));
        assert_eq!(deadline.run(pending::<()>()).await, Err(Elapsed));
        assert_eq!(Instant::now(), at(50));
    });
}

#[test]
fn test_timeouts_timeout_without_task() {
    let deadline = Deadline::after(ms(1));
    let message = panic_of(|| poll_with_noop(&mut Box::pin(deadline.run(async {}))));
    assert!(message.contains("outside an executor"), "{message}");
}

/// Differs: the errors are the value of what ran under the deadline, and the deadline itself says that it has passed.
#[test]
fn test_timeouts_timeout_taskgroup() {
    testing::run(async {
        let deadline = Deadline::after(ms(10));
        let group = Group::run(async |group| {
            group.spawn(spoil(group.clone(), 1, "ZeroDivisionError"));
            Ok(())
        });
        let outcome = deadline.run(group).await;
        assert_eq!(errors(outcome.unwrap()), ["ZeroDivisionError"]);
        assert!(deadline.expired());
        assert_eq!(Instant::now(), at(11));
        // Without errors it is the deadline that ends it.
        let group = Group::run(async |group| {
            group.spawn(stop_slowly(Record::new(), "child", 1));
            Ok(())
        });
        assert!(timeout(ms(10), group).await.is_err());
        assert_eq!(Instant::now(), at(22));
    });
}

/// A scope's reason says what asyncio's `TimeoutError from CancelledError` says.
#[test]
fn test_timeouts_what_is_cancelled_by_a_deadline_says_so() {
    testing::run(async {
        let scope = evenkeel::CancelScope::new();
        scope.set_deadline(at(10));
        assert_eq!(scope.run(pending::<()>()).await.unwrap_err().0, CancelReason::DeadlineExceeded);
    });
}
