//! What asyncio says about `wait_for`, which is [`timeout`] here: its facts 44 to 46, and what its own `test_waitfor.py` asserts.
//! Where evenkeel differs on purpose, the test asserts what evenkeel does, and the book says why (`docs/src/differences.md`).

use crate::kit::probe::{Record, at, ms, panic_of, reason_of};
use evenkeel::{
    CancelReason, CancelScope, Elapsed, Instant, cancel::timeout_at, finally, shield, sleep, sleep_until, spawn,
    task::TaskState, testing, timeout, yield_now,
};
use std::{
    cell::Cell,
    future::{pending, poll_fn},
    pin::pin,
    rc::Rc,
    task::Poll,
    time::Duration,
};

// ---- facts

#[test]
fn asyncio_fact_44_without_a_limit_it_just_awaits() {
    testing::run(async {
        let slow = async {
            sleep(Duration::from_secs(1_000_000)).await;
            "slow"
        };
        assert_eq!(timeout(Duration::MAX, slow).await, Ok("slow"));
    });
}

/// Differs: with no time at all the future is polled once, whether it is a task or not.
#[test]
fn asyncio_fact_44_with_no_time_at_all_a_result_that_is_there_counts() {
    testing::run(async {
        let mut done = spawn(async { 5 });
        yield_now().await;
        assert_eq!(timeout(Duration::ZERO, &mut done).await.unwrap().unwrap(), 5);
        assert_eq!(timeout(Duration::ZERO, async { 6 }).await, Ok(6));
        assert_eq!(timeout(Duration::ZERO, pending::<()>()).await, Err(Elapsed));
    });
}

#[test]
fn asyncio_fact_45_the_clean_up_of_what_is_stopped_is_waited_for() {
    testing::run(async {
        let body = finally(pending::<()>(), async |_: Option<&()>| sleep(ms(50)).await);
        assert_eq!((timeout(ms(10), body).await, Instant::now()), (Err(Elapsed), at(60)));
    });
}

#[test]
fn asyncio_fact_45_a_value_counts_that_comes_in_spite_of_the_deadline() {
    testing::run(async {
        let body = async {
            shield(sleep(ms(50))).await;
            "late, but there"
        };
        assert_eq!((timeout(ms(10), body).await, Instant::now()), (Ok("late, but there"), at(50)));
    });
}

/// asyncio's exception in clean-up is a panic here: clean-up has no other error.
#[test]
fn asyncio_fact_45_what_fails_in_clean_up_beats_the_timeout() {
    let failing = finally(pending::<()>(), async |_: Option<&()>| {
        sleep(ms(1)).await;
        panic!("in clean-up")
    });
    assert_eq!(panic_of(|| testing::run(timeout(ms(10), failing))), "in clean-up");
}

#[test]
fn asyncio_fact_46_cancelling_the_caller_stops_the_body_and_waits_for_its_clean_up() {
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let task = spawn(async move {
            let body = finally(pending::<()>(), async |_: Option<&()>| {
                sleep(ms(50)).await;
                says.add("cleaned up");
            });
            let _ = timeout(ms(10_000), body).await;
            says.add("never");
        });
        yield_now().await;
        task.cancel("the caller");
        assert_eq!(reason_of(task.await), "the caller".into());
        assert_eq!(Instant::now(), at(50));
    });
    assert_eq!(record.take(), ["cleaned up"]);
}

/// Differs: the completed result is not lost either. The code that has it is stopped where it awaits next.
#[test]
fn asyncio_fact_46_a_cancellation_that_races_with_the_result_is_not_swallowed() {
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let task = spawn(async move {
            says.add(timeout(ms(10_000), sleep_until(at(10))).await);
            pending::<()>().await;
            says.add(Err(Elapsed));
        });
        sleep_until(at(10)).await; // its timer is the older one, so the task is woken in this very turn
        task.cancel("at the same time");
        assert_eq!(reason_of(task.await), "at the same time".into());
    });
    assert_eq!(record.take(), [Ok(())]);
}

// ---- test_waitfor.py

/// What asyncio's test does by swallowing cancellations, `shield` says here: it needs its time.
async fn needs(time: Duration, exited: Rc<Cell<bool>>) {
    shield(sleep(time)).await;
    exited.set(true);
}

#[test]
fn test_waitfor_asyncio_wait_for_cancelled() {
    testing::run(async {
        let exited = Rc::new(Cell::new(false));
        let task = spawn(timeout(ms(1_000), needs(ms(100), exited.clone())));
        yield_now().await;
        task.cancel("outside");
        assert_eq!(task.await.unwrap(), Ok(()));
        assert_eq!((exited.get(), Instant::now()), (true, at(100)));
    });
}

#[test]
fn test_waitfor_asyncio_wait_for_timeout() {
    testing::run(async {
        let exited = Rc::new(Cell::new(false));
        assert_eq!(timeout(ms(50), needs(ms(100), exited.clone())).await, Ok(()));
        assert_eq!((exited.get(), Instant::now()), (true, at(100)));
    });
}

