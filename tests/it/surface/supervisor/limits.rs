//! How often a child is restarted, and what counts.

use super::{Run, Words, plays, run_heard};
use crate::kit::probe::{Record, ms};
use evenkeel::{
    group::{Failure, OnFailure, Restart},
    sleep,
};
use std::{future::pending, time::Duration};

#[test]
fn what_counts_for_a_limit_is_when_runs_begin() {
    // Runs that end at once and wait for 50, 100, 200, …: never 2 begin within 60 ms, though 2 end within 51.
    let runs = |initial, limit| {
        let begins = Record::new();
        let (outcome, _) = run_heard(Words::run(async |supervisor| {
            let restart = Restart::always().backoff(ms(initial), 2, ms(10_000)).limit(limit, ms(60));
            supervisor.spawn_restarting(restart, plays(begins.clone(), vec![(1, Run::Ends)]));
            sleep(ms(500)).await;
            supervisor.cancel("enough");
            Ok(())
        }));
        (begins.take(), outcome.is_err())
    };
    assert_eq!(runs(50, 1), (vec![0, 51, 152, 353], false));
    // The second would begin at 31, the third at 92, 61 later; a limit in the first 60 ms is not reached. With less it is.
    assert_eq!(runs(30, 1).0, [0, 31, 92, 213, 454]);
    assert_eq!(runs(20, 1), (vec![0, 21], true));
}

#[test]
fn a_backoff_whose_factor_grows_beyond_all_numbers_waits_for_the_longest() {
    let begins = |initial| {
        let begins = Record::new();
        let (outcome, _) = run_heard(Words::run(async |supervisor| {
            let hour = Duration::from_secs(3_600);
            let restart = Restart::on_failure().backoff(initial, 1 << 20, hour).unlimited();
            let runs = vec![(1, Run::Fails), (1, Run::Fails), (1, Run::Fails), (1, Run::Ends)];
            supervisor.spawn_restarting(restart, plays(begins.clone(), runs)).await;
            Ok(())
        }));
        outcome.unwrap();
        begins.take()
    };
    // 1 ns, 1.05 ms, and what is more than a u32 times a nanosecond, which would be 18 min.
    assert_eq!(begins(Duration::from_nanos(1)), [0, 1, 3, 3_600_004]);
    assert_eq!(begins(Duration::ZERO), [0, 1, 2, 3]);
}

#[test]
fn a_child_at_its_limit_has_failed_once() {
    for has_value in [false, true] {
        let (outcome, _) = run_heard(Words::run(async |supervisor| {
            let run = if has_value { Run::Ends } else { Run::Fails };
            supervisor.spawn_restarting(Restart::always().limit(1, ms(100)), plays(Record::new(), vec![(1, run)]));
            let stats = evenkeel::finally(pending::<()>(), async |_: Option<&()>| {
                // The first run's failure, if it is one, and the child's.
                assert_eq!(supervisor.stats().failed, if has_value { 1 } else { 2 });
            });
            stats.await;
            Ok(())
        }));
        let count = outcome.unwrap_err().children().len();
        assert_eq!(count, if has_value { 1 } else { 2 });
    }
}

#[test]
fn the_limit_of_restarts_cancels_also_where_failures_are_collected() {
    let collecting = Words::builder().on_failure(OnFailure::Collect { most: 100 });
    let (outcome, heard) = run_heard(collecting.run(async |supervisor| {
        supervisor.spawn_restarting(Restart::always().limit(0, ms(1)), plays(Record::new(), vec![(1, Run::Fails)]));
        pending::<()>().await;
        Ok(())
    }));
    let error = outcome.unwrap_err();
    assert!(matches!(error.children()[1].error, Failure::RestartLimit { .. }), "{error}");
    assert!(heard.is_empty());
}

#[test]
fn a_panic_that_is_no_error_is_reported_when_only_the_errors_are_taken() {
    let (errors, heard) = run_heard(async {
        let collecting = Words::builder().on_failure(OnFailure::Collect { most: 9 });
        let outcome = collecting.run(async |supervisor| {
            supervisor.spawn(async { panic!("out of cheese") }).named("shop");
            supervisor.spawn(async { Err::<(), _>("it failed") });
            Ok(())
        });
        outcome.await.unwrap_err().into_errors()
    });
    assert_eq!((errors, heard), (vec!["it failed"], vec!["shop panicked: out of cheese".to_owned()]));
}
