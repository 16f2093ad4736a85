//! Tasks and their errors: what handles tell, and what may be kept.

use crate::kit::{
    probe::{Drops, HandClock, Record, at, ms, panic_of, poll_with_noop, reason_of},
    stage::{run_clean, run_watched},
};
use evenkeel::{
    CancelReason, Executor, Instant, JoinError, Task, TaskGroup, current_task, finally, run, sleep, spawn,
    task::{AbortHandle, TaskRef, TaskState},
    testing, timeout, yield_now,
};
use std::{
    cell::Cell,
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind},
    pin::pin,
    rc::Rc,
    task::{Context, Waker},
    time::Duration,
};

fn cancelled() -> JoinError {
    run(async {
        let task = spawn(pending::<()>());
        task.cancel("enough");
        task.await.unwrap_err()
    })
}

fn panicked<T: Send + 'static>(payload: T) -> JoinError {
    run(async { spawn(async { panic_any(payload) }).await.unwrap_err() })
}

// ---- errors

#[test]
fn join_error_says_which_it_is() {
    let (cancelled, panicked) = (cancelled(), panicked("oops"));
    assert_eq!((cancelled.is_cancelled(), cancelled.is_panic()), (true, false));
    assert_eq!((panicked.is_cancelled(), panicked.is_panic()), (false, true));
    assert_eq!((cancelled.reason(), panicked.reason()), (Some(&CancelReason::from("enough")), None));
}

#[test]
fn join_error_of_a_child_whose_group_has_the_error_is_neither() {
    run(async {
        let outcome = TaskGroup::<&str>::run(async |group| {
            let mut child = group.spawn(async { Err::<(), _>("disk full") });
            let Err(error) = child.outcome().await else { unreachable!() };
            assert!(!error.is_cancelled() && !error.is_panic() && error.reason().is_none());
            assert!(matches!(error.try_into_panic(), Err(JoinError::ReportedToGroup)));
            Ok(())
        });
        assert!(outcome.await.is_err());
    });
}

#[test]
fn join_error_of_a_panic_gives_its_payload_of_whatever_type() {
    assert_eq!(*panicked("text").into_panic().downcast::<&str>().unwrap(), "text");
    assert_eq!(*panicked(7_u64).into_panic().downcast::<u64>().unwrap(), 7);
    let again = catch_unwind(AssertUnwindSafe(|| resume_unwind(panicked("once more").into_panic())));
    assert_eq!(again.unwrap_err().downcast_ref(), Some(&"once more"));
}

#[test]
fn join_error_that_is_no_panic_comes_back_or_panics_and_says_why() {
    let back = cancelled().try_into_panic().unwrap_err();
    assert_eq!(back.reason(), Some(&CancelReason::from("enough")));
    let message = panic_of(|| back.into_panic());
    assert!(message.contains("the task was cancelled: enough") && message.contains("is_panic"), "{message}");
    assert_eq!(*panicked(3).try_into_panic().unwrap().downcast::<i32>().unwrap(), 3);
}

// ---- handles

#[test]
fn abort_handle_cancels_with_clean_up_and_aborts_without() {
    for (hard, then) in [(false, vec!["cleaned"]), (true, vec![])] {
        let record = Record::new();
        let log = record.clone();
        let ((), heard) = run_watched(async move {
            let task = spawn(finally(pending::<()>(), async move |_: Option<&()>| {
                sleep(ms(1)).await;
                log.add("cleaned");
            }));
            let handle = task.abort_handle();
            yield_now().await;
            assert!(if hard { handle.abort() } else { handle.cancel("enough") });
            assert!(!handle.is_finished(), "the loop does it");
            let reason = reason_of(task.await);
            assert_eq!(reason, if hard { CancelReason::Aborted } else { CancelReason::from("enough") });
            assert!(handle.is_finished() && !handle.cancel("late") && !handle.abort());
        });
        assert_eq!((record.take(), heard.len()), (then, 0), "{heard:?}");
    }
}

#[test]
fn abort_handle_outlives_the_owner_of_its_task() {
    run_clean(async {
        let drops = Drops::default();
        let guard = drops.guard();
        let task = spawn(async move {
            let _guard = guard;
            pending::<()>().await
        });
        let handle = task.abort_handle();
        task.detach();
        yield_now().await;
        assert!(!handle.is_finished() && handle.id().is_some());
        assert!(handle.abort());
        yield_now().await;
        assert_eq!((drops.count(), handle.is_finished(), handle.id()), (1, true, None));
        // A task that is cancelled by its owner's drop.
        let task = spawn(pending::<()>());
        let handle = task.abort_handle();
        drop(task);
        yield_now().await;
        assert!(handle.is_finished());
    });
}

#[test]
fn abort_handle_that_is_dropped_does_nothing() {
    run_clean(async {
        let task = spawn(sleep(ms(5)));
        drop((task.abort_handle(), task.abort_handle().clone()));
        task.await.unwrap();
    });
}

