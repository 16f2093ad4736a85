//! A driver in a park is looked at under load, too.

use crate::kit::probe::{HandClock, HandPark, Record, my_waker, panic_of, wait_for_wake};
use evenkeel::{Executor, host::Readiness, spawn, yield_now};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::Waker,
    time::Duration,
};

/// Who waits for an event of the driver's.
type Slot = Rc<RefCell<Option<Waker>>>;

/// A driver that has an event at each look, for whoever waits then.
fn always_ready(slot: &Slot) -> HandPark {
    let slot = slot.clone();
    HandPark::new(move |_| {
        if let Some(waker) = slot.take() {
            waker.wake();
        }
    })
}

/// A task that is always ready, and counts its polls.
async fn busy(polls: Rc<Cell<usize>>) {
    loop {
        polls.set(polls.get() + 1);
        assert!(polls.get() < 100_000, "it starves the others");
        yield_now().await;
    }
}

#[test]
fn fault_21_a_task_that_is_always_ready_starves_no_driver() {
    let slot = Slot::default();
    let park = always_ready(&slot);
    let asked = park.asked();
    let executor = Executor::builder().clock(HandClock::default()).park(park).build();
    let polls = Rc::new(Cell::new(0));
    let counted = executor.run(async {
        let task = spawn(busy(polls.clone()));
        let mut counted = Vec::new();
        for _ in 0..4 {
            wait_for_wake(&slot).await;
            counted.push(polls.get());
        }
        task.abort();
        counted
    });
    assert_eq!(asked.take(), [Some(Duration::ZERO); 4], "it was never idle");
    let between: Vec<_> = counted.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // 64 polls, of which each time one is main's.
    assert!(between.iter().all(|polls| (32..=64).contains(polls)), "{between:?}");
}

#[test]
fn fault_21_a_driver_with_an_event_at_each_look_starves_no_task() {
    let slot = Slot::default();
    let executor = Executor::builder().clock(HandClock::default()).park(always_ready(&slot)).build();
    let polls = Rc::new(Cell::new(0));
    executor.run(async {
        let socket = spawn({
            let slot = slot.clone();
            async move {
                loop {
                    wait_for_wake(&slot).await;
                }
            }
        });
        let task = spawn(busy(polls.clone()));
        for turn in 1..1_000 {
            yield_now().await;
            assert_eq!(polls.get(), turn, "a poll in each turn");
        }
        socket.abort();
        task.abort();
    });
}

#[test]
fn fault_21_where_polls_are_long_there_is_a_look_after_each_turn() {
    let clock = HandClock::default();
    let park = HandPark::new(|_| ());
    let asked = park.asked();
    Executor::builder().clock(clock.clone()).park(park).build().run(async {
        for _ in 0..5 {
            clock.advance(Duration::from_micros(100));
            yield_now().await;
        }
    });
    // The time counts from the look at the clock behind the first turn, and behind each look.
    assert_eq!(asked.take(), [Some(Duration::ZERO); 2]);
}

#[test]
fn fault_21_a_host_that_only_ticks_has_a_look_at_each_tick() {
    let slot = Slot::default();
    let park = always_ready(&slot);
    let asked = park.asked();
    let executor = Executor::builder().clock(HandClock::default()).park(park).build();
    let said = Record::new();
    let _task = executor.spawn({
        let (slot, said) = (slot.clone(), said.clone());
        async move {
            for n in 0.. {
                wait_for_wake(&slot).await;
                said.add(n);
            }
        }
    });
    assert_eq!(executor.tick(Duration::ZERO).readiness, Readiness::Idle);
    assert_eq!(executor.tick(Duration::ZERO).polled, 1, "what the look woke is polled in the same tick");
    assert_eq!(executor.run_until_stalled().polled, 1);
    assert_eq!((said.take(), asked.take()), (vec![0, 1], vec![Some(Duration::ZERO); 3]));
}

#[test]
fn a_look_that_panics_is_the_hosts_panic_and_the_next_one_goes_on() {
    let slot = Slot::default();
    let waiting = slot.clone();
    let mut broken = true;
    let park = HandPark::new(move |_| {
        assert!(!std::mem::replace(&mut broken, false), "a driver");
        if let Some(waker) = waiting.take() {
            waker.wake();
        }
    });
    let executor = Executor::builder().clock(HandClock::default()).park(park).build();
    let task = executor.spawn(busy(Rc::default()));
    assert_eq!(panic_of(|| executor.run(wait_for_wake(&slot))), "a driver");
    executor.run(wait_for_wake(&slot));
    assert!(!task.is_finished());
    let broken = Executor::builder().park(HandPark::new(|_| panic!("a driver"))).build();
    assert_eq!(panic_of(|| broken.tick(Duration::ZERO)), "a driver");
    assert_eq!(panic_of(|| broken.run_until_stalled()), "a driver");
    assert!(!broken.is_driven());
}

#[test]
fn who_wakes_itself_in_a_look_is_polled_in_the_next_turn() {
    // The waker of a task that is ready: a driver may call it as often as it likes.
    let slot = Slot::default();
    let waker = slot.clone();
    let park = HandPark::new(move |_| waker.borrow().iter().for_each(Waker::wake_by_ref));
    let executor = Executor::builder().clock(HandClock::default()).park(park).build();
    executor.run(async {
        slot.replace(Some(my_waker().await));
        for _ in 0..1_000 {
            yield_now().await;
        }
    });
}
