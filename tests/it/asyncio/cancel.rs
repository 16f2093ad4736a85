//! What asyncio says about cancelling tasks: its facts 50 to 58, and the cancel part of its own `test_tasks.py`. Where evenkeel
//! differs on purpose, the test asserts what evenkeel does, and the book says why (`docs/src/differences.md`).

use crate::kit::probe::{Drops, Record, at, ms, on_drop, reason_of, wait_for_wake};
use evenkeel::{
    CancelReason, CancelScope, Cancelled, Elapsed, Executor, Instant, JoinError, Task, current_task, finally,
    host::{Readiness, UnhandledKind},
    run, shield, sleep, sleep_until, spawn,
    task::TaskState,
    testing, timeout, yield_now,
};
use futures::channel::oneshot;
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    rc::Rc,
    time::Duration,
};

// ---- facts

/// Differs: a task's owner is not told whether it came too late. Scopes and the task itself are.
#[test]
fn asyncio_fact_50_who_cancels_is_told_whether_there_was_anything_to_cancel() {
    testing::run(async {
        let task = spawn(async { current_task() });
        yield_now().await;
        task.cancel("too late");
        assert_eq!(task.cancel_reason(), None);
        let ended = task.await.unwrap();
        assert!(!ended.cancel("too late"));
        let scope = CancelScope::new();
        assert!(scope.cancel("first") && !scope.cancel("second"));
        assert!(current_task().cancel("myself") && current_task().cancel("again"));
    });
}

#[test]
fn asyncio_fact_50_a_cancellation_is_accepted_also_if_the_task_will_have_a_value() {
    testing::run(async {
        let task = spawn(async {
            shield(sleep(ms(1))).await;
            "a value"
        });
        yield_now().await;
        task.cancel("stop");
        assert_eq!((task.state(), task.cancel_reason()), (TaskState::CancelRequested, Some("stop".into())));
        assert_eq!(task.await.unwrap(), "a value");
    });
}

/// Differs: a cancelled scope stays cancelled, so what awaits later in it is stopped too.
#[test]
fn asyncio_fact_51_a_cancellation_is_a_state_and_not_an_event() {
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let task = spawn(async move {
            shield(sleep(ms(1))).await;
            says.add("the first await was let through");
            shield(sleep(ms(1))).await;
            says.add("never: nothing is shielded in what is cancelled already");
        });
        yield_now().await;
        task.cancel("stop");
        assert_eq!(reason_of(task.await), "stop".into());
    });
    assert_eq!(record.take(), ["the first await was let through"]);
}

#[test]
fn asyncio_fact_52_what_is_cancelled_before_its_first_step_never_runs_nor_does_its_clean_up() {
    let (record, drops) = (Record::new(), Drops::default());
    testing::run(async {
        let (says, guard) = (record.clone(), drops.guard());
        let task = spawn(finally(
            async move {
                let _guard = guard;
                record.add("body");
            },
            async move |_: Option<&()>| says.add("clean-up"),
        ));
        task.cancel("at once");
        assert_eq!(reason_of(task.await), "at once".into());
    });
    assert_eq!((drops.count(), Record::<()>::new().take().len()), (1, 0));
}

/// Differs: the result is kept.
#[test]
fn asyncio_fact_53_a_result_that_is_there_before_the_task_resumes_is_not_lost() {
    testing::run(async {
        let (sender, receiver) = oneshot::channel();
        let task = spawn(async { receiver.await.unwrap() });
        yield_now().await;
        sender.send("precious").unwrap();
        task.cancel("in between");
        assert_eq!(task.await.unwrap(), "precious");
    });
}

/// Differs: the value is kept.
#[test]
fn asyncio_fact_54_a_task_that_cancels_itself_and_returns_has_its_value() {
    testing::run(async {
        let task = spawn(async {
            current_task().cancel("myself");
            "a value"
        });
        assert_eq!(task.await.unwrap(), "a value");
    });
}

/// Differs: there is no `uncancel`. A part of a task that is to survive its cancellation is a scope of its own.
#[test]
fn asyncio_fact_55_normal_life_goes_on_behind_a_scope_that_was_cancelled() {
    testing::run(async {
        let task = spawn(async {
            let scope = CancelScope::new();
            scope.cancel("this part");
            assert_eq!(scope.run(pending::<()>()).await, Err(Cancelled("this part".into())));
            assert_eq!((current_task().state(), current_task().cancel_reason()), (Some(TaskState::Running), None));
            sleep(ms(1)).await;
            "goes on"
        });
        assert_eq!(task.await.unwrap(), "goes on");
    });
}