#[test]
fn abort_handle_of_a_task_that_has_ended_reaches_no_other() {
    let executor = Executor::new();
    let mut handles: Vec<AbortHandle> = Vec::new();
    let mut places = Vec::new();
    for _ in 0..100 {
        let task = executor.spawn(async {});
        places.push(task.id().unwrap());
        handles.push(task.abort_handle());
        task.detach();
        executor.run_until_stalled();
    }
    let slot = |id: &evenkeel::task::TaskId| id.to_string().split('.').next().unwrap().to_owned();
    assert!(places.iter().all(|id| slot(id) == slot(&places[0])), "one place, again and again");
    let next = executor.spawn(pending::<()>());
    executor.run_until_stalled();
    for handle in &handles {
        assert!(handle.is_finished() && handle.id().is_none() && !handle.cancel("you?") && !handle.abort());
    }
    executor.run_until_stalled();
    assert_eq!(next.state(), TaskState::Running);
    assert!(next.abort_handle().abort());
}

#[test]
fn abort_handle_of_a_task_that_ended_and_whose_owner_waits_is_done() {
    run_clean(async {
        let task = spawn(async { 7 });
        let handle = task.abort_handle();
        yield_now().await;
        assert!(handle.is_finished() && !handle.cancel("late") && handle.clone().is_finished());
        assert!(task.abort_handle().is_finished(), "also one that is made then");
        assert_eq!(task.await.unwrap(), 7);
    });
}

#[test]
fn abort_handle_reaches_its_task_from_other_executors_and_from_none() {
    let (one, other) = (Executor::new(), Executor::new());
    let tasks = [one.spawn(pending::<()>()), one.spawn(pending::<()>())];
    let handles: Vec<_> = tasks.iter().map(Task::abort_handle).collect();
    one.run_until_stalled();
    assert!(handles[0].cancel("from nowhere"));
    other.run(async { assert!(handles[1].cancel("from elsewhere")) });
    one.run_until_stalled();
    let reasons: Vec<_> = tasks.into_iter().map(|mut task| reason_of(task.take_result().unwrap())).collect();
    assert_eq!(reasons, ["from nowhere", "from elsewhere"].map(CancelReason::from));
}

#[test]
fn abort_handle_whose_executor_is_gone_is_done() {
    let executor = Executor::new();
    let task = executor.spawn(pending::<()>());
    let handle = task.abort_handle();
    drop(executor);
    let after = task.abort_handle();
    // Another one may have its place in the process, and its numbers.
    let next = Executor::new();
    let other = next.spawn(pending::<()>());
    next.run_until_stalled();
    for handle in [handle, after] {
        assert!(handle.is_finished() && handle.id().is_none() && !handle.abort());
    }
    assert_eq!(other.state(), TaskState::Running);
    assert_eq!(reason_of(run(task)), CancelReason::Shutdown);
}

#[test]
fn abort_handle_may_be_used_by_the_task_itself_and_by_its_clean_up() {
    run_clean(async {
        let slot: Rc<Cell<Option<AbortHandle>>> = Rc::default();
        let own = slot.clone();
        let task = spawn(async move {
            let handle = own.take().unwrap();
            assert!(handle.cancel("I am tired"));
            finally(pending::<()>(), async move |_: Option<&()>| assert!(!handle.is_finished())).await;
        });
        slot.set(Some(task.abort_handle()));
        assert_eq!(reason_of(task.await), CancelReason::from("I am tired"));
    });
}

#[test]
fn abort_handle_is_printed_with_its_task() {
    run(async {
        let task = spawn(async {});
        let handle = task.abort_handle();
        let id = task.id().unwrap();
        assert_eq!(format!("{handle:?}"), format!("AbortHandle {{ id: Some(TaskId({id})), is_finished: false }}"));
        task.await.unwrap();
        assert_eq!(format!("{handle:?}"), "AbortHandle { id: None, is_finished: true }");
    });
}

#[test]
fn task_ref_tells_of_the_end_also_in_other_executors() {
    let (one, other) = (Executor::new(), Executor::new());
    let task = one.spawn(pending::<()>());
    let seen = task.task_ref().unwrap();
    one.run_until_stalled();
    assert!(!seen.is_finished());
    other.run(async { assert!(!seen.is_finished() && seen.state().is_none()) });
    task.abort();
    assert!(!seen.is_finished(), "the loop does it");
    one.run_until_stalled();
    assert!(seen.is_finished());
    let last: TaskRef = one.spawn(pending::<()>()).task_ref().unwrap();
    drop(one);
    assert!(last.is_finished());
}

#[test]
fn task_has_the_identity_that_it_sees_itself() {
    run(async {
        let task = spawn(async { current_task().id() });
        let id = task.id();
        assert_eq!(Some(task.await.unwrap()), id);
    });
}

