//! The overload kit: rates and limits on virtual time.

use crate::kit::{
    hosts::Hand,
    probe::{Record, ms, panic_of},
};
use evenkeel::{
    Instant, sleep, spawn,
    sync::{AdaptiveLimiter, LoopTimer, RateLimiter, Timer},
    testing,
};
use std::{rc::Rc, time::Duration};

#[test]
fn rate_limiter_lets_a_burst_through_and_then_keeps_the_rate() {
    testing::run(async {
        let limiter = RateLimiter::new(10, Duration::from_secs(1));
        let start = Instant::now();
        let mut times = Vec::new();
        for _ in 0..13 {
            limiter.acquire(1).await;
            times.push(start.elapsed());
        }
        assert_eq!(times[..10], [ms(0); 10]);
        assert_eq!(times[10..], [ms(100), ms(200), ms(300)]);
        sleep(ms(250)).await;
        assert_eq!(limiter.available(), 2);
        sleep(Duration::from_secs(100)).await;
        assert_eq!(limiter.available(), 10, "the bucket holds no more");
    });
}

#[test]
fn rate_limiter_with_a_burst_of_one_spaces_evenly() {
    testing::run(async {
        let limiter = RateLimiter::new(4, Duration::from_secs(1)).burst(1);
        let start = Instant::now();
        for n in 0..5 {
            limiter.acquire(1).await;
            assert_eq!(start.elapsed(), ms(250) * n);
        }
    });
}

#[test]
fn rate_limiter_serves_in_order_and_nobody_overtakes_a_large_request() {
    testing::run(async {
        let limiter = Rc::new(RateLimiter::new(10, Duration::from_secs(1)));
        limiter.acquire(10).await;
        let record = Record::new();
        let tasks: Vec<_> = [5, 1, 1]
            .into_iter()
            .map(|tokens| {
                let (limiter, record) = (limiter.clone(), record.clone());
                spawn(async move {
                    limiter.acquire(tokens).await;
                    record.add((tokens, Instant::now().since_origin()));
                })
            })
            .collect();
        sleep(ms(200)).await;
        assert!(!limiter.try_acquire(1), "two tokens are there, and somebody waits for five");
        assert_eq!(limiter.waiting(), 2);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(record.take(), [(5, ms(500)), (1, ms(600)), (1, ms(700))]);
    });
}

#[test]
fn rate_limiter_a_request_above_the_burst_waits_for_a_full_bucket_and_the_rate_holds() {
    testing::run(async {
        let limiter = RateLimiter::new(10, Duration::from_secs(1));
        let start = Instant::now();
        limiter.acquire(30).await;
        assert_eq!((start.elapsed(), limiter.available()), (ms(0), 0));
        limiter.acquire(1).await;
        assert_eq!(start.elapsed(), ms(2100));
    });
}

#[test]
fn rate_limiter_a_cancelled_wait_takes_no_token_and_serves_the_next() {
    testing::run(async {
        let limiter = RateLimiter::new(1, Duration::from_secs(1));
        limiter.acquire(1).await;
        let first = Hand::waiting(limiter.acquire(1));
        let start = Instant::now();
        let mut second = Box::pin(limiter.acquire(1));
        assert!(futures::poll!(second.as_mut()).is_pending());
        drop(first);
        second.await;
        assert_eq!(start.elapsed(), Duration::from_secs(1));
        limiter.acquire(0).await;
        assert!(limiter.try_acquire(0) && !limiter.try_acquire(1));
    });
}

#[test]
fn rate_limiter_extremes_saturate_and_nonsense_panics() {
    testing::run(async {
        let never = RateLimiter::new(1, Duration::MAX);
        assert!(never.try_acquire(1) && !never.try_acquire(1));
        assert!(Hand::new(never.acquire(u32::MAX)).is_pending());
        let fast = RateLimiter::new(u32::MAX, Duration::from_nanos(1));
        fast.acquire(u32::MAX).await;
        fast.acquire(u32::MAX).await;
        let odd = RateLimiter::new(3, Duration::from_secs(1)).burst(1);
        let start = Instant::now();
        for _ in 0..=300 {
            odd.acquire(1).await;
        }
        let late = start.elapsed() - Duration::from_secs(100);
        assert!(late < Duration::from_nanos(300), "less than a nanosecond each, and never early: {late:?}");
    });
    assert!(panic_of(|| RateLimiter::new(0, ms(1))).contains("Semaphore"));
    assert!(panic_of(|| RateLimiter::new(1, ms(0))).contains("period"));
    assert!(panic_of(|| RateLimiter::new(1, ms(1)).burst(0)).contains("token"));
}

