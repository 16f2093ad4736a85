//! `run_until_stalled` and `tick` end, whatever tasks do to each other.

use crate::kit::{
    probe::{HandClock, Record, ms},
    stage::spawn_restless,
};
use evenkeel::{
    Executor,
    host::{Budget, Readiness},
    sleep, spawn,
    testing::VirtualClock,
    yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

/// Tasks in a ring, each of which wakes the next one. `tokens` of them are at work at a time; they pass `most` times in all.
fn ring(executor: &Executor, size: usize, tokens: usize, most: usize) -> Rc<Cell<usize>> {
    let passes = Rc::new(Cell::new(0));
    let here: Rc<RefCell<Vec<bool>>> = Rc::new(RefCell::new((0..size).map(|place| place < tokens).collect()));
    let wakers: Rc<RefCell<Vec<Option<Waker>>>> = Rc::new(RefCell::new(vec![None; size]));
    for place in 0..size {
        let (passes, wakers, here) = (passes.clone(), wakers.clone(), here.clone());
        executor
            .spawn(poll_fn(move |cx| {
                wakers.borrow_mut()[place] = Some(cx.waker().clone());
                if std::mem::take(&mut here.borrow_mut()[place]) && passes.get() < most {
                    passes.set(passes.get() + 1);
                    let next = (place + 1) % size;
                    here.borrow_mut()[next] = true;
                    let next = wakers.borrow_mut()[next].take();
                    next.into_iter().for_each(Waker::wake);
                }
                Poll::<()>::Pending
            }))
            .detach();
    }
    passes
}

#[test]
fn tick_07_rings_of_tasks_that_wake_each_other_for_ever_are_left_as_more_ready() {
    for (size, tokens) in [(2, 1), (2, 2), (3, 1), (3, 3), (100, 1), (100, 50), (2000, 2000)] {
        let executor = Executor::new();
        let passes = ring(&executor, size, tokens, usize::MAX);
        let progress = executor.run_until_stalled();
        assert_eq!(progress.readiness, Readiness::MoreReady, "{tokens} in a ring of {size}");
        assert!(progress.polled <= 100_000 + 11 * size, "{} polls", progress.polled);
        // The next call goes on where this one ended.
        let before = passes.get();
        executor.run_until_stalled();
        assert!(passes.get() > before);
    }
}

#[test]
fn tick_07_long_errands_come_to_their_end_in_one_call() {
    for (size, tokens, most) in [(2, 1, 50_000), (3, 3, 90_000), (1000, 1, 50_000), (20_000, 1, 150_000)] {
        let executor = Executor::new();
        let passes = ring(&executor, size, tokens, most);
        assert_eq!(
            (executor.run_until_stalled().readiness, passes.get()),
            (Readiness::Idle, most),
            "in a ring of {size}"
        );
    }
}

/// Spawns `each` more like itself, for ever, and ends, perhaps with a panic.
async fn breed(each: usize, panics: bool, born: Rc<Cell<usize>>) {
    born.set(born.get() + 1);
    for _ in 0..each {
        let next: std::pin::Pin<Box<dyn Future<Output = ()>>> = Box::pin(breed(each, panics, born.clone()));
        spawn(next).detach();
    }
    if panics {
        // Without the hook.
        std::panic::resume_unwind(Box::new("bred"));
    }
}

#[test]
fn tick_07_tasks_that_spawn_others_for_ever_are_left_as_more_ready() {
    for (each, panics) in [(1, false), (2, false), (1, true)] {
        let executor = Executor::builder().on_unhandled(|_| {}).build();
        let born = Rc::new(Cell::new(0));
        executor.spawn(breed(each, panics, born.clone())).detach();
        let progress = executor.run_until_stalled();
        assert_eq!(progress.readiness, Readiness::MoreReady);
        assert!(born.get() < 300_000, "{} born", born.get());
    }
}

#[test]
fn tick_07_a_tick_with_a_budget_ends_though_tasks_panic_and_spawn_others_for_ever() {
    let time = HandClock::default();
    let executor = Executor::builder().clock(time.clone()).on_unhandled(|_| {}).build();
    let born = Rc::new(Cell::new(0));
    executor.spawn(breed(1, true, born.clone())).detach();
    assert_eq!(executor.tick(Budget::polls(100)).polled, 100);
    // The time stands still, and then it passes.
    assert_eq!(executor.tick(ms(1)).readiness, Readiness::MoreReady);
    let late = time.clone();
    executor
        .spawn(poll_fn(move |cx| {
            late.advance(Duration::from_micros(100));
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }))
        .detach();
    assert_eq!(executor.tick(ms(1)).readiness, Readiness::MoreReady);
}

#[test]
fn tick_07_timers_that_are_due_at_once_for_ever_are_left_as_more_ready() {
    let time = HandClock::default();
    let executor = Executor::builder().clock(time.clone()).build();
    let fired = Rc::new(Cell::new(0));
    let count = fired.clone();
    executor
        .spawn(async move {
            loop {
                time.advance(ms(1));
                sleep(ms(1)).await;
                count.set(count.get() + 1);
                time.advance(ms(1));
            }
        })
        .detach();
    // A second one, so that there always is a deadline in the past.
    executor.run_until_stalled();
    assert!(fired.get() <= 100_000);
}

#[test]
fn tick_07_who_wakes_itself_is_polled_while_others_run_an_errand_and_does_not_keep_it_going() {
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    let polls = spawn_restless(&executor);
    let passes = ring(&executor, 2, 1, 1000);
    let done = Record::new();
    let says = done.clone();
    executor
        .spawn(async move {
            yield_now().await;
            says.add(());
            pending::<()>().await
        })
        .detach();
    assert_eq!(executor.run_until_stalled().readiness, Readiness::MoreReady);
    assert_eq!((passes.get(), done.len()), (1000, 1));
    assert!(polls.get() <= 1003, "{}", polls.get());
}
