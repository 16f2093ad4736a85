//! Rule group_05: a panic, wherever it comes from, waits for the others and then goes on in the code that awaits the group.

use crate::kit::{
    groups::{Group, Outcome, fail, run_with_reports, spoil, stop_slowly, value},
    probe::{Record, at, ms, on_drop, panic_of, text_of},
};
use evenkeel::{Executor, Instant, JoinError, finally, shield, sleep, spawn, testing::VirtualClock, yield_now};
use futures::FutureExt;
use std::{
    future::pending,
    panic::{AssertUnwindSafe, panic_any},
};

async fn burst(after: u64, why: &'static str) {
    sleep(ms(after)).await;
    panic!("{why}")
}

/// The panic with which a group ends, and the reports.
fn panic_and_reports<T>(group: impl Future<Output = Outcome<T>>) -> (String, Vec<String>) {
    let (outcome, reports) = run_with_reports(AssertUnwindSafe(group).catch_unwind());
    (text_of(outcome.map(|_| ()).expect_err("the panic goes on")), reports)
}

fn text(panic: &str, reports: &[&str]) -> (String, Vec<String>) {
    (panic.to_owned(), reports.iter().map(|report| (*report).to_owned()).collect())
}

#[test]
fn group_05_a_childs_panic_waits_for_the_others_and_goes_on() {
    let record = Record::new();
    let ended = panic_and_reports(async {
        let _at = on_drop(|| assert_eq!(Instant::now(), at(6)));
        Group::run(async |group| {
            group.spawn(stop_slowly(record.clone(), "child", 5));
            group.spawn(burst(1, "the child"));
            let _ = stop_slowly(record.clone(), "body", 2).await;
            Ok(())
        })
        .await
    });
    assert_eq!(ended, text("the child", &[]));
    let mut record = record.take();
    assert_eq!(record.split_off(2), ["body clean", "child clean"]);
}

#[test]
fn group_05_the_bodys_panic_does_the_same() {
    let record = Record::new();
    let ended = panic_and_reports(Group::run(async |group| {
        group.spawn(stop_slowly(record.clone(), "child", 5));
        sleep(ms(1)).await;
        if group.stats().children == 1 {
            panic!("the body");
        }
        Ok(())
    }));
    assert_eq!((ended, record.take().len()), (text("the body", &[]), 2));
}

#[test]
fn group_05_further_panics_are_reported() {
    let ended = panic_and_reports(Group::run(async |group| {
        for why in ["first", "second", "third"] {
            group.spawn(burst(1, why));
        }
        Ok(())
    }));
    assert_eq!(ended, text("first", &["panic: second", "panic: third"]));
}

#[test]
fn group_05_errors_beside_it_are_reported_whether_they_came_before_or_after() {
    let ended = panic_and_reports(Group::run(async |group| {
        group.spawn(spoil(group.clone(), 2, "after"));
        group.spawn(finally(pending::<()>(), async |_: Option<&()>| burst(1, "in clean-up").await));
        group.spawn(fail(1, "before"));
        Ok(())
    }));
    assert_eq!(ended, text("in clean-up", &["error: before", "error: after"]));
}

#[test]
fn group_05_a_panic_in_the_last_poll_of_a_cancelled_child() {
    let ended = panic_and_reports(Group::run(async |group| {
        group.spawn(fail(1, "the error"));
        group.spawn(burst(1, "in the same turn"));
        Ok(())
    }));
    assert_eq!(ended, text("in the same turn", &["error: the error"]));
}

#[test]
fn group_05_panics_of_destructors() {
    // Of a child that has its value: it is one of its panics all the same.
    let ended = panic_and_reports(Group::run(async |group| {
        let bomb = on_drop(|| panic!("of what it held"));
        group.spawn(std::future::poll_fn(move |_| {
            let _ = &bomb;
            std::task::Poll::Ready(Ok::<_, &str>(3))
        }));
        Ok(())
    }));
    assert_eq!(ended, text("of what it held", &[]));
    // Of the body, when it is stopped.
    let ended = panic_and_reports(Group::run(async |group| {
        group.spawn(fail(1, "why it is stopped"));
        let _bomb = on_drop(|| panic!("of the body"));
        pending::<()>().await;
        Ok(())
    }));
    assert_eq!(ended, text("of the body", &["error: why it is stopped"]));
}

#[test]
fn group_05_a_panic_beats_a_cancellation_from_around() {
    let (outcome, reports) = run_with_reports(async {
        let task = spawn(Group::run(async |group| {
            group.spawn(finally(pending::<()>(), async |_: Option<&()>| burst(1, "in clean-up").await));
            pending::<()>().await;
            Ok(())
        }));
        yield_now().await;
        yield_now().await;
        task.cancel("from around");
        task.await
    });
    let Err(JoinError::Panicked(panic)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((panic.message(), reports.len()), ("in clean-up", 0));
}

#[test]
fn group_05_a_group_below_passes_its_panic_up() {
    let ended = panic_and_reports(Group::run(async |group| {
        group.spawn(value(9, ()));
        group.spawn_group(async |below| {
            below.spawn_group(async |deep| {
                deep.spawn(burst(1, "from the bottom"));
                Ok(())
            });
            Ok(())
        });
        Ok(())
    }));
    assert_eq!(ended, text("from the bottom", &[]));
}

#[test]
fn group_05_the_payload_is_the_one_that_was_thrown() {
    #[derive(Debug, PartialEq)]
    struct Payload(u32);
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    let outcome = executor.run(
        AssertUnwindSafe(Group::run(async |group| {
            group.spawn(finally(yield_now(), async |_: Option<&()>| panic_any(Payload(7))));
            Ok(())
        }))
        .catch_unwind(),
    );
    assert_eq!(*outcome.unwrap_err().downcast::<Payload>().unwrap(), Payload(7));
}

#[test]
fn group_05_run_goes_on_with_it_and_the_executor_is_usable() {
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    let group = Group::run(async |group| {
        group.spawn(burst(1, "out of run"));
        Ok(())
    });
    assert_eq!(panic_of(|| executor.run(group)), "out of run");
    assert_eq!(executor.run(Group::run(async |group| Ok(group.spawn(value(1, 5)).await))).unwrap(), 5);
}

#[test]
fn group_05_the_handle_of_a_child_that_panicked_says_so() {
    let ended = panic_and_reports(Group::run(async |group| {
        let mut child = group.spawn(burst(1, "the child"));
        let how = shield(async { child.outcome().await.unwrap_err().to_string() }).await;
        assert_eq!(how, "the task panicked: the child");
        Ok(())
    }));
    assert_eq!(ended, text("the child", &[]));
}

#[test]
fn fault_09_a_panic_at_each_poll_of_a_group_of_many_leaves_the_others_their_end() {
    for at in 0..6 {
        let record = Record::new();
        let ended = panic_and_reports(Group::run(async |group| {
            for child in 0..3 {
                let says = record.clone();
                group.spawn(finally(
                    async move {
                        for poll in 0..2 {
                            yield_now().await;
                            if child * 2 + poll == at {
                                panic!("at {at}");
                            }
                        }
                        pending::<()>().await
                    },
                    async move |_: Option<&()>| {
                        sleep(ms(1)).await;
                        says.add(child);
                    },
                ));
            }
            Ok(())
        }));
        let mut record = record.take();
        record.sort_unstable();
        assert_eq!((ended, record), (text(&format!("at {at}"), &[]), vec![0, 1, 2]));
    }
}
