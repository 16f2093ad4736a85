//! A place in the task table is used again and again. Wakers and references of the tasks before do nothing to the next.

use crate::kit::probe::{Record, my_waker, poll_with_noop};
use evenkeel::{Executor, Task, current_task, task::TaskRef};
use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    future::{pending, poll_fn},
    rc::Rc,
    task::{Poll, Waker},
    thread,
};

/// How many tasks a place may have had before a number comes round again.
const GENERATIONS: usize = if cfg!(target_pointer_width = "64") { 3_000 } else { 200 };

fn counting(executor: &Executor, polls: &Rc<Cell<usize>>) -> Task<()> {
    let polls = polls.clone();
    executor.spawn(poll_fn(move |_| {
        polls.set(polls.get() + 1);
        Poll::<()>::Pending
    }))
}

#[test]
fn fault_30_stale_wakers_do_not_poll_the_next_task_in_their_place() {
    let executor = Executor::new();
    let old = Record::new();
    for _ in 0..GENERATIONS {
        let old = old.clone();
        executor.spawn(async move { old.add(my_waker().await) }).detach();
        executor.run_until_stalled();
    }
    let wakers: Vec<Waker> = old.take();
    let numbers: HashSet<usize> = wakers.iter().map(|waker| waker.data().addr()).collect();
    assert_eq!(numbers.len(), GENERATIONS, "no two tasks have the same number");
    let polls = Rc::new(Cell::new(0));
    let task = counting(&executor, &polls);
    executor.run_until_stalled();
    // From outside, from a task, and one by one from another thread.
    wakers.iter().for_each(Waker::wake_by_ref);
    executor.run_until_stalled();
    executor.run(async { wakers.iter().for_each(Waker::wake_by_ref) });
    executor.run_until_stalled();
    let before = polls.get();
    assert!(before <= 2, "at most once, since many numbers of one place share an entry: {before}");
    for waker in wakers.into_iter().take(20) {
        thread::spawn(move || waker.wake()).join().unwrap();
        executor.run_until_stalled();
    }
    assert_eq!(polls.get(), before);
    drop(task);
}

#[test]
fn fault_30_wakers_of_an_executor_that_is_gone_do_not_poll_the_tasks_of_the_next() {
    let polls = Rc::new(Cell::new(0));
    let mut wakers = Vec::new();
    // More than there can be at a time, so that ids come round, too.
    let rounds = if cfg!(target_pointer_width = "64") { 5_000 } else { 100 };
    for _ in 0..rounds {
        wakers.push(Executor::new().run(my_waker()));
    }
    let executors: Vec<Executor> = (0..3).map(|_| Executor::new()).collect();
    let tasks: Vec<Task<()>> = executors.iter().map(|executor| counting(executor, &polls)).collect();
    executors.iter().for_each(|executor| _ = executor.run_until_stalled());
    for waker in wakers {
        waker.wake();
        executors.iter().for_each(|executor| _ = executor.run_until_stalled());
    }
    assert_eq!(polls.get(), 3);
    drop(tasks);
}

#[test]
fn fault_30_a_reference_to_a_task_that_is_gone_reaches_nobody() {
    let executor = Executor::new();
    let kept: Rc<RefCell<Option<TaskRef>>> = Rc::default();
    let slot = kept.clone();
    executor.spawn(async move { *slot.borrow_mut() = Some(current_task()) }).named("old").detach();
    executor.run_until_stalled();
    let old = kept.take().unwrap();
    let mut next = executor.spawn(pending::<()>()).named("new");
    executor.run(async {
        assert_ne!(next.id(), Some(old.id()));
        assert_eq!((old.name(), old.location(), old.parent()), (None, None, None));
        assert!(!old.cancel("stale") && !old.abort());
    });
    executor.run_until_stalled();
    assert!(poll_with_noop(&mut next).is_pending());
}

#[test]
fn fault_30_a_place_is_not_used_again_while_a_handle_can_still_read_it() {
    let executor = Executor::new();
    let kept: Vec<Task<usize>> = (0..20).map(|n| executor.spawn(async move { n })).collect();
    executor.run_until_stalled();
    let ids: HashSet<_> = kept.iter().map(|task| task.id().unwrap()).collect();
    for n in 0..100 {
        let task = executor.spawn(async move { n + 1000 });
        assert!(!ids.contains(&task.id().unwrap()));
        task.detach();
        executor.run_until_stalled();
    }
    for (n, mut task) in kept.into_iter().enumerate() {
        assert_eq!(task.take_result().unwrap().unwrap(), n);
    }
}

#[test]
fn an_ids_text_is_place_and_generation() {
    let executor = Executor::new();
    let first = executor.spawn(async {}).id().unwrap();
    let text = first.to_string();
    let (place, generation) = text.split_once('.').unwrap();
    assert!(place.parse::<usize>().is_ok() && generation.parse::<usize>().is_ok(), "{text}");
    assert_eq!(format!("{first:?}"), format!("TaskId({text})"));
}

#[test]
fn task_ref_cancels_nothing_that_has_ended_and_says_so() {
    let executor = Executor::new();
    let mut task = executor.spawn(async { current_task() });
    executor.run_until_stalled();
    let reference = task.take_result().unwrap().unwrap();
    // The handle keeps the task's place.
    executor.run(async move { assert!(!reference.cancel("late") && !reference.abort()) });
    drop(task);
}