/// Differs: there is no count. Who looks sees the state and the first reason.
#[test]
fn asyncio_fact_56_cancellations_are_not_counted() {
    testing::run(async {
        let task = spawn(async {
            let me = current_task();
            assert!(me.cancel("one") && me.cancel("two"));
            assert_eq!((me.state(), me.cancel_reason()), (Some(TaskState::CancelRequested), Some("one".into())));
            pending::<()>().await;
        });
        assert_eq!(reason_of(task.await), "one".into());
    });
}

/// Differs: the first reason stays.
#[test]
fn asyncio_fact_57_of_several_reasons_the_first_stays() {
    testing::run(async {
        let task = spawn(pending::<()>());
        for reason in ["first", "second", "last"] {
            task.cancel(reason);
        }
        assert_eq!(reason_of(task.await), "first".into());
    });
}

#[test]
fn asyncio_fact_58_cancelling_goes_through_a_chain_of_tasks_that_await_each_other() {
    let record = Record::new();
    testing::run(async {
        fn link(depth: usize, record: Record<usize>) -> Task<()> {
            spawn(async move {
                let _guard = on_drop({
                    let record = record.clone();
                    move || record.add(depth)
                });
                if depth < 5 { link(depth + 1, record).await.unwrap() } else { pending().await }
            })
        }
        let first = link(0, record.clone());
        for _ in 0..10 {
            yield_now().await;
        }
        first.cancel("the first");
        assert_eq!(reason_of(first.await), "the first".into());
        for _ in 0..10 {
            yield_now().await;
        }
    });
    assert_eq!(record.take(), [0, 1, 2, 3, 4, 5]);
}

/// Differs: a task that is awaited by reference stays with its owner.
#[test]
fn asyncio_fact_58_a_task_that_is_only_borrowed_is_not_cancelled_with_who_awaits_it() {
    testing::run(async {
        let mut inner = spawn(sleep(ms(10)));
        let scope = CancelScope::new();
        scope.set_deadline(at(5));
        assert!(scope.run(&mut inner).await.is_err());
        assert_eq!(inner.state(), TaskState::Running);
        inner.await.unwrap();
    });
}

// ---- test_tasks.py, cancel

/// Differs: states in place of a count.
#[test]
fn test_tasks_cancelling() {
    testing::run(async {
        let task = spawn(sleep(ms(10_000)));
        yield_now().await;
        assert_eq!(task.state(), TaskState::Running);
        task.cancel("once");
        assert_eq!(task.state(), TaskState::CancelRequested);
        task.cancel("twice");
        assert_eq!((task.state(), task.cancel_reason()), (TaskState::CancelRequested, Some("once".into())));
        assert_eq!(reason_of(task.await), "once".into());
    });
}

/// Differs: see [`asyncio_fact_55_normal_life_goes_on_behind_a_scope_that_was_cancelled`]. A later cancellation of the task works.
#[test]
fn test_tasks_uncancel_basic() {
    testing::run(async {
        let scope = CancelScope::new();
        let handle = scope.clone();
        let mut task = spawn(async move {
            scope.run(sleep(ms(10))).await.unwrap_err();
            sleep(ms(10)).await;
        });
        yield_now().await;
        assert!(handle.cancel("this part"));
        yield_now().await;
        assert_eq!(task.state(), TaskState::Running);
        assert!(!handle.cancel("it is over"));
        yield_now().await;
        assert_eq!(task.state(), TaskState::Running);
        task.cancel("all of it");
        assert_eq!(reason_of(task.outcome().await), "all of it".into());
        task.cancel("no effect when it is done");
        assert_eq!(task.state(), TaskState::Ended);
    });
}

