//! A waker is a number: it may be cloned, kept, sent away and called at any time, and never does what it should not.

use crate::kit::probe::{Drops, Record, Wakes, my_waker, on_drop, wait_for_wake};
use evenkeel::{Executor, host::Readiness, run, spawn, yield_now};
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
};

/// Each of the four things that can be done to a waker.
fn all_ops(waker: Waker) {
    let clone = waker.clone();
    waker.wake_by_ref();
    clone.wake();
    assert!(waker.will_wake(&waker.clone()));
    drop(waker);
}

/// An executor that waits with one task, and that task's waker.
fn waiting_task(polls: &Rc<Cell<usize>>) -> (Executor, evenkeel::Task<()>, Waker) {
    let executor = Executor::new();
    let slot = Rc::new(RefCell::new(None));
    let (waker, polls) = (slot.clone(), polls.clone());
    let task = executor.spawn(poll_fn(move |cx| {
        polls.set(polls.get() + 1);
        *waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }));
    executor.run_until_stalled();
    let waker = slot.take().unwrap();
    (executor, task, waker)
}

#[test]
fn a_wake_up_is_one_poll_however_often_it_is_called() {
    let polls = Rc::new(Cell::new(0));
    let (executor, _task, waker) = waiting_task(&polls);
    for _ in 0..3 {
        let clones = vec![waker.clone(); 10];
        clones.iter().for_each(Waker::wake_by_ref);
        clones.into_iter().for_each(Waker::wake);
        executor.run_until_stalled();
    }
    assert_eq!(polls.get(), 4);
    drop(waker);
    assert_eq!((executor.run_until_stalled().readiness, polls.get()), (Readiness::Idle, 4));
}

#[test]
fn fault_02_a_waker_may_outlive_its_task() {
    let polls = Rc::new(Cell::new(0));
    let (executor, task, waker) = waiting_task(&polls);
    drop(task);
    executor.run_until_stalled();
    let elsewhere = waker.clone();
    all_ops(waker);
    thread::spawn(move || all_ops(elsewhere)).join().unwrap();
    assert_eq!((executor.run_until_stalled().readiness, polls.get()), (Readiness::Finished, 1));
}

#[test]
fn fault_02_a_waker_may_outlive_its_executor() {
    let polls = Rc::new(Cell::new(0));
    let (executor, task, waker) = waiting_task(&polls);
    drop(executor);
    let elsewhere = waker.clone();
    thread::spawn(move || all_ops(elsewhere)).join().unwrap();
    all_ops(waker);
    drop(task);
    assert_eq!(polls.get(), 1);
}

#[test]
fn fault_02_a_waker_may_outlive_the_thread_of_its_executor() {
    let waker = thread::spawn(|| run(my_waker())).join().unwrap();
    all_ops(waker);
}

#[test]
fn fault_02_a_waker_may_be_called_at_the_end_of_a_thread() {
    struct AtExit(Waker);
    impl Drop for AtExit {
        fn drop(&mut self) {
            all_ops(self.0.clone());
        }
    }
    thread_local! {
        static KEPT: RefCell<Vec<AtExit>> = const { RefCell::new(Vec::new()) };
    }
    let polls = Rc::new(Cell::new(0));
    let (executor, _task, waker) = waiting_task(&polls);
    thread::spawn(move || KEPT.with_borrow_mut(|kept| kept.push(AtExit(waker)))).join().unwrap();
    executor.run_until_stalled();
    assert_eq!(polls.get(), 2);
}

#[test]
fn fault_03_a_waker_that_lies_in_its_own_tasks_future_keeps_nothing_alive() {
    let drops = Drops::default();
    let executor = Executor::new();
    let guard = drops.guard();
    executor
        .spawn(async move {
            let _mine = (guard, my_waker().await);
            pending::<()>().await
        })
        .detach();
    executor.run_until_stalled();
    drop(executor);
    assert_eq!(drops.count(), 1);
}

