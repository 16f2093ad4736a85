//! Instants: checked arithmetic, std's instants.

use crate::kit::probe::{HandClock, at, ms};
use evenkeel::{
    Executor, Instant, run, sleep_until,
    testing::{self, VirtualClock},
    timeout,
};
use std::{future::pending, time::Duration};

const ORIGIN: Instant = Instant::from_origin(Duration::ZERO);
/// The last point before never, and how far away it is.
const LONGEST: Duration = Duration::from_nanos(u64::MAX - 1);

#[test]
fn instant_checked_add_ends_before_never() {
    assert_eq!(at(5).checked_add(ms(7)), Some(at(12)));
    assert_eq!(at(5).checked_add(Duration::ZERO), Some(at(5)));
    assert_eq!(ORIGIN.checked_add(LONGEST), Some(Instant::from_origin(LONGEST)));
    for too_long in [LONGEST + Duration::from_nanos(1), LONGEST + Duration::from_nanos(2), Duration::MAX] {
        assert_eq!(ORIGIN.checked_add(too_long), None);
        assert_eq!(ORIGIN + too_long, Instant::NEVER);
    }
    assert_eq!(Instant::from_origin(LONGEST).checked_add(Duration::from_nanos(1)), None);
    assert_eq!(Instant::NEVER.checked_add(Duration::ZERO), None);
}

#[test]
fn instant_checked_sub_ends_at_the_origin() {
    assert_eq!(at(12).checked_sub(ms(7)), Some(at(5)));
    assert_eq!(at(12).checked_sub(ms(12)), Some(ORIGIN));
    for too_long in [ms(13), Duration::from_nanos(u64::MAX), Duration::from_secs(u64::MAX), Duration::MAX] {
        assert_eq!(at(12).checked_sub(too_long), None);
        assert_eq!(at(12) - too_long, ORIGIN);
    }
    assert_eq!(ORIGIN.checked_sub(Duration::ZERO), Some(ORIGIN));
    assert_eq!(Instant::NEVER.checked_sub(Duration::from_nanos(u64::MAX)), Some(ORIGIN));
    assert_eq!(Instant::NEVER.checked_sub(Duration::from_nanos(u64::MAX) + Duration::from_nanos(1)), None);
}

#[test]
fn instant_durations_since_a_later_one_are_zero_or_none() {
    assert_eq!(at(12).checked_duration_since(at(5)), Some(ms(7)));
    assert_eq!(at(5).checked_duration_since(at(5)), Some(Duration::ZERO));
    assert_eq!(at(5).checked_duration_since(at(12)), None);
    assert_eq!((at(12).duration_since(at(5)), at(5).duration_since(at(12))), (ms(7), Duration::ZERO));
    assert_eq!(at(5) - at(12), Duration::ZERO);
    assert_eq!(Instant::NEVER.duration_since(ORIGIN), Duration::from_nanos(u64::MAX));
}

#[test]
fn instant_arithmetic_can_be_done_in_constants() {
    const LATER: Option<Instant> = ORIGIN.checked_add(Duration::from_millis(3));
    const EARLIER: Option<Instant> =
        Instant::from_origin(Duration::from_millis(3)).checked_sub(Duration::from_millis(1));
    const BETWEEN: Option<Duration> = ORIGIN.checked_duration_since(ORIGIN);
    assert_eq!((LATER, EARLIER, BETWEEN), (Some(at(3)), Some(at(2)), Some(Duration::ZERO)));
}

#[test]
fn instant_of_the_system_is_stds_and_back() {
    let check = || {
        let std = std::time::Instant::now();
        let now = Instant::now();
        // The first call in the process may be this one: then the origin is later than `std`.
        assert!(Instant::from_std(std).unwrap() <= now);
        assert_eq!(Instant::from_std(now.into_std().unwrap()), Some(now));
        let later = std::time::Instant::now() + Duration::from_secs(1_000);
        assert_eq!(Instant::from_std(later).unwrap().into_std(), Some(later));
    };
    check();
    run(async { check() });
}

#[test]
fn instant_of_std_keeps_distances() {
    run(async {
        let std = std::time::Instant::now() + ms(1);
        let [one, two] = [std, std + ms(250)].map(|std| Instant::from_std(std).unwrap());
        assert_eq!(two - one, ms(250));
        assert_eq!(two.into_std().unwrap() - one.into_std().unwrap(), ms(250));
    });
}

#[test]
fn instant_of_std_before_the_origin_has_passed_all_the_same() {
    run(async {
        let Some(long_ago) = std::time::Instant::now().checked_sub(Duration::from_secs(60)) else { return };
        // This process began later, or a minute ago and more; either way its time is over.
        let long_ago = Instant::from_std(long_ago).unwrap();
        assert!(long_ago <= Instant::now());
        sleep_until(long_ago).await;
    });
}

#[test]
fn instant_of_another_clock_is_none_of_stds() {
    testing::run(async {
        assert_eq!(Instant::now().into_std(), None);
        assert_eq!(Instant::from_std(std::time::Instant::now()), None);
    });
    Executor::builder().clock(HandClock::default()).run(async { assert_eq!(at(5).into_std(), None) });
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    assert!(Instant::now().into_std().is_some(), "outside it is the system's");
    let _entered = executor.enter();
    assert_eq!((Instant::now(), Instant::now().into_std()), (ORIGIN, None));
}

#[test]
fn instant_never_is_no_point_of_stds() {
    assert_eq!(Instant::NEVER.into_std(), None);
}

#[test]
fn instant_of_std_is_a_deadline() {
    run(async {
        let due = std::time::Instant::now() + ms(2);
        sleep_until(Instant::from_std(due).unwrap()).await;
        assert!(std::time::Instant::now() >= due);
        let limit = Instant::from_std(due + ms(1)).unwrap();
        assert!(evenkeel::cancel::timeout_at(limit, pending::<()>()).await.is_err());
        assert!(std::time::Instant::now() >= due + ms(1));
        assert!(
            timeout(limit.checked_duration_since(Instant::now()).unwrap_or_default(), pending::<()>()).await.is_err()
        );
    });
}