/// The cases of asyncio's test, which builds a timeout on counts by hand: here scopes keep them apart.
#[test]
fn test_tasks_uncancel_structured_blocks() {
    /// Works for 10 ms in blocks whose deadlines are these, and is cancelled from outside at `outside`.
    fn work(deadlines: [u64; 2], outside: Option<u64>) -> (Option<CancelReason>, Vec<&'static str>) {
        let record = Record::new();
        let says = record.clone();
        let reason = testing::run(async {
            let task = spawn(async move {
                let outer = timeout(ms(deadlines[0]), async {
                    match timeout(ms(deadlines[1]), sleep(ms(10))).await {
                        Ok(()) => says.add("done"),
                        Err(Elapsed) => says.add("inner timed out"),
                    }
                    sleep(ms(10)).await;
                });
                match outer.await {
                    Ok(()) => says.add("end"),
                    Err(Elapsed) => says.add("outer timed out"),
                }
                sleep(ms(10)).await;
            });
            if let Some(outside) = outside {
                sleep(ms(outside)).await;
                task.cancel("from outside");
            }
            match task.await {
                Ok(()) => None,
                outcome => Some(reason_of(outcome)),
            }
        });
        (reason, record.take())
    }
    // The inner deadline does not touch what is around it, nor does the outer one.
    assert_eq!(work([100, 100], None), (None, vec!["done", "end"]));
    assert_eq!(work([100, 5], None), (None, vec!["inner timed out", "end"]));
    assert_eq!(work([5, 100], None), (None, vec!["outer timed out"]));
    assert_eq!(work([12, 5], None), (None, vec!["inner timed out", "outer timed out"]));
    // A cancellation from outside is never taken for a deadline, whenever it comes.
    let outside = || Some(CancelReason::from("from outside"));
    assert_eq!(work([100, 100], Some(3)), (outside(), vec![]));
    assert_eq!(work([100, 5], Some(8)), (outside(), vec!["inner timed out"]));
    assert_eq!(work([5, 100], Some(8)), (outside(), vec!["outer timed out"]));
    assert_eq!(work([5, 5], Some(5)), (outside(), vec![]));
}

/// Differs: a cancellation cannot be taken back. One that finds nothing to stop stops nothing.
#[test]
fn test_tasks_uncancel_resets_must_cancel() {
    testing::run(async {
        let task = spawn(async {
            let scope = CancelScope::new();
            let value = scope.run(async {
                scope.cancel("from inside");
                "a value"
            });
            let value = value.await.unwrap();
            sleep(ms(1)).await;
            value
        });
        assert_eq!(task.await.unwrap(), "a value");
    });
}

#[test]
fn test_tasks_cancel() {
    testing::run(async {
        let mut task = spawn(async {
            sleep(ms(10_000)).await;
            12
        });
        yield_now().await;
        task.cancel("stop");
        assert_eq!(reason_of(task.outcome().await), "stop".into());
        assert!(task.is_finished());
        task.cancel("when it is done");
        assert_eq!((task.state(), Instant::now()), (TaskState::Ended, at(0)));
    });
}

#[test]
fn test_tasks_cancel_yield() {
    testing::run(async {
        let task = spawn(async {
            loop {
                yield_now().await;
            }
        });
        yield_now().await;
        task.cancel("stop");
        assert_eq!(reason_of(task.await), "stop".into());
    });
}

/// asyncio's "message" is the reason.
#[test]
fn test_tasks_cancel_with_message_then_future_result() {
    testing::run(async {
        for reason in ["a text".into(), CancelReason::from(String::from("made of parts")), CancelReason::Interrupted] {
            let task = spawn(sleep(ms(10)));
            yield_now().await;
            task.cancel(reason.clone());
            assert_eq!(reason_of(task.await), reason);
        }
    });
}

#[test]
fn test_tasks_cancel_with_message_then_future_exception() {
    testing::run(async {
        let mut task = spawn(pending::<()>());
        yield_now().await;
        task.cancel("why");
        yield_now().await;
        assert_eq!(task.cancel_reason(), Some("why".into()));
        let error = task.outcome().await.unwrap_err();
        assert_eq!(error.to_string(), "the task was cancelled: why");
    });
}

#[test]
fn test_tasks_cancel_with_message_before_starting_task() {
    testing::run(async {
        let task = spawn(async { unreachable!("it never starts") });
        task.cancel("before it starts");
        assert_eq!(reason_of::<()>(task.await), "before it starts".into());
    });
}

