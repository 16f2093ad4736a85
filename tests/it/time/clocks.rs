//! Clocks of the host's: they may stand, jump and step back.

use crate::kit::probe::{HandClock, HandPark, Record, at, ms, poll_with_noop};
use evenkeel::{Executor, Instant, sleep, sleep_until, spawn, testing::VirtualClock, time::Clock, yield_now};
use std::{cell::Cell, rc::Rc, time::Duration};

#[test]
fn fault_25_a_clock_that_steps_back_misses_no_timer_and_fires_none_early() {
    let clock = HandClock::default();
    let executor = Executor::builder().clock(clock.clone()).build();
    clock.set(Duration::from_secs(1000));
    let before = Instant::from_origin(Duration::from_secs(1000));
    let record = Record::new();
    let until = |seconds: u64| {
        let record = record.clone();
        executor.spawn(async move {
            sleep_until(Instant::from_origin(Duration::from_secs(seconds))).await;
            record.add(seconds);
        })
    };
    let _tasks = [until(1010), until(1001), until(1500)];
    executor.run_until_stalled();
    clock.set(Duration::from_secs(10));
    let _more = [until(1005), until(20), until(11)];
    executor.run_until_stalled();
    assert_eq!(record.len(), 0);
    assert_eq!(executor.next_deadline(), Some(Instant::from_origin(Duration::from_secs(11))));
    for (seconds, fired) in [(11, vec![11]), (999, vec![20]), (1004, vec![1001]), (2000, vec![1005, 1010, 1500])] {
        clock.set(Duration::from_secs(seconds));
        executor.run_until_stalled();
        assert_eq!(record.take(), fired, "at {seconds} s");
    }
    assert!(before > Instant::from_origin(Duration::ZERO));
}

#[test]
fn fault_25_instant_arithmetic_saturates_and_never_panics() {
    let early = at(5);
    let late = at(9);
    assert_eq!((early - late, late - early), (Duration::ZERO, ms(4)));
    assert_eq!(early - Duration::MAX, at(0));
    assert_eq!((Instant::NEVER + ms(1), Instant::NEVER), (Instant::NEVER, early + Duration::MAX));
    assert_eq!(Instant::from_origin(Duration::MAX), Instant::NEVER);
    let mut moved = early;
    moved += Duration::MAX;
    moved -= Duration::MAX;
    assert_eq!(moved, at(0));
    assert_eq!(early.saturating_duration_since(late), Duration::ZERO);
    assert!(Instant::now().elapsed() < Duration::from_secs(60));
    assert_eq!(format!("{:?} {:?}", at(1), Instant::NEVER), "Instant(1ms) Instant::NEVER");
}

#[test]
fn fault_25_a_sleep_that_is_started_after_the_clock_stepped_back_lasts_as_long_as_it_says() {
    let clock = HandClock::default();
    let park = HandPark::passing(&clock);
    let executor = Executor::builder().clock(clock.clone()).park(park).build();
    clock.set(Duration::from_secs(100));
    executor.run(async {
        sleep(ms(1)).await;
        clock.set(Duration::from_secs(50));
        let start = Instant::now();
        sleep(Duration::from_secs(3)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(3));
    });
}

#[test]
fn fault_25_cancelled_timers_of_a_clock_that_stepped_back_do_not_keep_the_executor_awake() {
    let clock = HandClock::default();
    let executor = Executor::builder().clock(clock.clone()).build();
    clock.set(Duration::from_secs(100));
    executor.run(async {
        let mut settled = sleep(ms(1));
        assert!(poll_with_noop(&mut settled).is_pending());
        yield_now().await;
        clock.set(Duration::from_secs(10));
        let mut wait = sleep(Duration::from_secs(5));
        assert!(poll_with_noop(&mut wait).is_pending());
        yield_now().await;
    });
    assert_eq!(executor.next_deadline(), None);
}

#[test]
fn the_clock_is_not_read_while_there_are_no_timers_and_once_a_turn_otherwise() {
    let clock = HandClock::default();
    let executor = Executor::builder().clock(clock.clone()).build();
    executor.run(async {
        for _ in 0..100 {
            yield_now().await;
        }
        assert_eq!(clock.reads.get(), 0);
        let _armed = spawn(sleep(ms(1)));
        yield_now().await;
        let before = clock.reads.get();
        for _ in 0..100 {
            yield_now().await;
        }
        assert_eq!(clock.reads.get() - before, 100);
    });
}

#[test]
fn fault_11_a_sleeps_waker_that_panics_when_it_is_cloned_leaves_no_timer_behind() {
    let clock = HandClock::default();
    let executor = Executor::builder().clock(clock.clone()).park(HandPark::passing(&clock)).build();
    let waker = crate::kit::bomb::bomb(|op| {
        if op == crate::kit::bomb::Op::Clone {
            panic!("clone");
        }
    });
    executor.run(async {
        let mut wait = sleep(ms(3));
        assert!(poll_with_noop(&mut wait).is_pending());
        let mut cx = std::task::Context::from_waker(&waker);
        let refused = crate::kit::probe::panic_of(|| std::pin::Pin::new(&mut wait).poll(&mut cx));
        assert_eq!(refused, "clone");
        sleep(ms(5)).await;
        assert!(poll_with_noop(&mut wait).is_ready());
        let before = clock.reads.get();
        for _ in 0..10 {
            yield_now().await;
        }
        assert_eq!(clock.reads.get(), before, "there are no timers any more");
    });
    crate::kit::bomb::defuse();
}

#[test]
fn each_executor_has_its_own_time() {
    let (one, other) = (VirtualClock::new(), VirtualClock::new());
    one.advance(ms(7));
    let first = Executor::builder().clock(one.clone()).build();
    let second = Executor::builder().clock(other.clone()).build();
    let times = first.run(async {
        let mine = Instant::now();
        let inner = Rc::new(Cell::new(None));
        let set = inner.clone();
        second.spawn(async move { set.set(Some(Instant::now())) }).detach();
        second.run_until_stalled();
        (mine, inner.get(), Instant::now())
    });
    assert_eq!(times, (at(7), Some(at(0)), at(7)));
}

#[test]
fn a_virtual_clock_can_be_moved_by_hand_and_shares_its_time_with_its_clones() {
    let clock = VirtualClock::new();
    let executor = Executor::builder().clock(clock.clone()).build();
    let mut task = executor.spawn(sleep(ms(5)));
    executor.run_until_stalled();
    clock.clone().advance(ms(4));
    executor.run_until_stalled();
    assert!(!task.is_finished());
    clock.advance(ms(1));
    executor.run_until_stalled();
    executor.run_until_stalled();
    assert!(task.take_result().is_some());
    clock.advance(Duration::MAX);
    assert_eq!(clock.now(), Instant::NEVER);
}
