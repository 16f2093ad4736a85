//! Children are inside their group also when its future is gone.

use crate::kit::{
    groups::{Group, run_with_reports, value},
    probe::{Record, on_drop},
};
use evenkeel::{JoinError, shield, spawn, yield_now};
use std::{
    cell::RefCell,
    future::{Future, pending},
    rc::Rc,
};

/// Polls a future until it has begun what it spawns, and then gets rid of it in one of several ways.
async fn got_rid_of(how: &str, work: impl Future + 'static) {
    let pause = async || {
        for _ in 0..5 {
            yield_now().await;
        }
    };
    match how {
        "lost a foreign race" => drop(futures::future::select(Box::pin(work), Box::pin(pause())).await),
        "aborted" => {
            let task = spawn(async move { drop(work.await) });
            pause().await;
            task.abort();
            let _ = task.await;
        }
        "dropped" => {
            let mut work = Box::pin(work);
            assert!(futures::poll!(work.as_mut()).is_pending());
            pause().await;
        }
        _ => {
            let task = spawn(async move { drop(work.await) });
            pause().await;
            drop(task);
        }
    }
    pause().await;
}

const ENDS: [&str; 4] = ["lost a foreign race", "aborted", "dropped", "its owner dropped"];

/// What is reported when `work` goes, but for the clean-up that it skips.
fn reports_when_gone(how: &str, work: impl Future + 'static) -> Vec<String> {
    let ((), mut reports) = run_with_reports(got_rid_of(how, work));
    reports.retain(|report| report != "skipped");
    reports
}

#[test]
fn group_04_a_child_that_awaits_a_sibling_is_inside_its_group_also_when_its_future_is_gone() {
    for how in ENDS {
        let record = Record::new();
        let says = record.clone();
        let reports = reports_when_gone(
            how,
            Group::run(async move |group| {
                let first = group.spawn(value(1000, 1));
                group.spawn(async move {
                    let _after = on_drop(move || says.add("stopped"));
                    Ok(shield(first).await + 1)
                });
                pending::<()>().await;
                Ok(())
            }),
        );
        assert_eq!((reports, record.take()), (Vec::<String>::new(), vec!["stopped"]), "{how}");
    }
}

#[test]
fn group_04_a_child_that_starts_a_sibling_is_inside_its_group_also_when_its_future_is_gone() {
    for how in ENDS {
        let reports = reports_when_gone(
            how,
            Group::run(async move |group| {
                let inside = group.clone();
                group.spawn(async move {
                    shield(inside.start(async |ready| {
                        let _never: evenkeel::group::ReadySignal<u8> = ready;
                        pending::<Result<(), &str>>().await
                    }))
                    .await;
                    Ok::<_, &str>(())
                });
                pending::<()>().await;
                Ok(())
            }),
        );
        assert_eq!(reports, Vec::<String>::new(), "{how}");
    }
}

#[test]
fn group_04_a_child_of_a_group_below_is_inside_too_when_both_futures_are_gone() {
    for how in ENDS {
        let reports = reports_when_gone(
            how,
            Group::run(async move |group| {
                let first = group.spawn(value(1000, 1));
                group.spawn_group(async move |below| {
                    below.spawn_group(async move |lowest| {
                        lowest.spawn(async move { Ok(shield(first).await + 1) });
                        pending::<()>().await;
                        Ok(())
                    });
                    pending::<()>().await;
                    Ok(())
                });
                pending::<()>().await;
                Ok(())
            }),
        );
        assert_eq!(reports, Vec::<String>::new(), "{how}");
    }
}

/// Outside it is an error of the program's, whether the group's future is there or not.
#[test]
fn group_04_whoever_is_outside_is_told_so_also_when_the_groups_future_is_gone() {
    for is_gone in [false, true] {
        let ((), reports) = run_with_reports(async move {
            let handle = Rc::new(RefCell::new(None));
            let gives = handle.clone();
            let group = spawn(Group::run(async move |group| {
                *gives.borrow_mut() = Some(group.spawn(value(1000, 1)));
                pending::<()>().await;
                Ok(())
            }));
            yield_now().await;
            yield_now().await;
            let child = handle.take().expect("the body has begun");
            if is_gone {
                group.abort();
            } else {
                child.cancel("on its own");
            }
            let outcome = spawn(child).await;
            let Err(JoinError::Panicked(panic)) = outcome else { panic!("{outcome:?}") };
            assert!(panic.message().starts_with("a child's value was awaited outside its group"), "{panic}");
        });
        assert_eq!(reports, Vec::<String>::new());
    }
}