#[test]
fn test_waitfor_wait_for_timeout_less_then_0_or_0_future_done() {
    testing::run(async {
        sleep(ms(10)).await;
        for deadline in [at(10), at(5)] {
            let done = spawn(async { "done" });
            yield_now().await;
            assert_eq!(timeout_at(deadline, done).await.unwrap().unwrap(), "done");
        }
        assert_eq!(Instant::now(), at(10));
    });
}

/// Differs: it is polled once, and stopped at its first await.
#[test]
fn test_waitfor_wait_for_timeout_less_then_0_or_0_coroutine_do_not_started() {
    let record = Record::new();
    testing::run(async {
        sleep(ms(10)).await;
        for deadline in [at(10), at(5)] {
            let body = async {
                record.add("started");
                yield_now().await;
                record.add("never");
            };
            assert_eq!(timeout_at(deadline, body).await, Err(Elapsed));
        }
        assert_eq!(Instant::now(), at(10));
    });
    assert_eq!(record.take(), ["started", "started"]);
}

#[test]
fn test_waitfor_wait_for_timeout_less_then_0_or_0() {
    let record = Record::new();
    testing::run(async {
        sleep(ms(10)).await;
        for deadline in [at(10), at(5)] {
            let body = finally(sleep(ms(200)), async |_: Option<&()>| {
                yield_now().await;
                record.add("cleaned up");
            });
            let mut body = pin!(body);
            poll_fn(|cx| Poll::Ready(body.as_mut().poll(cx))).await.is_pending().then_some(()).unwrap();
            assert_eq!(timeout_at(deadline, body).await, Err(Elapsed));
            record.add("elapsed");
        }
        assert_eq!(Instant::now(), at(10));
    });
    assert_eq!(record.take(), ["cleaned up", "elapsed"].repeat(2));
}

/// Differs: a task whose handle is dropped is cancelled, and cleans up. But the timeout does not wait for that.
#[test]
fn test_waitfor_wait_for_timeout_less_then_0_or_0_of_a_running_task() {
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let task = spawn(finally(pending::<()>(), async move |_: Option<&()>| {
            sleep(ms(1)).await;
            says.add("cleaned up");
        }));
        yield_now().await;
        assert_eq!(timeout(Duration::ZERO, task).await.unwrap_err(), Elapsed);
        record.add("elapsed");
        sleep(ms(10)).await;
    });
    assert_eq!(record.take(), ["elapsed", "cleaned up"]);
}

#[test]
fn test_waitfor_wait_for() {
    testing::run(async {
        let cleaned_up = Cell::new(false);
        let body = finally(sleep(ms(200)), async |ended: Option<&()>| cleaned_up.set(ended.is_none()));
        assert_eq!((timeout(ms(100), body).await, Instant::now()), (Err(Elapsed), at(100)));
        assert!(cleaned_up.get());
    });
}

#[test]
fn test_waitfor_wait_for_blocking() {
    testing::run(async {
        assert_eq!(timeout(Duration::MAX, async { "done" }).await, Ok("done"));
    });
}

/// Whoever is woken first, the result or the deadline.
#[test]
fn test_waitfor_wait_for_race_condition() {
    testing::run(async {
        assert_eq!(timeout_at(at(10), sleep_until(at(10))).await, Ok(()));
        let mut body = pin!(sleep_until(at(20)));
        poll_fn(|cx| Poll::Ready(body.as_mut().poll(cx).is_pending())).await;
        assert_eq!(timeout_at(at(20), body).await, Ok(()));
    });
}

/// A body that looks for the cancellation itself, and ends.
async fn ends_when_cancelled<T>(scope: &CancelScope, value: T) -> T {
    poll_fn(|_| if scope.is_cancelled() { Poll::Ready(()) } else { Poll::Pending }).await;
    value
}

#[test]
fn test_waitfor_wait_for_cancellation_race_condition() {
    testing::run(async {
        let scope = CancelScope::new();
        scope.set_deadline(at(10));
        assert_eq!(scope.run(ends_when_cancelled(&scope, "a value")).await.unwrap(), "a value");
    });
}

#[test]
fn test_waitfor_cancel_suppressed() {
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let task = spawn(async move {
            let scope = CancelScope::new();
            says.add(scope.run(ends_when_cancelled(&scope, "a value")).await.unwrap());
            pending::<()>().await;
        });
        yield_now().await;
        task.cancel("outside");
        // The task itself was not woken, but a scope in it asks.
        assert_eq!(reason_of(task.await), "outside".into());
    });
    // A root scope polls once more only what was woken: see the book.
    assert_eq!(record.take(), Vec::<&str>::new());
}

#[test]
fn test_waitfor_wait_for_cancel_suppressed() {
    testing::run(async {
        let exited = Rc::new(Cell::new(false));
        let body = async {
            needs(ms(100), exited.clone()).await;
            "a value"
        };
        assert_eq!(timeout(ms(10), body).await, Ok("a value"));
        assert!(exited.get());
    });
}