#[test]
fn loop_timer_tells_the_loops_time_and_waits_for_it() {
    testing::run(async {
        let timer = LoopTimer;
        timer.sleep_until(ms(70)).await;
        assert_eq!((timer.now(), Instant::now().since_origin()), (ms(70), ms(70)));
    });
}

// ---- the adaptive limiter

#[test]
fn adaptive_limiter_grows_by_one_per_generation_while_work_is_quick() {
    testing::run(async {
        let limiter = Rc::new(AdaptiveLimiter::new(ms(100)));
        let tasks: Vec<_> = (0..60)
            .map(|_| {
                let limiter = limiter.clone();
                spawn(async move {
                    loop {
                        let _slot = limiter.acquire().await;
                        sleep(ms(10)).await;
                    }
                })
            })
            .collect();
        for generation in [0, 10, 20] {
            let (limit, grown) = (limiter.limit(), 10 + generation);
            assert!((grown - 2..=grown).contains(&limit), "{limit} after {generation} generations");
            sleep(ms(100)).await;
            assert_eq!(limiter.in_flight(), limiter.limit());
        }
        drop(tasks);
    });
}

#[test]
fn adaptive_limiter_shrinks_once_per_generation_when_work_is_slow() {
    testing::run(async {
        let limiter = AdaptiveLimiter::new(ms(100)).limits(2, 100, 100);
        let slots: Vec<_> = std::iter::from_fn(|| limiter.try_acquire()).collect();
        sleep(ms(101)).await;
        drop(slots);
        assert_eq!(limiter.limit(), 90, "a hundred late ones that began together count once");
        let late = limiter.try_acquire().unwrap();
        sleep(ms(101)).await;
        drop(late);
        assert_eq!(limiter.limit(), 81);
        limiter.try_acquire().unwrap().overloaded();
        assert_eq!(limiter.limit(), 72);
        for _ in 0..100 {
            sleep(ms(1)).await;
            limiter.try_acquire().unwrap().overloaded();
        }
        assert_eq!(limiter.limit(), 2, "the least");
    });
}

#[test]
fn adaptive_limiter_does_not_learn_from_idleness_nor_from_what_is_ignored() {
    testing::run(async {
        let limiter = AdaptiveLimiter::new(ms(100));
        for _ in 0..100 {
            drop(limiter.try_acquire());
        }
        assert_eq!(limiter.limit(), 10);
        let slow = limiter.try_acquire().unwrap();
        sleep(ms(500)).await;
        slow.ignore();
        assert_eq!((limiter.limit(), limiter.in_flight()), (10, 0));
        assert!(panic_of(|| AdaptiveLimiter::new(ms(1)).limits(0, 1, 1)).contains("zero"));
        assert!(panic_of(|| AdaptiveLimiter::new(ms(1)).limits(2, 1, 3)).contains("between"));
    });
}

#[test]
fn adaptive_limiter_waiters_come_in_order_and_a_dropped_one_passes_its_slot_on() {
    testing::run(async {
        let limiter = AdaptiveLimiter::new(ms(100)).limits(1, 1, 1);
        let slot = limiter.acquire().await;
        let [one, mut two] = [0; 2].map(|_| Hand::waiting(limiter.acquire()));
        assert!(limiter.try_acquire().is_none());
        drop(slot);
        assert!(one.is_woken());
        drop(one);
        assert!(two.is_woken());
        drop(two.ready());
        assert_eq!((limiter.in_flight(), limiter.waiting()), (0, 0));
    });
}

#[test]
fn adaptive_limiter_finds_what_a_service_can_bear() {
    testing::run(async {
        // Eight at a time take 10 ms each; more than that get in each other's way.
        let limiter = Rc::new(AdaptiveLimiter::new(ms(15)).limits(1, 40, 200));
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                let limiter = limiter.clone();
                spawn(async move {
                    for _ in 0..50 {
                        let slot = limiter.acquire().await;
                        let load = limiter.in_flight().max(8) as u32;
                        sleep(ms(10) * load / 8).await;
                        drop(slot);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!((6..=13).contains(&limiter.limit()), "{limiter:?}");
    });
}