/// Differs: what is cancelled alone gives its outcome as a value to who awaits it, who is not cancelled.
#[test]
fn test_tasks_cancel_inner_future() {
    testing::run(async {
        let inner = Rc::new(RefCell::new(None::<Task<()>>));
        let slot = inner.clone();
        let outer = spawn(async move {
            let awaited = poll_fn(|cx| std::pin::Pin::new(slot.borrow_mut().as_mut().unwrap()).poll(cx));
            let outcome = awaited.await;
            sleep(ms(1)).await;
            (reason_of(outcome), 42)
        });
        inner.replace(Some(spawn(sleep(ms(10_000)))));
        yield_now().await;
        inner.borrow().as_ref().unwrap().cancel("the inner one");
        assert_eq!(outer.await.unwrap(), ("the inner one".into(), 42));
    });
}

#[test]
fn test_tasks_cancel_both_task_and_inner_future() {
    testing::run(async {
        let inner = Rc::new(RefCell::new(Some(spawn(sleep(ms(10_000))))));
        let slot = inner.clone();
        let outer = spawn(async move {
            let awaited = poll_fn(|cx| std::pin::Pin::new(slot.borrow_mut().as_mut().unwrap()).poll(cx));
            awaited.await.unwrap_err();
            pending::<()>().await;
        });
        yield_now().await;
        inner.borrow().as_ref().unwrap().cancel("the inner one");
        outer.cancel("the outer one");
        assert_eq!(reason_of(outer.await), "the outer one".into());
        assert_eq!(inner.take().unwrap().state(), TaskState::Ended);
    });
}

/// Differs in how: who wants to end with a value in spite of a cancellation gives himself a scope for what may be stopped.
#[test]
fn test_tasks_cancel_task_catching() {
    testing::run(async {
        let scope = CancelScope::new();
        let handle = scope.clone();
        let task = spawn(async move { if scope.run(sleep(ms(100))).await.is_err() { 42 } else { 0 } });
        sleep(ms(10)).await;
        handle.cancel("stop the wait");
        assert_eq!(task.await.unwrap(), 42);
        assert_eq!(Instant::now(), at(10));
    });
}

/// Differs in how: as above. Ignoring is not possible in the scope that is cancelled, see
/// [`asyncio_fact_51_a_cancellation_is_a_state_and_not_an_event`].
#[test]
fn test_tasks_cancel_task_ignoring() {
    testing::run(async {
        let scope = CancelScope::new();
        let handle = scope.clone();
        let task = spawn(async move {
            let stopped = scope.run(sleep(ms(100))).await.is_err();
            sleep(ms(50)).await; // not in the scope
            (stopped, 42)
        });
        sleep(ms(10)).await;
        handle.cancel("stop the wait");
        assert_eq!(task.await.unwrap(), (true, 42));
        assert_eq!(Instant::now(), at(60));
    });
}

#[test]
fn test_tasks_cancel_current_task() {
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let task = spawn(async move {
            assert!(current_task().cancel("myself"));
            says.add("runs on to its next await");
            sleep(ms(100)).await;
            says.add("never");
        });
        assert_eq!(reason_of(task.await), "myself".into());
        assert_eq!(Instant::now(), at(0));
    });
    assert_eq!(record.take(), ["runs on to its next await"]);
}

/// Differs: the value is kept.
#[test]
fn test_tasks_cancel_at_end() {
    testing::run(async {
        let task = spawn(async {
            sleep(ms(10)).await;
            current_task().cancel("at the end");
            12
        });
        assert_eq!(task.await.unwrap(), 12);
    });
}

#[test]
fn test_tasks_cancel_awaited_task() {
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let nested = spawn(async move {
            let _guard = on_drop(move || says.add("nested is dropped"));
            pending::<()>().await;
        });
        let task = spawn(async move {
            current_task().cancel("pending");
            nested.await
        });
        assert_eq!(reason_of(task.await), "pending".into());
        yield_now().await;
    });
    assert_eq!(record.take(), ["nested is dropped"]);
}

#[test]
fn test_tasks_task_cancel_sleeping_task() {
    let executor = Executor::builder().clock(evenkeel::testing::VirtualClock::new()).build();
    let mut task = executor.spawn(sleep(Duration::from_secs(3600)));
    executor.run_until_stalled();
    assert!(executor.next_deadline().is_some());
    task.cancel("wake up");
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
    assert_eq!(executor.next_deadline(), None);
    assert_eq!(reason_of(task.take_result().unwrap()), "wake up".into());
}

