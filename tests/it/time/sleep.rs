//! Sleeping: never too early, never for ever by accident, and nothing is left behind.

use crate::kit::probe::{HandClock, HandPark, Record, at, ms, panic_of, poll_with_noop, wait_for_wake};
use evenkeel::{
    Executor, Instant, Task,
    host::Readiness,
    run, sleep, sleep_until, spawn,
    testing::{self, VirtualClock},
    time::Sleep,
    yield_now,
};
use futures::future::{Either, select};
use std::{
    cell::RefCell,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

fn virtual_executor() -> (Executor, VirtualClock) {
    let clock = VirtualClock::new();
    (Executor::builder().clock(clock.clone()).build(), clock)
}

#[test]
fn time_01_virtual_time_jumps_to_the_next_deadline_when_nothing_can_run() {
    let record = Record::new();
    let started = std::time::Instant::now();
    testing::run(async {
        let tasks: Vec<_> = [30, 10, 20]
            .map(|days| {
                let record = record.clone();
                spawn(async move {
                    sleep(Duration::from_secs(days * 86_400)).await;
                    record.add((days, Instant::now().since_origin().as_secs() / 86_400));
                })
            })
            .into_iter()
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(record.take(), [(10, 10), (20, 20), (30, 30)]);
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn time_01_virtual_time_stands_still_while_something_can_run() {
    testing::run(async {
        let start = Instant::now();
        let _armed = spawn(sleep(ms(1)));
        for _ in 0..1000 {
            yield_now().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

#[test]
fn time_02_equal_deadlines_fire_in_the_order_in_which_they_were_started() {
    for delay in [0, 300, 5_000_000, 90_000_000_000] {
        let record = Record::new();
        testing::run(async {
            let until = Instant::from_origin(Duration::from_nanos(delay));
            let tasks: Vec<_> = (0..50)
                .map(|n| {
                    let record = record.clone();
                    spawn(async move {
                        // Some are started early, some when the deadline is near, and some that end sooner lie between.
                        if delay > 0 && n >= 25 {
                            sleep_until(Instant::from_origin(Duration::from_nanos(delay / 25 * (n - 25)))).await;
                        }
                        sleep_until(until).await;
                        record.add(n);
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(record.take(), (0..50).collect::<Vec<_>>(), "{delay} ns");
    }
}

#[test]
fn time_02_equal_deadlines_keep_their_order_when_timers_take_the_places_of_others() {
    let record = Record::new();
    testing::run(async {
        let _stays = spawn(sleep(ms(1_000)));
        let gone: Vec<Task<()>> = (0..20).map(|_| spawn(sleep(ms(500)))).collect();
        yield_now().await;
        drop(gone);
        yield_now().await;
        yield_now().await;
        let tasks: Vec<Task<()>> = (0..20)
            .map(|n| {
                let record = record.clone();
                spawn(async move {
                    sleep_until(at(40)).await;
                    record.add(n);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(record.take(), (0..20).collect::<Vec<_>>());
}

#[test]
fn fault_24_extreme_durations_saturate_to_never() {
    let nanos = Duration::from_nanos;
    let (executor, clock) = virtual_executor();
    clock.advance(ms(1));
    let never = [Duration::MAX, Duration::MAX - nanos(1), Duration::from_secs(u64::MAX), nanos(u64::MAX)];
    let tasks: Vec<Task<()>> = never
        .into_iter()
        .flat_map(|duration| {
            let deadline = at(1) + duration;
            assert_eq!(deadline, Instant::NEVER);
            [executor.spawn(sleep(duration)), executor.spawn(sleep_until(deadline))]
        })
        .collect();
    let progress = executor.run_until_stalled();
    assert_eq!((progress.readiness, progress.next_deadline, progress.next_wait), (Readiness::Idle, None, None));
    // Somebody else's timer fires, and theirs do not.
    executor.run(sleep(Duration::from_secs(1 << 33)));
    assert!(tasks.iter().all(|task| !task.is_finished()));
}

#[test]
fn fault_24_a_deadline_that_saturates_when_the_sleep_begins_is_never_too() {
    let (executor, clock) = virtual_executor();
    clock.advance(ms(1));
    // Just short of 2⁶⁴ ns, counted from a millisecond after the origin.
    let task = executor.spawn(sleep(Duration::from_nanos(u64::MAX - 1)));
    assert_eq!(executor.run_until_stalled().next_deadline, None);
    drop(task);
}

#[test]
fn fault_24_far_and_near_deadlines_are_met() {
    for nanos in [1, 999, 1 << 20, (1 << 20) - 1, 1 << 26, (1 << 26) + 1, 1 << 44, 1 << 62, u64::MAX - 1] {
        testing::run(async {
            let deadline = Instant::from_origin(Duration::from_nanos(nanos));
            sleep_until(deadline).await;
            assert_eq!(Instant::now(), deadline);
        });
    }
}

#[test]
fn time_03_zero_and_deadlines_in_the_past_give_way_once() {
    let (executor, clock) = virtual_executor();
    clock.advance(ms(10));
    let record = Record::new();
    for (n, wait) in [sleep(Duration::ZERO), sleep_until(at(10)), sleep_until(at(1))].into_iter().enumerate() {
        let record = record.clone();
        executor
            .spawn(async move {
                wait.await;
                record.add(n);
            })
            .detach();
    }
    executor.tick(evenkeel::host::Budget::polls(3));
    assert_eq!(record.len(), 0);
    executor.tick(evenkeel::host::Budget::polls(3));
    assert_eq!(record.len(), 3);
    assert_eq!(evenkeel::time::Clock::now(&clock), at(10));
}

#[test]
fn time_04_a_sleep_never_ends_early() {
    // By the system's clock, in all sizes around a wheel's tick.
    run(async {
        let tasks: Vec<_> = (0..200)
            .map(|n| {
                spawn(async move {
                    let duration = Duration::from_micros(n * 37);
                    let start = std::time::Instant::now();
                    sleep(duration).await;
                    assert!(start.elapsed() >= duration);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn time_04_a_sleep_counts_from_the_end_of_the_turn_in_which_it_is_first_polled() {
    let clock = HandClock::default();
    let executor = Executor::builder().clock(clock.clone()).build();
    let slow = clock.clone();
    let mut task = executor.spawn(async move {
        let wait = sleep(ms(10));
        slow.advance(ms(3));
        wait.await;
    });
    let busy = clock.clone();
    executor.spawn(async move { busy.advance(ms(2)) }).detach();
    assert_eq!(executor.run_until_stalled().next_deadline, Some(at(15)));
    clock.set(ms(15) - Duration::from_nanos(1));
    executor.run_until_stalled();
    assert!(!task.is_finished());
    clock.set(ms(15));
    executor.run_until_stalled();
    task.take_result().unwrap().unwrap();
}

#[test]
fn time_05_a_dropped_sleep_leaves_no_timer_behind() {
    // Before its turn ends, in a bucket of the wheel, and in the present tick.
    for duration in [ms(500), Duration::from_secs(86_400)] {
        let (executor, _) = virtual_executor();
        let task = executor.spawn(sleep(duration));
        assert!(executor.run_until_stalled().next_deadline.is_some());
        drop(task);
        assert_eq!(executor.run_until_stalled().next_deadline, None);
    }
    let (executor, _) = virtual_executor();
    executor.run(async {
        let mut wait = sleep(ms(500));
        assert!(poll_with_noop(&mut wait).is_pending());
    });
    assert_eq!(executor.next_deadline(), None);
}

#[test]
fn time_05_a_dropped_sleep_of_less_than_a_millisecond_leaves_no_timer_behind() {
    let (executor, _) = virtual_executor();
    let task = executor.spawn(sleep(Duration::from_micros(300)));
    assert!(executor.run_until_stalled().next_deadline.is_some());
    drop(task);
    assert_eq!(executor.run_until_stalled().next_deadline, None);
}

#[test]
fn time_05_a_sleep_that_lost_a_race_takes_no_time() {
    testing::run(async {
        let start = Instant::now();
        for _ in 0..3 {
            let work = Box::pin(async {
                yield_now().await;
                yield_now().await;
            });
            assert!(matches!(select(sleep(Duration::from_micros(300)), work).await, Either::Right(_)));
        }
        sleep(ms(5)).await;
        assert_eq!(start.elapsed(), ms(5));
    });
}

#[test]
fn time_06_a_sleep_may_move_to_another_executor_and_keeps_its_deadline() {
    let (one, _) = virtual_executor();
    let (other, _) = virtual_executor();
    let moved: Rc<RefCell<Option<Sleep>>> = Rc::new(RefCell::new(Some(sleep(ms(40)))));
    let slot = moved.clone();
    let task = one.spawn(poll_fn(move |cx| Pin::new(slot.borrow_mut().as_mut().unwrap()).poll(cx)));
    one.run_until_stalled();
    drop(task);
    one.run_until_stalled();
    let mut wait = moved.take().unwrap();
    other.run(async {
        sleep(ms(10)).await;
        assert!(poll_with_noop(&mut wait).is_pending());
        wait.await;
        assert_eq!(Instant::now(), at(40));
    });
    assert_eq!((one.next_deadline(), other.next_deadline()), (None, None));
}

#[test]
fn time_06_a_sleep_may_outlive_its_executor_and_be_awaited_in_another() {
    let mut wait = sleep(ms(20));
    let (one, _) = virtual_executor();
    one.run(async { assert!(poll_with_noop(&mut wait).is_pending()) });
    drop(one);
    let (other, _) = virtual_executor();
    other.run(async {
        wait.await;
        assert_eq!(Instant::now(), at(20));
    });
}

#[test]
fn time_06_a_sleep_that_was_refused_outside_an_executor_does_not_end_early() {
    let (one, _) = virtual_executor();
    let mut wait = sleep(ms(20));
    one.run(async { assert!(poll_with_noop(&mut wait).is_pending()) });
    let message = panic_of(|| poll_with_noop(&mut wait));
    assert!(message.contains("evenkeel::run"), "{message}");
    one.run(async {
        assert!(poll_with_noop(&mut wait).is_pending(), "it ended 20 ms early");
    });
}

#[test]
fn time_06_a_new_sleep_polled_outside_an_executor_panics_and_names_run() {
    let mut wait = sleep(ms(1));
    let message = panic_of(|| poll_with_noop(&mut wait));
    assert!(message.contains("evenkeel::run"), "{message}");
    testing::run(wait);
}

#[test]
fn time_07_a_sleep_that_is_over_stays_over() {
    testing::run(async {
        let mut wait = sleep(ms(1));
        (&mut wait).await;
        assert_eq!(poll_with_noop(&mut wait), Poll::Ready(()));
        assert_eq!(format!("{wait:?}"), "Sleep(over)");
    });
}

#[test]
fn fault_12_a_timers_waker_that_starts_another_sleep_on_the_spot_loses_no_time() {
    let clock = HandClock::default();
    // It panics when the executor wants to wait for ever.
    let park = HandPark::passing(&clock);
    let executor = Executor::builder().clock(clock).park(park).build();
    let record = Record::new();
    let slot = Rc::new(RefCell::new(None::<Waker>));
    let (says, done) = (record.clone(), slot.clone());
    executor.run(async {
        crate::kit::bomb::polled_in_wake(async move {
            for _ in 0..3 {
                sleep(ms(5)).await;
                says.add(Instant::now());
            }
            let main = done.take();
            main.unwrap().wake();
        });
        wait_for_wake(&slot).await;
    });
    crate::kit::bomb::defuse();
    assert_eq!(record.take(), [at(5), at(10), at(15)]);
}

#[test]
fn fault_31_sleeps_that_come_and_go_leave_no_deadline() {
    testing::run(async {
        for _ in 0..10_000 {
            let mut wait = sleep(ms(100));
            assert!(poll_with_noop(&mut wait).is_pending());
        }
        yield_now().await;
        let start = Instant::now();
        sleep(ms(1)).await;
        assert_eq!(start.elapsed(), ms(1));
    });
}
