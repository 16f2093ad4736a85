//! What asyncio does otherwise, and is kept: the rows of the book's differences say why.

use crate::kit::{
    groups::{Group, stuck},
    probe::{Record, ms, reason_of},
    scopes::Log,
};
use evenkeel::{
    CancelScope, Elapsed, Executor, TaskGroup, finally, gather, race, scope, shield, sleep, spawn,
    sync::Event,
    testing::{self, VirtualClock},
    timeout, yield_now,
};
use std::{convert::Infallible, future::pending, rc::Rc};

#[test]
fn met_d4_children_are_cancelled_while_the_body_still_cleans_up() {
    let record = Record::new();
    testing::run(async {
        let body = TaskGroup::run(async |group: Group| {
            group.spawn(stuck(record.clone(), "child"));
            finally(pending::<()>(), async |_: Option<&()>| {
                record.add("body cleans".to_owned());
                sleep(ms(10)).await;
                record.add("body clean".to_owned());
            })
            .await;
            Ok(())
        });
        assert!(matches!(timeout(ms(5), body).await, Err(Elapsed)));
    });
    assert_eq!(record.take(), ["body cleans", "child stopped", "body clean"]);
}

#[test]
fn met_d4_what_is_ready_when_main_ends_is_not_run_any_more() {
    let log = Log::new();
    let says = log.clone();
    Executor::builder().clock(VirtualClock::new()).run(async move {
        let event = Rc::new(Event::new());
        for steps in [1, 2] {
            let (event, says) = (event.clone(), says.clone());
            spawn(async move {
                event.wait().await;
                says.say(format!("{steps}: woken before"));
                for _ in 1..steps {
                    yield_now().await;
                    says.say("never");
                }
            })
            .detach();
        }
        yield_now().await;
        event.set();
        spawn(async move { says.say("never starts") }).detach();
    });
    // Their last poll, in which a result that was there counts.
    assert_eq!(log.take(), ["1: woken before", "2: woken before"]);
}

/// Begins something that would have its value at once.
async fn begin(which: usize, log: &Log) {
    match which {
        0 => drop(timeout(ms(5), async { log.say("timeout") }).await),
        1 => drop(CancelScope::new().run(async { log.say("scope") }).await),
        2 => drop(
            TaskGroup::run(async |_: Group| {
                log.say("group");
                Ok(())
            })
            .await,
        ),
        3 => drop(
            scope(async |_: evenkeel::Scope<'_, '_, Infallible>| {
                log.say("in-place scope");
                Ok(())
            })
            .await,
        ),
        4 => drop(gather([async { log.say("gather") }]).await),
        _ => race([async { log.say("race") }]).await,
    }
}

#[test]
fn met_d4_in_cancelled_code_nothing_starts_its_body() {
    for which in 0..6 {
        let log = Log::new();
        let says = log.clone();
        testing::run(async {
            // A scope that its own code has cancelled.
            let cancelled = CancelScope::new();
            let body = async {
                cancelled.cancel("stop");
                begin(which, &log).await;
            };
            assert!(cancelled.run(body).await.is_err());
            // A task that is cancelled, behind a shield.
            let too = says.clone();
            let task = spawn(async move {
                shield(sleep(ms(1))).await;
                begin(which, &too).await;
            });
            yield_now().await;
            task.cancel("stop");
            assert_eq!(reason_of(task.await), "stop".into());
        });
        assert_eq!(log.take(), [""; 0], "{which}");
        // In clean-up everything works.
        testing::run(async {
            let task = spawn({
                let log = log.clone();
                finally(pending::<()>(), async move |_: Option<&()>| begin(which, &log).await)
            });
            yield_now().await;
            task.cancel("stop");
            assert!(task.await.is_err());
        });
        assert!(!log.take().is_empty(), "{which}");
    }
}