#[test]
fn fault_03_a_future_is_dropped_when_its_task_ends_and_not_with_the_last_waker() {
    let drops = Drops::default();
    let kept = Rc::new(RefCell::new(Vec::new()));
    let executor = Executor::new();
    let stay = |ends: bool| {
        let (kept, guard) = (kept.clone(), drops.guard());
        executor.spawn(async move {
            let _guard = guard;
            let waker = my_waker().await;
            kept.borrow_mut().push(waker);
            if !ends {
                pending::<()>().await;
            }
        })
    };
    let _ended = stay(true);
    executor.run_until_stalled();
    assert_eq!(drops.count(), 1);
    let aborted = stay(false);
    executor.run_until_stalled();
    aborted.abort();
    executor.run_until_stalled();
    assert_eq!((drops.count(), kept.borrow().len()), (2, 2));
}

#[test]
fn fault_08_a_waker_has_no_count_that_could_overflow() {
    let polls = Rc::new(Cell::new(0));
    let (executor, _task, waker) = waiting_task(&polls);
    for _ in 0..100_000 {
        std::mem::forget(waker.clone());
    }
    let clone = waker.clone();
    assert!(clone.will_wake(&waker) && clone.data() == waker.data());
    clone.wake();
    executor.run_until_stalled();
    assert_eq!(polls.get(), 2);
}

#[test]
fn fault_14_a_wake_up_before_the_first_poll_costs_no_second_one() {
    let polls = Rc::new(Cell::new(0));
    let record = Record::new();
    run(async {
        let (count, known) = (polls.clone(), record.clone());
        let task = spawn(poll_fn(move |cx| {
            count.set(count.get() + 1);
            known.add(cx.waker().clone());
            if count.get() == 2 { Poll::Ready(()) } else { Poll::Pending }
        }));
        yield_now().await;
        record.take().pop().unwrap().wake();
        task.await.unwrap();
    });
    assert_eq!(polls.get(), 2);
}

#[test]
fn fault_14_a_wake_up_during_the_poll_is_not_lost() {
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    run(poll_fn(move |cx| {
        count.set(count.get() + 1);
        cx.waker().wake_by_ref();
        let clone = cx.waker().clone();
        clone.wake();
        if count.get() == 3 { Poll::Ready(()) } else { Poll::Pending }
    }));
    assert_eq!(polls.get(), 3);
}

#[test]
fn fault_14_a_wake_up_in_the_last_poll_does_not_poll_an_ended_future() {
    let executor = Executor::new();
    let mut task = executor.spawn(poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::Ready(5)
    }));
    assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
    assert_eq!(task.take_result().unwrap().unwrap(), 5);
    drop(task);
    let next = executor.spawn(async { 6 });
    executor.run_until_stalled();
    assert!(next.is_finished());
}

#[test]
fn a_waker_may_be_called_from_a_destructor() {
    let slot = Rc::new(RefCell::new(None::<Waker>));
    run(async {
        let waking = slot.clone();
        let task = spawn(async move {
            let _wake = on_drop(move || waking.take().unwrap().wake());
            pending::<()>().await
        });
        let wait = wait_for_wake(&slot);
        yield_now().await;
        drop(task);
        wait.await;
    });
}

#[test]
fn a_waker_may_be_called_inside_another_executor_on_the_same_thread() {
    let polls = Rc::new(Cell::new(0));
    let (outer, _task, waker) = waiting_task(&polls);
    let inner = Executor::new();
    inner.run(async { waker.wake_by_ref() });
    assert_eq!(polls.get(), 1);
    outer.run_until_stalled();
    assert_eq!(polls.get(), 2);
    waker.wake();
    outer.run_until_stalled();
    assert_eq!(polls.get(), 3);
}

#[test]
fn a_foreign_waker_that_waits_for_a_task_is_woken_once() {
    let executor = Executor::new();
    let mut task = executor.spawn(async { 1 });
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
    executor.run_until_stalled();
    executor.run_until_stalled();
    assert_eq!(wakes.count(), 1);
    drop(task);
    drop(executor);
    assert_eq!(Arc::strong_count(&wakes), 2, "the waker was dropped, but for ours");
}