#[test]
fn test_waitfor_wait_for_waits_for_task_cancellation() {
    let record = Record::new();
    testing::run(async {
        let body = finally(sleep(ms(1_000)), async |_: Option<&()>| {
            record.add("cleaning up");
            sleep(ms(100)).await;
            record.add("cleaned up");
        });
        assert_eq!(timeout(ms(10), body).await, Err(Elapsed));
        record.add("elapsed");
        assert_eq!(Instant::now(), at(110));
    });
    assert_eq!(record.take(), ["cleaning up", "cleaned up", "elapsed"]);
}

#[test]
fn test_waitfor_wait_for_waits_for_task_cancellation_w_timeout_0() {
    let record = Record::new();
    testing::run(async {
        let body = finally(sleep(ms(1_000)), async |_: Option<&()>| {
            record.add("cleaning up");
            sleep(ms(100)).await;
            record.add("cleaned up");
        });
        assert_eq!(timeout(Duration::ZERO, body).await, Err(Elapsed));
        record.add("elapsed");
        assert_eq!(Instant::now(), at(100));
    });
    assert_eq!(record.take(), ["cleaning up", "cleaned up", "elapsed"]);
}

#[test]
fn test_waitfor_wait_for_reraises_exception_during_cancellation() {
    let failing = finally(sleep(ms(1_000)), async |_: Option<&()>| panic!("FooException"));
    let outcome = testing::run(async { spawn(timeout(ms(10), failing)).await });
    assert_eq!(outcome.unwrap_err().to_string(), "the task panicked: FooException");
}

#[test]
fn test_waitfor_cancel_blocking_wait_for() {
    testing::run(async {
        let stopped = Rc::new(Cell::new(false));
        let seen = stopped.clone();
        let body = finally(pending::<()>(), async move |ended: Option<&()>| seen.set(ended.is_none()));
        let task = spawn(timeout(Duration::MAX, body));
        yield_now().await;
        task.cancel("the caller");
        assert_eq!(reason_of(task.await), "the caller".into());
        assert!(stopped.get());
    });
}

#[test]
fn test_waitfor_cancel_wait_for() {
    testing::run(async {
        let inner = Rc::new(Cell::new(None));
        let slot = inner.clone();
        let task = spawn(async move {
            let child = spawn(pending::<()>());
            slot.set(Some(evenkeel::Task::id(&child)));
            let _ = timeout(ms(60_000), child).await;
        });
        yield_now().await;
        yield_now().await;
        assert!(inner.get().is_some());
        task.cancel("the caller");
        assert_eq!(reason_of(task.await), "the caller".into());
        assert_eq!(Instant::now(), at(0));
    });
}

/// Differs: the caller gets the result that has come, and is stopped at its next await. In CPython the result stays on the inner
/// handle. In both, the cancellation is not swallowed.
#[test]
fn test_waitfor_wait_for_issue86296() {
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let inner = spawn(sleep_until(at(10)));
        let task = spawn(async move {
            says.add(timeout(ms(60_000), inner).await.unwrap().is_ok());
            pending::<()>().await;
            says.add(false);
        });
        sleep_until(at(10)).await;
        yield_now().await; // the inner one has ended and woken the task, which has not run since
        task.cancel("in that very moment");
        assert_eq!(reason_of(task.await), "in that very moment".into());
    });
    assert_eq!(record.take(), [true]);
}

/// What lives on after a timeout is what its caller owns: a timeout around a borrowed handle.
#[test]
fn test_waitfor_shield_zero_timeout() {
    testing::run(async {
        let mut task = spawn(async {
            sleep(ms(10)).await;
            "done"
        });
        yield_now().await;
        assert_eq!(timeout(Duration::ZERO, &mut task).await.unwrap_err(), Elapsed);
        assert_eq!(timeout(Duration::ZERO, shield(&mut task)).await.unwrap_err(), Elapsed);
        assert_eq!(task.state(), TaskState::Running);
        assert_eq!(task.await.unwrap(), "done");
    });
}

#[test]
fn test_waitfor_shield_shielded_timeout() {
    testing::run(async {
        let mut task = spawn(async {
            sleep(ms(20)).await;
            "done"
        });
        assert_eq!(timeout(ms(10), &mut task).await.unwrap_err(), Elapsed);
        assert_eq!((task.state(), Instant::now()), (TaskState::Running, at(10)));
        assert_eq!(task.await.unwrap(), "done");
    });
}

#[test]
fn test_waitfor_shield_none_timeout() {
    testing::run(async {
        let task = spawn(async {
            sleep(ms(10)).await;
            "done"
        });
        assert_eq!(timeout(Duration::MAX, shield(task)).await.unwrap().unwrap(), "done");
    });
}

#[test]
fn test_waitfor_a_timeout_that_is_stopped_from_around_says_why() {
    let reason = testing::run(async {
        let scope = CancelScope::new();
        scope.set_deadline(at(10));
        let outcome = scope.run(timeout(ms(20), pending::<()>())).await;
        outcome.unwrap_err().0
    });
    assert_eq!(reason, CancelReason::DeadlineExceeded);
}
