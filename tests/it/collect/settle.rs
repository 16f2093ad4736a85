//! What combinators are built of: `settle`, `cancel_requested`, `open_shields`, `end_grace`.

use crate::kit::probe::{Record, panic_of, reason_of};
use evenkeel::{
    CancelReason, CancelScope, Cancelled, Executor,
    cancel::cancel_requested,
    combinator::{end_grace, open_shields, settle},
    finally,
    host::UnhandledKind,
    shield, spawn,
    task::TaskState,
    testing, yield_now,
};
use std::{cell::RefCell, future::pending, rc::Rc};

#[test]
fn settle_gives_clean_up_the_value_for_good_and_returns_what_it_says() {
    let value = testing::run(settle(async { 20 }, async |ended: Option<u32>| ended.map(|value| value + 1)));
    assert_eq!(value, 21);
}

#[test]
fn settle_may_return_a_value_though_its_scope_was_cancelled_and_the_code_goes_on_to_its_next_suspension() {
    let record = Record::new();
    let outcome = testing::run(async {
        let scope = CancelScope::new();
        let handle = scope.clone();
        let cancel = spawn(async move { handle.cancel("enough") });
        let outcome = scope
            .run(async {
                let half = settle(pending::<u32>(), async |ended: Option<u32>| {
                    yield_now().await;
                    Some(ended.unwrap_or(7))
                });
                record.add(format!("half: {}", half.await));
                pending::<()>().await;
            })
            .await;
        assert!(cancel.await.unwrap());
        outcome
    });
    assert_eq!(outcome, Err(Cancelled("enough".into())));
    assert_eq!(record.take(), ["half: 7"]);
}

#[test]
fn settle_without_a_value_never_resumes_its_code() {
    testing::run(async {
        let task = spawn(async {
            settle(pending::<()>(), async |_: Option<()>| None::<()>).await;
            unreachable!();
        });
        yield_now().await;
        task.cancel("now");
        assert_eq!(reason_of(task.await), CancelReason::from("now"));
    });
}

#[test]
fn cancel_requested_is_what_the_innermost_shield_keeps_out_and_no_more() {
    testing::run(async {
        let task = spawn(async {
            assert_eq!(cancel_requested(), None);
            shield(async {
                while cancel_requested().is_none() {
                    yield_now().await;
                }
                // Inside of another shield one is not told what is beyond this one.
                let inner = shield(async { cancel_requested() });
                assert_eq!(cancel_requested(), Some("hurry".into()));
                inner.await
            })
            .await
        });
        yield_now().await;
        task.cancel("hurry");
        assert_eq!(task.await.unwrap(), None);
    });
}

#[test]
fn cancel_requested_in_clean_up_and_in_a_scope_of_its_own_inside() {
    testing::run(async {
        let task = spawn(finally(pending::<()>(), async |_: Option<&()>| {
            assert_eq!(cancel_requested(), Some("outside".into()));
            let scope = CancelScope::new();
            scope.cancel("inside");
            assert!(scope.run(async { unreachable!() }).await.is_err());
            assert_eq!(cancel_requested(), Some("outside".into()));
        }));
        yield_now().await;
        task.cancel("outside");
        assert!(task.await.is_err());
    });
}

#[test]
fn open_shields_ends_a_shield_and_a_clean_up_that_wait_for_what_can_never_come() {
    let skipped = Rc::new(RefCell::new(0));
    let seen = skipped.clone();
    let executor = Executor::builder()
        .on_unhandled(move |what| {
            assert!(matches!(what.kind(), UnhandledKind::CleanupSkipped(_)), "{what}");
            *seen.borrow_mut() += 1;
        })
        .build();
    executor.run(async {
        let give_up = || async {
            yield_now().await;
            open_shields(None);
            pending::<()>().await;
        };
        let shielded = spawn(shield(give_up()));
        let cleaning = spawn(finally(pending::<()>(), async move |_: Option<&()>| give_up().await));
        yield_now().await;
        shielded.cancel("now");
        cleaning.cancel("now");
        assert_eq!(reason_of(shielded.await), CancelReason::from("now"));
        assert_eq!(reason_of(cleaning.await), CancelReason::from("now"));
    });
    assert_eq!(*skipped.borrow(), 2);
}

#[test]
fn open_shields_leaves_those_alone_that_stand_around_the_scope() {
    testing::run(async {
        let task = spawn(shield(async {
            let scope = CancelScope::new();
            let token = scope.token();
            scope
                .run(async {
                    open_shields(Some(&token));
                    yield_now().await;
                })
                .await
        }));
        yield_now().await;
        task.cancel("now");
        assert_eq!(task.await.unwrap(), Ok(()));
    });
}

#[test]
fn end_grace_stops_a_task_hard_and_reports_it_by_name() {
    let record = Record::new();
    let seen = record.clone();
    let executor = Executor::builder().on_unhandled(move |what| seen.add(what.to_string())).build();
    executor.run(async {
        let task = spawn(finally(pending::<()>(), async |_: Option<&()>| pending().await)).named("stubborn");
        yield_now().await;
        task.cancel("please");
        yield_now().await;
        assert_eq!(task.state(), TaskState::CleaningUp);
        end_grace(task.task_ref().unwrap());
        assert_eq!(reason_of(task.await), CancelReason::from("please"));
    });
    let reports = record.take();
    assert_eq!(reports.len(), 1);
    assert!(reports[0].contains("\"stubborn\"") && reports[0].contains("grace period"), "{}", reports[0]);
}

#[test]
fn settle_shield_and_scopes_say_what_to_do_when_polled_outside_an_executor() {
    for message in [
        panic_of(|| futures::executor::block_on(shield(async {}))),
        panic_of(|| futures::executor::block_on(finally(async {}, async |_: Option<&()>| ()))),
        panic_of(|| futures::executor::block_on(CancelScope::new().run(async {}))),
    ] {
        assert!(
            message.ends_with("was polled outside an executor: await it in a future that evenkeel::run drives"),
            "{message}"
        );
    }
}
