//! Cancelling a whole task: who is polled once more, who is not, and what counts.

use crate::kit::probe::{Drops, Record, my_waker, on_drop};
use evenkeel::{CancelReason, Executor, JoinError, Task, current_task, host::Readiness, run, spawn, yield_now};
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    rc::Rc,
    task::{Poll, Waker},
};

/// A task that counts its polls, leaves its waker, and ends in its `last` poll.
struct Counted {
    task: Task<&'static str>,
    polls: Rc<Cell<usize>>,
    waker: Rc<RefCell<Option<Waker>>>,
}

fn counted(executor: &Executor, last: usize) -> Counted {
    let (polls, waker) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(None)));
    let (count, slot) = (polls.clone(), waker.clone());
    let task = executor.spawn(poll_fn(move |cx| {
        count.set(count.get() + 1);
        *slot.borrow_mut() = Some(cx.waker().clone());
        if count.get() == last { Poll::Ready("value") } else { Poll::Pending }
    }));
    Counted { task, polls, waker }
}

impl Counted {
    fn wake(&self) {
        self.waker.borrow().as_ref().unwrap().wake_by_ref();
    }

    fn reason(&mut self) -> CancelReason {
        match self.task.take_result() {
            Some(Err(JoinError::Cancelled(reason))) => reason,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn cancel_05_a_task_that_is_cancelled_before_its_first_poll_never_starts() {
    let executor = Executor::new();
    let mut one = counted(&executor, 1);
    one.task.cancel("at once");
    executor.run_until_stalled();
    assert_eq!((one.polls.get(), one.reason()), (0, "at once".into()));
}

#[test]
fn cancel_05_what_a_task_captured_is_dropped_when_it_never_starts() {
    let drops = Drops::default();
    let executor = Executor::new();
    for abort in [false, true] {
        let guard = drops.guard();
        let task = executor.spawn(async move { drop(guard) });
        if abort { task.abort() } else { drop(task) }
    }
    assert_eq!(drops.count(), 0);
    executor.run_until_stalled();
    assert_eq!(drops.count(), 2);
}

#[test]
fn cancel_04_a_task_that_was_woken_is_polled_once_more_and_a_value_counts() {
    let executor = Executor::new();
    let mut one = counted(&executor, 2);
    executor.run_until_stalled();
    executor.run(async {
        one.wake();
        one.task.cancel("too late");
        yield_now().await;
    });
    assert_eq!(one.task.take_result().unwrap().unwrap(), "value");
    assert_eq!(one.polls.get(), 2);
}

/// A task that waits, and is woken between two ticks, from the own thread or another.
fn woken_outside(executor: &Executor, elsewhere: bool) -> Counted {
    let one = counted(executor, 2);
    executor.run_until_stalled();
    let waker = one.waker.borrow().clone().unwrap();
    if elsewhere {
        std::thread::spawn(move || waker.wake()).join().unwrap();
    } else {
        waker.wake();
    }
    one
}

#[test]
fn cancel_04_a_wake_up_between_two_ticks_is_one_too() {
    for elsewhere in [false, true] {
        let executor = Executor::new();
        let mut one = woken_outside(&executor, elsewhere);
        one.task.cancel("too late");
        executor.run_until_stalled();
        assert_eq!(one.task.take_result().unwrap().unwrap(), "value");
        assert_eq!(one.polls.get(), 2);
    }
}

#[test]
fn cancel_04_a_wake_up_between_a_tick_and_a_run_is_one_too() {
    for elsewhere in [false, true] {
        let executor = Executor::new();
        let mut one = woken_outside(&executor, elsewhere);
        one.task.cancel("too late");
        executor.run(yield_now());
        assert_eq!(one.task.take_result().unwrap().unwrap(), "value");
    }
}

#[test]
fn cancel_04_a_wake_up_between_a_tick_and_the_executors_end_is_one_too() {
    for elsewhere in [false, true] {
        let executor = Executor::new();
        let mut one = woken_outside(&executor, elsewhere);
        drop(executor);
        assert_eq!(one.task.take_result().unwrap().unwrap(), "value");
    }
}

#[test]
fn cancel_04_a_wake_up_that_comes_after_the_cancellation_does_not_count() {
    let executor = Executor::new();
    let mut one = counted(&executor, 2);
    executor.run_until_stalled();
    executor.run(async {
        one.task.cancel("in time");
        one.wake();
        yield_now().await;
    });
    assert_eq!((one.polls.get(), one.reason()), (1, "in time".into()));
}

#[test]
fn cancel_04_the_last_poll_is_the_last_even_if_it_wakes_itself() {
    let executor = Executor::new();
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    let mut task = executor.spawn(poll_fn(move |cx| {
        count.set(count.get() + 1);
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    }));
    executor.tick(evenkeel::host::Budget::polls(1));
    task.cancel("enough");
    executor.run_until_stalled();
    assert_eq!(polls.get(), 2);
    assert!(matches!(task.take_result(), Some(Err(JoinError::Cancelled(_)))));
}

#[test]
fn cancel_03_a_task_that_was_not_woken_is_dropped_without_a_poll() {
    let executor = Executor::new();
    let mut one = counted(&executor, 2);
    executor.run_until_stalled();
    one.task.cancel("stop");
    assert!(!one.task.is_finished());
    executor.run_until_stalled();
    assert_eq!((one.polls.get(), one.reason()), (1, "stop".into()));
}

#[test]
fn cancel_02_the_first_reason_stays() {
    let executor = Executor::new();
    let mut one = counted(&executor, 9);
    executor.run_until_stalled();
    one.task.cancel("first");
    one.task.cancel(String::from("second"));
    one.task.abort();
    executor.run_until_stalled();
    assert_eq!(one.reason(), "first".into());
    let mut two = counted(&executor, 9);
    two.task.abort();
    two.task.cancel("second");
    executor.run_until_stalled();
    assert_eq!((two.polls.get(), two.reason()), (0, CancelReason::Aborted));
}

#[test]
fn cancel_08_abort_never_polls_again() {
    let executor = Executor::new();
    let mut one = counted(&executor, 2);
    executor.run_until_stalled();
    executor.run(async {
        one.wake();
        one.task.abort();
        yield_now().await;
    });
    assert_eq!((one.polls.get(), one.reason()), (1, CancelReason::Aborted));
}

#[test]
fn cancel_08_abort_takes_the_last_poll_away_from_a_cancelled_task() {
    let executor = Executor::new();
    let mut one = counted(&executor, 2);
    executor.run_until_stalled();
    executor.run(async {
        one.wake();
        one.task.cancel("softly");
        one.task.abort();
        yield_now().await;
    });
    assert_eq!((one.polls.get(), one.reason()), (1, "softly".into()));
}

#[test]
fn cancel_03_destructors_run_from_the_innermost_outwards() {
    let record = Record::new();
    let say = |what: &'static str| {
        let record = record.clone();
        on_drop(move || record.add(what))
    };
    let (outer, middle, inner) = (say("outer"), say("middle"), say("inner"));
    run(async move {
        let task = spawn(async move {
            let _outer = outer;
            async move {
                let _middle = middle;
                async move {
                    let _inner = inner;
                    pending::<()>().await
                }
                .await
            }
            .await
        });
        yield_now().await;
        task.cancel("stop");
        assert!(task.await.is_err());
    });
    assert_eq!(record.take(), ["inner", "middle", "outer"]);
}

#[test]
fn cancel_02_a_task_that_has_ended_stays_as_it_is() {
    let executor = Executor::new();
    let mut one = counted(&executor, 1);
    executor.run_until_stalled();
    one.task.cancel("late");
    one.task.abort();
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
    assert_eq!(one.task.take_result().unwrap().unwrap(), "value");
    one.task.cancel("later still");
    one.task.abort();
}

#[test]
fn cancel_03_a_task_that_cancels_itself_is_stopped_where_it_awaits_next() {
    let record = Record::new();
    let (drops, says) = (Drops::default(), record.clone());
    let guard = drops.guard();
    let outcome = run(async {
        spawn(async move {
            let _guard = guard;
            assert!(current_task().cancel("myself"));
            assert!(current_task().cancel("again"));
            says.add("goes on to its next await");
            pending::<()>().await;
            says.add("never");
        })
        .await
    });
    let Err(JoinError::Cancelled(reason)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(reason, "myself".into());
    assert_eq!((record.take(), drops.count()), (vec!["goes on to its next await"], 1));
}

#[test]
fn cancel_03_a_task_that_cancels_itself_and_ends_has_its_value() {
    let value = run(async {
        spawn(async {
            current_task().cancel("myself");
            current_task().abort();
            5
        })
        .await
    });
    assert_eq!(value.unwrap(), 5);
}

#[test]
fn cancel_04_a_task_that_is_cancelled_in_its_own_poll_by_its_handle_is_treated_alike() {
    for abort in [false, true] {
        let polls = Rc::new(Cell::new(0));
        let outcome = run(async {
            let own = Rc::new(RefCell::new(None::<Task<()>>));
            let (mine, count) = (own.clone(), polls.clone());
            let task = spawn(poll_fn(move |cx| {
                count.set(count.get() + 1);
                if let Some(task) = &*mine.borrow() {
                    if abort { task.abort() } else { task.cancel("from inside") }
                }
                // After that, so it does not count.
                cx.waker().wake_by_ref();
                Poll::Pending
            }));
            *own.borrow_mut() = Some(task);
            for _ in 0..5 {
                yield_now().await;
            }
            own.take().unwrap().take_result()
        });
        assert!(matches!(outcome, Some(Err(JoinError::Cancelled(_)))));
        assert_eq!(polls.get(), 1);
    }
}

#[test]
fn cancel_08_the_future_is_dropped_by_the_loop_also_when_it_is_cancelled_from_a_destructor() {
    let (drops, seen) = (Drops::default(), Rc::new(Cell::new(usize::MAX)));
    run(async {
        let guard = drops.guard();
        let victim = spawn(async move {
            let _guard = guard;
            pending::<()>().await
        });
        yield_now().await;
        let (drops, seen) = (drops.clone(), seen.clone());
        drop(on_drop(move || {
            drop(victim);
            seen.set(drops.count());
        }));
        yield_now().await;
    });
    assert_eq!((seen.get(), drops.count()), (0, 1));
}

#[test]
fn cancel_03_cancelling_wakes_a_task_that_never_would() {
    let executor = Executor::new();
    let keep = Rc::new(RefCell::new(None));
    let slot = keep.clone();
    let task = executor.spawn(async move {
        *slot.borrow_mut() = Some(my_waker().await);
        pending::<()>().await
    });
    executor.run_until_stalled();
    let outcome = executor.run(async {
        task.cancel("now");
        task.await
    });
    assert!(outcome.is_err());
    keep.take().unwrap().wake();
    executor.run_until_stalled();
}
