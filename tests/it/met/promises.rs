//! What texts promise, in the cases in which they once promised more.

use crate::kit::probe::{Record, ms};
use evenkeel::{
    CancelScope, JoinError, as_completed, cancel::Deadline, current_task, finally, run, sleep, spawn, testing,
    yield_now,
};
use std::future::{pending, ready};

#[test]
fn met_c9_a_scope_cancelled_by_its_own_code_passes_what_is_ready_and_stops_where_it_waits() {
    let record = Record::new();
    let says = record.clone();
    run(async {
        let scope = CancelScope::new();
        let inside = &scope;
        let cancelled = scope.run(async move {
            inside.cancel("enough");
            says.add("asked");
            ready(()).await;
            says.add("passed");
            pending::<()>().await;
            says.add("never");
        });
        assert!(cancelled.await.is_err());
    });
    assert_eq!(record.take(), ["asked", "passed"]);
}

#[test]
fn met_c9_a_task_that_cancels_itself_passes_what_is_ready_and_stops_where_it_waits() {
    let record = Record::new();
    let says = record.clone();
    let outcome = run(async move {
        let task = spawn(async move {
            current_task().cancel("enough");
            ready(()).await;
            says.add("passed");
            pending::<()>().await;
            says.add("never");
        });
        task.await
    });
    assert!(matches!(outcome, Err(JoinError::Cancelled(_))));
    assert_eq!(record.take(), ["passed"]);
}

#[test]
fn met_c9_a_deadline_has_expired_though_a_value_came_of_it() {
    testing::run(async {
        let deadline = Deadline::after(ms(10));
        let saved = deadline.run(finally(sleep(ms(10)), async |_: Option<&()>| sleep(ms(5)).await)).await;
        assert_eq!((saved, deadline.expired()), (Ok(()), true));
        // What ends before it does not.
        let deadline = Deadline::after(ms(10));
        assert_eq!((deadline.run(sleep(ms(9))).await, deadline.expired()), (Ok(()), false));
        // And what waits on has no value.
        let deadline = Deadline::after(ms(10));
        assert!(deadline.run(pending::<()>()).await.is_err() && deadline.expired());
    });
}

#[test]
fn met_c9_tasks_whose_failures_are_looked_at_one_by_one_outlive_a_panic() {
    let ends = run(async {
        let tasks = (0..3).map(|n| {
            spawn(async move {
                for _ in 0..n {
                    yield_now().await;
                }
                if n == 1 {
                    panic!("one of three");
                }
                if n == 0 { Err("failed") } else { Ok(n) }
            })
        });
        let mut ends = Vec::new();
        let mut completed = as_completed(tasks);
        while let Some(end) = completed.next().await {
            ends.push(match end {
                Ok(Ok(n)) => format!("{n}"),
                Ok(Err(error)) => error.to_owned(),
                Err(JoinError::Panicked(_)) => "panicked".to_owned(),
                Err(other) => other.to_string(),
            });
        }
        ends
    });
    assert_eq!(ends, ["failed", "panicked", "2"]);
}