#[test]
fn test_tasks_task_cancel_waiter_future() {
    testing::run(async {
        let (sender, receiver) = oneshot::channel::<()>();
        let task = spawn(receiver);
        yield_now().await;
        task.cancel("nobody waits any more");
        assert_eq!(reason_of(task.await), "nobody waits any more".into());
        assert!(sender.is_canceled());
    });
}

/// What asyncio does with `SystemExit`: a panic in clean-up beats the cancellation, and comes out at the join or the run.
#[test]
fn test_tasks_baseexception_during_cancel() {
    testing::run(async {
        let task = spawn(finally(pending::<()>(), async |_: Option<&()>| panic!("SystemExit")));
        yield_now().await;
        task.cancel("stop");
        assert_eq!(task.await.unwrap_err().to_string(), "the task panicked: SystemExit");
    });
}

/// Nothing stops a loop early but the end of its main future. What was not finished goes on when the executor is driven again.
#[test]
fn test_tasks_stop_while_run_in_complete() {
    let record = Record::new();
    let executor = Executor::builder().clock(evenkeel::testing::VirtualClock::new()).build();
    let says = record.clone();
    let task = executor.spawn(async move {
        for step in 0..3 {
            sleep(ms(1)).await;
            says.add(step);
        }
    });
    executor.run(sleep_until(at(1)));
    record.add(10);
    executor.run(task).unwrap();
    assert_eq!(record.take(), [0, 10, 1, 2]);
}

#[test]
fn test_tasks_yield_future_passes_cancel() {
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let task = spawn(async move {
            let inner = finally(
                async { finally(pending::<()>(), async |_: Option<&()>| says.add("inner")).await },
                async |_: Option<&()>| says.add("outer"),
            );
            inner.await;
            says.add("never");
        });
        yield_now().await;
        task.cancel("through plain awaits");
        assert_eq!(reason_of(task.await), "through plain awaits".into());
    });
    assert_eq!(record.take(), ["inner", "outer"]);
}

/// Differs: a task cannot vanish. Its owner's end cancels it, and clean-up that could not be awaited is reported.
#[test]
fn test_tasks_log_destroyed_pending_task() {
    let record = Record::new();
    let says = record.clone();
    let executor = Executor::builder()
        .on_unhandled(move |unhandled| {
            says.add((
                unhandled.name().map(str::to_owned),
                matches!(unhandled.kind(), UnhandledKind::CleanupSkipped(_)),
            ));
        })
        .build();
    let task = executor.spawn(async {
        let guarded = finally(pending::<()>(), async |_: Option<&()>| ());
        futures::future::select(std::pin::pin!(guarded), std::pin::pin!(yield_now())).await;
    });
    executor.run(task.named("careless")).unwrap();
    assert_eq!(record.take(), [(Some("careless".to_owned()), true)]);
}

/// Differs: a panic that nobody has read is reported, whether its task was cancelled afterwards or not.
#[test]
fn test_tasks_tb_logger_not_called_after_cancel() {
    let record = Record::new();
    let says = record.clone();
    let executor = Executor::builder().on_unhandled(move |unhandled| says.add(unhandled.to_string())).build();
    let task = executor.spawn(async { panic!("TypeError") });
    executor.run_until_stalled();
    task.cancel("too late");
    drop(task);
    let reports = record.take();
    assert!(reports.len() == 1 && reports[0].ends_with("panicked, and nobody awaits it: TypeError"), "{reports:?}");
}

/// How asyncio says it: a task that is cancelled while it is woken, and does not end in its last poll, is cancelled.
#[test]
fn test_tasks_a_task_that_was_woken_is_stopped_all_the_same_if_it_does_not_end() {
    let (slot, polls) = (Rc::new(RefCell::new(None)), Rc::new(Cell::new(0)));
    let (waker, count) = (slot.clone(), polls.clone());
    run(async {
        let task = spawn(async move {
            loop {
                wait_for_wake(&waker).await;
                count.set(count.get() + 1);
            }
        });
        yield_now().await;
        slot.take().unwrap().wake();
        task.cancel("stop");
        assert!(matches!(task.await, Err::<(), _>(JoinError::Cancelled(_))));
    });
    assert_eq!(polls.get(), 1);
}