#[test]
fn task_that_is_cancelled_is_awaited_to_its_very_end() {
    // async-task's `task.cancel().await`, in two words.
    testing::run(async {
        let task = spawn(finally(pending::<u8>(), async |_: Option<&u8>| sleep(ms(20)).await));
        yield_now().await;
        task.cancel("enough");
        assert_eq!((task.await.ok(), Instant::now()), (None, at(20)));
        let done = spawn(async { 7 });
        yield_now().await;
        done.cancel("late");
        assert_eq!(done.await.ok(), Some(7), "what is finished is not lost");
    });
}

#[test]
fn task_may_be_held_where_a_panic_is_caught() {
    run(async {
        let task = spawn(async { 7 });
        let caught = catch_unwind(|| {
            assert!(!task.is_finished());
            panic!("in the middle");
        });
        assert!(caught.is_err());
        assert_eq!(task.await.unwrap(), 7);
    });
}

// ---- timeouts, and what runs in them

#[test]
fn timeout_gives_its_future_back_unless_its_time_is_over() {
    testing::run(async {
        let task = spawn(async {
            sleep(ms(30)).await;
            7
        });
        let mut limited = timeout(ms(10), task);
        assert!(poll_with_noop(&mut limited).is_pending());
        assert!(!limited.get_ref().unwrap().is_finished() && !limited.get_mut().unwrap().is_finished());
        assert_eq!(limited.into_inner().unwrap().await.unwrap(), 7);
        assert_eq!(Instant::now(), at(30), "the limit of 10 ms went with the timeout");

        let mut ended = timeout(ms(10), spawn(async { 8 }));
        assert_eq!((&mut ended).await.unwrap().unwrap(), 8);
        assert!(ended.get_mut().is_some() && ended.into_inner().unwrap().is_finished(), "it is there, and spent");

        let mut late = timeout(ms(10), spawn(pending::<()>()));
        assert!((&mut late).await.is_err());
        assert!(late.get_ref().is_none() && late.into_inner().is_none());
    });
}

#[test]
fn timeout_gives_a_future_back_that_is_not_to_be_moved_before_it_is_pinned() {
    testing::run(async {
        let body = async {
            sleep(ms(5)).await;
            7
        };
        let mut limited = timeout(ms(1), body);
        assert!(limited.get_mut().is_some());
        assert_eq!(limited.into_inner().unwrap().await, 7);

        let mut pinned = pin!(timeout(ms(10), async { sleep(ms(5)).await }));
        assert!(pinned.as_mut().get_pin_mut().is_some());
        assert!(pinned.as_mut().await.is_ok());
        let mut late = pin!(timeout(ms(10), async { pending::<()>().await }));
        assert!(late.as_mut().await.is_err());
        assert!(late.as_mut().get_pin_mut().is_none());
    });
}

#[test]
fn timeout_knows_its_deadline_once_it_counts() {
    testing::run(async {
        let mut limited = timeout(ms(10), pending::<()>());
        assert_eq!(limited.deadline(), None);
        assert!(poll_with_noop(&mut limited).is_pending());
        yield_now().await;
        yield_now().await;
        assert_eq!(limited.deadline(), Some(at(10)));
        assert_eq!(evenkeel::cancel::timeout_at(at(7), pending::<()>()).deadline(), Some(at(7)));
        assert_eq!(timeout(Duration::MAX, pending::<()>()).deadline(), None);
        let deadline = evenkeel::cancel::Deadline::at(at(3));
        let moved = deadline.run(pending::<()>());
        deadline.reschedule(Some(at(8)));
        assert_eq!(moved.deadline(), Some(at(8)));
    });
}

#[test]
fn timeout_that_is_taken_apart_ends_the_deadline_it_ran_under() {
    testing::run(async {
        for is_polled in [false, true] {
            let deadline = evenkeel::cancel::Deadline::at(at(3));
            let mut limited = deadline.run(Box::pin(async { 7 }));
            assert!(!is_polled || poll_with_noop(&mut limited).is_ready());
            let body = limited.into_inner().unwrap();
            assert!(!deadline.reschedule(Some(at(8))) && !deadline.expired());
            if !is_polled {
                assert_eq!((body.await, deadline.run(pending::<()>()).await.is_err()), (7, true));
            }
        }
    });
}

#[test]
fn timeout_that_is_taken_apart_drops_nothing_twice() {
    let drops = Drops::default();
    let guard = drops.guard();
    let executor = Executor::builder().clock(HandClock::default()).build();
    executor.run(async {
        let mut limited = timeout(
            ms(10),
            Box::pin(async move {
                let _guard = guard;
                pending::<()>().await
            }),
        );
        assert!(pin!(&mut limited).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let body = limited.into_inner();
        assert_eq!(drops.count(), 0);
        drop(body);
        assert_eq!(drops.count(), 1);
    });
}
