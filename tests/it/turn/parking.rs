//! Waiting costs nothing, and a park is asked for exactly the time until the next deadline.

use crate::kit::probe::{HandClock, HandPark, Record, ms, my_waker, poll_with_noop, wait_for_wake};
use evenkeel::{Executor, Instant, sleep, sleep_until, spawn, yield_now};
use futures::future::{Either, select};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::atomic::Ordering::SeqCst,
    task::Waker,
    time::Duration,
};

/// A park that ends every wait by waking what lies in the slot, from elsewhere.
fn waking(slot: &Rc<RefCell<Option<Waker>>>) -> HandPark {
    let slot = slot.clone();
    HandPark::new(move |_| {
        let waker = slot.take().expect("parked without anybody who could wake it");
        std::thread::spawn(move || waker.wake()).join().unwrap();
    })
}

#[test]
fn loop_04_an_executor_that_waits_for_ever_parks_once_and_without_a_limit() {
    let slot = Rc::new(RefCell::new(None));
    let park = waking(&slot);
    let (asked, signals) = (park.asked(), park.signals());
    Executor::builder().park(park).build().run(wait_for_wake(&slot));
    assert_eq!(asked.take(), [None]);
    assert_eq!(signals.load(SeqCst), 1);
}

#[test]
fn loop_04_an_executor_with_something_to_do_does_not_park() {
    let park = HandPark::new(|_| panic!("parked"));
    Executor::builder().park(park).build().run(async {
        let task = spawn(async {
            for _ in 0..10 {
                yield_now().await;
            }
        });
        task.await.unwrap();
        my_waker().await.wake();
        yield_now().await;
    });
}

#[test]
fn loop_04_a_park_is_asked_for_the_time_until_the_next_deadline() {
    let clock = HandClock::default();
    let park = HandPark::passing(&clock);
    let asked = park.asked();
    let executor = Executor::builder().clock(clock.clone()).park(park).build();
    let waits = [1, 999, 1_000_000, 123_456_789, 86_400_000_000_000, 1 << 60].map(Duration::from_nanos);
    executor.run(async {
        for wait in waits {
            sleep(wait).await;
        }
    });
    assert_eq!(asked.take(), waits.map(Some));
}

#[test]
fn loop_04_a_deadline_that_has_passed_is_not_parked_for() {
    let clock = HandClock::default();
    let executor = Executor::builder().clock(clock.clone()).park(HandPark::new(|_| panic!("parked"))).build();
    clock.set(ms(50));
    executor.run(async {
        sleep_until(Instant::from_origin(ms(20))).await;
        sleep(Duration::ZERO).await;
    });
}

#[test]
fn loop_04_a_park_that_returns_early_is_asked_again_for_the_rest() {
    let clock = HandClock::default();
    let late = clock.clone();
    let park = HandPark::new(move |max| late.advance(Duration::from_nanos(max.unwrap().as_nanos().div_ceil(2) as u64)));
    let asked = park.asked();
    Executor::builder().clock(clock.clone()).park(park).build().run(sleep(Duration::from_nanos(100)));
    let asked: Vec<_> = asked.take().into_iter().map(|max| max.unwrap().as_nanos()).collect();
    assert_eq!(asked, [100, 50, 25, 12, 6, 3, 1]);
}

#[test]
fn loop_04_after_a_dropped_sleep_of_less_than_a_millisecond_it_parks_without_a_limit() {
    let clock = HandClock::default();
    let slot = Rc::new(RefCell::new(None));
    let (calls, give_up) = (Rc::new(Cell::new(0)), slot.clone());
    // At the tenth call there is an end, so that a loop that spins is seen and not waited for.
    let park = HandPark::new(move |max| {
        calls.set(calls.get() + 1);
        if max.is_none() || calls.get() == 10 {
            let waker: Waker = give_up.take().unwrap();
            waker.wake();
        }
    });
    let asked = park.asked();
    Executor::builder().clock(clock.clone()).park(park).build().run(async {
        let work = Box::pin(async {
            yield_now().await;
            yield_now().await;
        });
        assert!(matches!(select(sleep(Duration::from_micros(300)), work).await, Either::Right(_)));
        clock.advance(ms(1));
        wait_for_wake(&slot).await;
    });
    assert_eq!(asked.take(), [None]);
}

#[test]
fn loop_04_a_cancelled_sleep_is_not_parked_for() {
    let clock = HandClock::default();
    let park = HandPark::passing(&clock);
    let asked = park.asked();
    Executor::builder().clock(clock.clone()).park(park).build().run(async {
        let mut short = sleep(ms(10));
        assert!(poll_with_noop(&mut short).is_pending());
        yield_now().await;
        drop(short);
        sleep(ms(30)).await;
    });
    assert_eq!(asked.take(), [Some(ms(30))]);
}

#[test]
fn loop_04_wake_ups_on_the_own_thread_signal_nobody() {
    let slot = Rc::new(RefCell::new(None));
    let park = waking(&slot);
    let signals = park.signals();
    let executor = Executor::builder().park(park).build();
    let record = Record::new();
    executor.run(async {
        let says = record.clone();
        let task = spawn(async move {
            for _ in 0..10 {
                yield_now().await;
            }
            says.add("task");
        });
        task.await.unwrap();
    });
    assert_eq!((record.len(), signals.load(SeqCst)), (1, 0));
}

#[test]
fn loop_04_an_executor_that_is_awake_is_not_signalled() {
    // It parked before, once until a deadline and once until a wake-up.
    let clock = HandClock::default();
    let slot = Rc::new(RefCell::new(None::<Waker>));
    let (late, waker) = (clock.clone(), slot.clone());
    let park = HandPark::new(move |max| match max {
        Some(max) => late.advance(max),
        None => {
            let waker = waker.take().unwrap();
            std::thread::spawn(move || waker.wake()).join().unwrap();
        }
    });
    let signals = park.signals();
    Executor::builder().clock(clock).park(park).build().run(async {
        for (waits, expected) in [(true, 0), (false, 1)] {
            if waits {
                sleep(ms(5)).await
            } else {
                wait_for_wake(&slot).await
            }
            for _ in 0..3 {
                let waker = my_waker().await;
                std::thread::spawn(move || waker.wake()).join().unwrap();
                yield_now().await;
            }
            assert_eq!(signals.load(SeqCst), expected);
        }
    });
}

#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn loop_04_a_parked_thread_uses_no_time_of_its_processor() {
    /// Nanoseconds that this thread has run.
    fn used() -> u64 {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        stat.split(' ').next().unwrap().parse().unwrap()
    }
    let (send, receive) = std::sync::mpsc::channel::<Waker>();
    let thread = std::thread::spawn(move || {
        let waker = receive.recv().unwrap();
        std::thread::sleep(ms(300));
        waker.wake();
    });
    evenkeel::run(async {
        // A timeout that did not fire is behind it.
        let work = Box::pin(async {
            yield_now().await;
            yield_now().await;
        });
        drop(select(sleep(Duration::from_micros(500)), work).await);
        let before = used();
        let slot = RefCell::new(None);
        send.send(my_waker().await).unwrap();
        wait_for_wake(&slot).await;
        let used = used() - before;
        assert!(used < 50_000_000, "{used} ns of 300 ms");
    });
    thread.join().unwrap();
}
