//! The sleep part of asyncio's own `test_tasks.py`. Differences are listed in the book (`docs/src/differences.md`).

use crate::kit::probe::{Record, at, ms, reason_of};
use evenkeel::{
    Instant, sleep, spawn,
    testing::{self, VirtualClock},
    yield_now,
};
use std::time::Duration;

/// Differs: a sleep has no value.
#[test]
fn test_tasks_sleep() {
    testing::run(async {
        let task = spawn(async {
            sleep(ms(1)).await;
            sleep(ms(1)).await;
            "yeah"
        });
        assert_eq!((task.await.unwrap(), Instant::now()), ("yeah", at(2)));
    });
}

#[test]
fn test_tasks_sleep_zero() {
    let record = Record::new();
    testing::run(async {
        let says = record.clone();
        let other = spawn(async move {
            for _ in 0..3 {
                says.add("other");
                yield_now().await;
            }
        });
        for _ in 0..2 {
            record.add("sleeper");
            sleep(Duration::ZERO).await;
        }
        record.add("sleeper");
        other.await.unwrap();
        assert_eq!(Instant::now(), at(0));
    });
    assert_eq!(record.take(), ["sleeper", "other"].repeat(3));
}

#[test]
fn test_tasks_sleep_cancel() {
    let executor = evenkeel::Executor::builder().clock(VirtualClock::new()).build();
    executor.run(async {
        let task = spawn(sleep(Duration::from_secs(3600)));
        yield_now().await;
        task.cancel("enough");
        assert_eq!(reason_of(task.await), "enough".into());
    });
    assert_eq!(executor.next_deadline(), None);
}

/// A duration is always a number here.
#[test]
fn test_tasks_sleep_when_delay_is_nan() {
    assert!(Duration::try_from_secs_f64(f64::NAN).is_err());
}
