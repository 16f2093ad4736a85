//! Supervisors and groups in each other.

use super::{Words, run_heard};
use crate::kit::{
    groups::{fail, stop_slowly, stuck},
    probe::{Record, ms},
};
use evenkeel::{
    Supervisor, TaskGroup,
    group::{OnFailure, Restart},
    sleep,
};
use std::future::pending;

#[test]
fn in_a_plain_group_failures_before_a_restart_are_reported_and_the_last_one_is_the_groups() {
    let record = Record::new();
    let (outcome, heard) = run_heard(TaskGroup::<&str>::run(async |group| {
        group.spawn(stuck(record.clone(), "sibling"));
        let restart = Restart::on_failure().limit(1, ms(1_000));
        group.spawn_restarting(restart, async || Err::<(), _>("it failed")).named("child");
        pending::<()>().await;
        Ok(())
    }));
    assert_eq!(outcome.unwrap_err().into_errors(), ["it failed"]);
    assert_eq!(
        (record.take(), heard),
        (vec!["sibling stopped".to_owned()], vec!["child once more: it failed".to_owned()])
    );
}

#[test]
fn a_supervisor_in_a_group_in_a_supervisor() {
    let record = Record::new();
    let (outcome, heard) = run_heard(Words::run(async |outer| {
        outer.spawn(stop_slowly(record.clone(), "outer", 1)).named("outer");
        outer
            .spawn_group(async |group| {
                group.spawn(fail(5, "the group's child")).named("middle");
                group.spawn_supervisor(OnFailure::Report, async |inner| {
                    inner.spawn(fail(1, "the innermost")).named("innermost");
                    pending::<()>().await;
                    Ok(())
                });
                Ok(())
            })
            .named("group");
        sleep(ms(10)).await;
        outer.cancel("enough");
        Ok(())
    }));
    // The group has failed, and its supervisor was cancelled with it; the outer one went on.
    outcome.unwrap();
    assert_eq!(record.take(), ["outer cleans", "outer clean"]);
    assert_eq!(heard[0], "innermost: the innermost");
    assert!(heard[1].starts_with("group: 1 error in a task group\n└─ middle ("), "{heard:?}");
    assert_eq!(heard.len(), 2);
}

/// What Erlang calls `one_for_all`.
#[test]
fn one_for_all_is_a_restarting_child_that_runs_a_group() {
    let begins = Record::new();
    let says = begins.clone();
    let (outcome, heard) = run_heard(Supervisor::<String>::run(async move |supervisor| {
        let pair = supervisor.spawn_restarting(Restart::on_failure(), async move || {
            let round = begins.len();
            let outcome = TaskGroup::<String>::run(async |group| {
                begins.add("a");
                group.spawn(async move { if round == 0 { Err("a failed".to_owned()) } else { Ok(()) } });
                begins.add("b");
                group.spawn(sleep(ms(3)));
                Ok(())
            });
            outcome.await.map_err(|error| error.to_string())
        });
        pair.await;
        Ok(())
    }));
    outcome.unwrap();
    assert_eq!((says.take(), heard.len()), (vec!["a", "b", "a", "b"], 1));
}
