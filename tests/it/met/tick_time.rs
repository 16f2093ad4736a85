//! How far a tick goes beyond its time.

use crate::kit::probe::{HandClock, Record, ms};
use evenkeel::{
    Executor, Instant,
    host::{Budget, Readiness},
    threads::RemoteTask,
    time::Clock,
    yield_now,
};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    thread,
    time::Duration,
};

/// An executor on a clock that its tasks move, with so many tasks that each take a millisecond in each poll, for ever.
fn with_long_polls(tasks: usize) -> (Executor, HandClock, Rc<Cell<usize>>) {
    let clock = HandClock::default();
    let executor = Executor::builder().clock(clock.clone()).build();
    let polls = Rc::new(Cell::new(0));
    for _ in 0..tasks {
        let (clock, polls) = (clock.clone(), polls.clone());
        executor
            .spawn(async move {
                loop {
                    clock.advance(ms(1));
                    polls.set(polls.get() + 1);
                    yield_now().await;
                }
            })
            .detach();
    }
    (executor, clock, polls)
}

#[test]
fn met_a3_tick_01_a_tick_of_long_polls_ends_with_the_one_that_ends_beyond_its_time() {
    for tasks in [1, 3, 100] {
        let (executor, _clock, polls) = with_long_polls(tasks);
        let progress = executor.tick(ms(4));
        assert_eq!((progress.polled, polls.get(), progress.readiness), (4, 4, Readiness::MoreReady), "{tasks} tasks");
        assert_eq!(executor.tick(ms(0)).polled, 1, "a tick without time takes one");
        assert_eq!(executor.tick(Budget::time(ms(50)).and_polls(2)).polled, 2);
    }
}

#[test]
fn met_a3_tick_01_who_was_left_out_is_first_in_the_next_tick() {
    let clock = HandClock::default();
    let executor = Executor::builder().clock(clock.clone()).build();
    let order = Record::new();
    for n in 0..4 {
        let (clock, order) = (clock.clone(), order.clone());
        executor
            .spawn(async move {
                loop {
                    clock.advance(ms(1));
                    order.add(n);
                    yield_now().await;
                }
            })
            .detach();
    }
    for _ in 0..4 {
        executor.tick(ms(3));
    }
    assert_eq!(order.take(), [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
}

thread_local! {
    static CLOCK: HandClock = HandClock::default();
    static ORDER: Record<&'static str> = Record::new();
}

/// What takes a millisecond, and leaves a note.
fn work(note: &'static str) {
    CLOCK.with(|clock| clock.advance(ms(1)));
    ORDER.with(|order| order.add(note));
}

/// An executor of which another thread has asked for so many calls, which take a millisecond each.
fn with_calls(calls: usize) -> (Executor, Vec<RemoteTask<()>>) {
    let executor = Executor::builder().clock(CLOCK.with(HandClock::clone)).build();
    let handle = executor.handle();
    let ask = move || {
        let call = || {
            work("call");
            std::future::pending()
        };
        (0..calls).map(|_| handle.spawn(call).unwrap()).collect::<Vec<_>>()
    };
    let asked = thread::spawn(ask).join().unwrap();
    (executor, asked)
}

fn notes() -> Vec<&'static str> {
    ORDER.with(Record::take)
}

#[test]
fn met_a3_tick_01_a_tick_of_long_calls_ends_with_the_one_that_ends_beyond_its_time() {
    let (executor, _asked) = with_calls(10);
    let progress = executor.tick(ms(4));
    assert_eq!((notes(), progress.readiness), (vec!["call"; 4], Readiness::MoreReady));
    executor.tick(ms(100));
    assert_eq!(notes(), ["call"; 6], "none is lost");
}

#[test]
fn met_a3_tick_01_neither_calls_nor_tasks_take_all_ticks_for_themselves() {
    let (executor, _asked) = with_calls(6);
    executor
        .spawn(async {
            loop {
                work("poll");
                yield_now().await;
            }
        })
        .detach();
    for _ in 0..6 {
        executor.tick(ms(2));
        assert_eq!(notes().len(), 2, "no tick goes beyond its time");
    }
    let (executor, _asked) = with_calls(100);
    let polled: usize = (0..20).map(|_| executor.tick(ms(0)).polled).sum();
    assert_eq!((polled, notes().len()), (10, 10), "they take turns");
}

#[test]
fn met_a3_tick_01_calls_that_were_left_at_the_end_are_dropped_and_their_callers_told() {
    let (executor, asked) = with_calls(3);
    executor.tick(ms(1));
    assert_eq!(notes(), ["call"]);
    drop(executor);
    assert!(notes().is_empty());
    let ends: Vec<_> = asked.into_iter().map(|mut task| task.wait().unwrap_err().to_string()).collect();
    assert_eq!(ends.len(), 3);
}

#[test]
fn met_a3_tick_01_a_call_for_which_there_was_no_time_is_not_forgotten() {
    // Tasks go first in the second tick, and none is left behind them.
    let (executor, _asked) = with_calls(3);
    executor.tick(ms(0));
    while executor.tick(ms(0)).readiness == Readiness::MoreReady {}
    assert_eq!(notes(), ["call"; 3]);
    // A call comes in a poll that takes longer than the tick has, and the task ends in it.
    let executor = Executor::builder().clock(CLOCK.with(HandClock::clone)).build();
    let handle = executor.handle();
    let poll = async move {
        thread::spawn(move || handle.spawn(|| async { work("late") }).unwrap().detach()).join().unwrap();
        work("poll");
    };
    executor.spawn(poll).detach();
    assert_eq!(executor.tick(ms(1)).readiness, Readiness::MoreReady);
    executor.tick(ms(5));
    assert_eq!(notes(), ["poll", "late"]);
}

#[test]
fn met_a3_tick_01_a_clock_that_panics_costs_no_call() {
    /// It panics at its third look.
    struct Failing(Cell<u32>);
    impl Clock for Failing {
        fn now(&self) -> Instant {
            self.0.set(self.0.get() + 1);
            assert_ne!(self.0.get(), 3, "no time");
            Instant::from_origin(Duration::ZERO)
        }
    }
    let executor = Executor::builder().clock(Failing(Cell::new(0))).build();
    let handle = executor.handle();
    let ask = move || (0..5).for_each(|_| handle.spawn(|| async { work("call") }).unwrap().detach());
    thread::spawn(ask).join().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| executor.tick(ms(100)))).is_err());
    executor.run_until_stalled();
    assert_eq!(notes(), ["call"; 5]);
}
