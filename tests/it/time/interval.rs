//! Intervals, and what they do about ticks that nobody waited for.

use crate::kit::probe::{at, ms, panic_of};
use evenkeel::{
    Executor, Instant, interval, sleep,
    testing::{self, VirtualClock},
    time::{MissedTick, interval_at},
};
use futures::future::{Either, FutureExt, select};
use std::time::Duration;

/// The times at which five ticks of 10 ms were due and were taken, when the third was waited for 25 ms late.
fn ticks(policy: MissedTick) -> Vec<(u128, u128)> {
    testing::run(async {
        let mut every = interval(ms(10)).missed_tick(policy);
        let mut got = Vec::new();
        for n in 0..6 {
            if n == 2 {
                sleep(ms(35)).await;
            }
            let due = every.tick().await;
            got.push((due.since_origin().as_millis(), Instant::now().since_origin().as_millis()));
        }
        got
    })
}

#[test]
fn interval_skip_leaves_missed_ticks_out_and_stays_on_the_grid() {
    assert_eq!(ticks(MissedTick::Skip), [(0, 0), (10, 10), (20, 45), (50, 50), (60, 60), (70, 70)]);
    assert_eq!(MissedTick::default(), MissedTick::Skip);
}

#[test]
fn interval_burst_makes_up_for_each() {
    assert_eq!(ticks(MissedTick::Burst), [(0, 0), (10, 10), (20, 45), (30, 45), (40, 45), (50, 50)]);
}

#[test]
fn interval_delay_begins_a_new_grid() {
    assert_eq!(ticks(MissedTick::Delay), [(0, 0), (10, 10), (20, 45), (55, 55), (65, 65), (75, 75)]);
}

#[test]
fn interval_skip_is_never_more_than_one_tick_behind_however_short_the_period() {
    let clock = VirtualClock::new();
    Executor::builder().clock(clock.clone()).build().run(async {
        let mut every = interval(Duration::from_nanos(1));
        every.tick().await;
        clock.advance(Duration::from_secs(20));
        every.tick().await;
        let now = Instant::now();
        assert!(every.tick().await >= now, "a tick of the past, after the one that was behind");
    });
}

#[test]
fn interval_a_tick_that_is_dropped_was_not_taken() {
    testing::run(async {
        let mut every = interval_at(at(10), ms(10));
        for _ in 0..3 {
            let lost = select(every.tick().boxed_local(), sleep(ms(2))).await;
            assert!(matches!(lost, Either::Right(_)));
        }
        assert_eq!(every.tick().await, at(10));
        assert_eq!(every.tick().await, at(20));
    });
}

#[test]
fn interval_reset_starts_over() {
    testing::run(async {
        let mut every = interval(ms(10));
        every.tick().await;
        sleep(ms(3)).await;
        every.reset();
        assert_eq!((every.tick().await, every.period()), (at(13), ms(10)));
    });
}

#[test]
fn fault_24_an_interval_may_be_as_long_as_it_likes() {
    testing::run(async {
        for policy in [MissedTick::Skip, MissedTick::Burst, MissedTick::Delay] {
            let mut every = interval(Duration::MAX).missed_tick(policy);
            every.tick().await;
            let second = select(every.tick().boxed_local(), sleep(Duration::from_secs(1 << 30))).await;
            assert!(matches!(second, Either::Right(_)), "never");
        }
    });
}

#[test]
fn interval_a_period_of_zero_panics_and_names_the_repair() {
    let message = panic_of(|| interval(Duration::ZERO));
    assert!(message.contains("yield_now"), "{message}");
}
