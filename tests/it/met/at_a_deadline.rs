//! What a scope gives whose own deadline has come: whatever needs not wait, through any number of scopes and clean-up points.

use crate::kit::{
    groups::Group,
    probe::{Record, at, ms},
    scopes::{Boxed, Log, Polls, reporting},
};
use evenkeel::{
    CancelScope, Elapsed, Executor, Instant, TaskGroup,
    cancel::{Deadline, timeout_at},
    finally, finally_with, gather, interval, map_concurrent, race, scope, shield, sleep, spawn,
    sync::Queue,
    testing::{self, VirtualClock},
    time::MissedTick,
    timeout, yield_now,
};
use std::{convert::Infallible, future::pending, rc::Rc, time::Duration};

const NOW: Duration = Duration::ZERO;

/// A queue with that item in it.
fn with(item: u32) -> Rc<Queue<u32>> {
    let queue = Rc::new(Queue::unbounded());
    queue.try_put(item).unwrap();
    queue
}

async fn get(queue: Rc<Queue<u32>>) -> u32 {
    queue.get().await.unwrap()
}

type Around = fn(Boxed<'static, u32>) -> Boxed<'static, u32>;

/// Every way in which a future lies in something that can be cancelled or cleans up, and is ready when that is.
const AROUND: [(&str, Around); 14] = [
    ("nothing", |body| body),
    ("timeout", |body| Box::pin(async { timeout(ms(5), body).await.unwrap() })),
    ("timeout of no time", |body| Box::pin(async { timeout(NOW, body).await.unwrap() })),
    ("timeout_at in the past", |body| Box::pin(async { timeout_at(at(0), body).await.unwrap() })),
    ("deadline", |body| Box::pin(async { Deadline::after(ms(5)).run(body).await.unwrap() })),
    ("scope", |body| Box::pin(async { CancelScope::new().run(body).await.unwrap() })),
    ("finally", |body| Box::pin(finally(body, async |_: Option<&u32>| {}))),
    ("finally_with", |body| Box::pin(finally_with((), async |()| body.await, async |(), _: Option<&u32>| {}))),
    ("shield", |body| Box::pin(shield(body))),
    ("group", |body| Box::pin(async { TaskGroup::run(async |_: Group| Ok(body.await)).await.unwrap() })),
    ("in-place scope", |body| {
        Box::pin(async { scope(async |_: evenkeel::Scope<'_, '_, Infallible>| Ok(body.await)).await.unwrap() })
    }),
    ("gather", |body| Box::pin(async { gather((body, async {})).await.0 })),
    ("race", |body| Box::pin(async { race([body, Box::pin(pending())]).await })),
    ("map_concurrent", |body| {
        Box::pin(async {
            let mut all = map_concurrent([body], 1, async |body| body.await);
            all.next().await.unwrap()
        })
    }),
];

#[test]
fn met_d1_cancel_15_what_is_ready_is_given_through_any_two_things_around_it() {
    for (outer_name, outer) in AROUND {
        for (inner_name, inner) in AROUND {
            let (given, reports) = {
                let (executor, reports) = reporting();
                let queue = with(7);
                let body = outer(inner(Box::pin(get(queue.clone()))));
                let given = executor.run(async { timeout(NOW, body).await });
                assert!(queue.is_empty() == given.is_ok());
                (given, reports)
            };
            assert_eq!(given, Ok(7), "{outer_name} around {inner_name}");
            assert_eq!(reports.take(), [""; 0], "{outer_name} around {inner_name}");
        }
    }
}

#[test]
fn met_d1_what_is_not_ready_is_elapsed_at_once_and_polled_once() {
    for (name, around) in AROUND.into_iter().filter(|(name, _)| *name != "group") {
        testing::run(async {
            let polls = Polls::default();
            let waits = polls.pending();
            let body = around(Box::pin(async move {
                waits.await;
                0
            }));
            assert_eq!(timeout(NOW, body).await, Err(Elapsed), "{name}");
            assert_eq!((polls.count(), Instant::now()), (1, at(0)), "{name}");
        });
    }
}

/// The deadline comes in the turn in which the body goes on: what it begins then and has at once counts as well.
#[test]
fn met_d1_a_deadline_that_comes_later_gives_it_too() {
    for (name, around) in AROUND {
        testing::run(async {
            let queue = with(7);
            let body = async {
                sleep(ms(10)).await;
                around(Box::pin(get(queue))).await
            };
            assert_eq!(timeout(ms(10), body).await, Ok(7), "{name}");
        });
    }
}

#[test]
fn met_d1_code_behind_what_had_to_wait_does_not_run() {
    let log = Log::new();
    testing::run(async {
        let body = async {
            log.show(timeout(ms(5), pending::<()>()).await);
            log.show(timeout(NOW, pending::<()>()).await);
        };
        assert_eq!(timeout(NOW, body).await, Err(Elapsed));
        let body = async {
            log.show(timeout(NOW, pending::<()>()).await);
        };
        assert_eq!(timeout(NOW, body).await, Err(Elapsed));
        let cancelled = CancelScope::new();
        cancelled.cancel("before");
        assert_eq!(timeout(NOW, async { log.show(cancelled.run(async {}).await) }).await, Err(Elapsed));
    });
    assert_eq!(log.take(), [""; 0]);
}

/// Only in the one poll that the scope has left: later nothing begins, so loops end.
#[test]
fn met_d1_clean_up_that_waits_gives_its_value_and_nothing_new_begins_behind_it() {
    let log = Log::new();
    testing::run(async {
        let body = async {
            for n in 0.. {
                let step =
                    finally(async { n }, async |_: Option<&i32>| log.clean(&format!("clean-up {n}"), ms(1)).await);
                let n = step.await;
                log.say(format!("value {n}"));
                timeout(ms(5), async { log.say("begins") }).await.unwrap();
            }
        };
        assert_eq!(timeout(NOW, body).await, Err(Elapsed));
        log.say("elapsed");
    });
    assert_eq!(log.take(), ["clean-up 0 begins", "clean-up 0 ends", "value 0", "elapsed"]);
}

#[test]
fn met_d1_what_is_cancelled_from_around_or_by_hand_begins_nothing() {
    let log = Log::new();
    let body = async |log: &Log| {
        timeout(NOW, async { log.say("begins") }).await.unwrap();
        timeout(ms(5), async { log.say("begins") }).await.unwrap();
    };
    testing::run(async {
        // By hand, in the poll that is left.
        let inner = CancelScope::new();
        let handle = inner.clone();
        let by_hand = inner.run(async {
            handle.cancel("by hand");
            body(&log).await;
        });
        assert_eq!(timeout(NOW, by_hand).await, Err(Elapsed));
        // From around, whose deadline has come before.
        let around = timeout(ms(1), finally(pending::<()>(), async |_: Option<&()>| sleep(ms(1)).await));
        let inside = timeout(ms(2), async { gather((around, async { sleep(ms(3)).await })).await });
        assert_eq!(inside.await, Err(Elapsed));
        // A task that is cancelled, with a deadline in it that has come.
        let task = spawn({
            let log = log.clone();
            async move {
                let body = async {
                    yield_now().await;
                    body(&log).await;
                };
                timeout_at(Instant::now(), shield(body)).await.unwrap();
            }
        });
        task.cancel("from around");
        assert!(task.await.is_err());
    });
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn met_d1_a_childs_value_has_to_be_waited_for() {
    testing::run(async {
        let body = TaskGroup::run(async |group: Group| Ok(group.spawn(async { Ok(7) }).await));
        assert_eq!(timeout(NOW, body).await.unwrap_err(), Elapsed);
        assert_eq!(Instant::now(), at(0));
    });
}

#[test]
fn met_d1_a_lock_that_is_free_is_taken_and_one_that_is_not_is_left_alone() {
    testing::run(async {
        let lock = evenkeel::sync::Mutex::new(1);
        let held = timeout(NOW, timeout(ms(5), lock.lock())).await.unwrap().unwrap();
        assert!(timeout(NOW, timeout(ms(5), lock.lock())).await.is_err());
        drop(held);
        assert!(lock.try_lock().is_some());
    });
}

#[test]
fn met_a7_a_tick_that_is_overdue_is_given_without_time() {
    let clock = VirtualClock::new();
    Executor::builder().clock(clock.clone()).build().run(async {
        for policy in [MissedTick::Skip, MissedTick::Burst, MissedTick::Delay] {
            let mut every = interval(ms(10)).missed_tick(policy);
            let start = Instant::now();
            assert_eq!(timeout(NOW, every.tick()).await, Ok(start), "the first is due at once");
            assert_eq!(timeout(NOW, every.tick()).await, Err(Elapsed));
            clock.advance(ms(15));
            assert_eq!(timeout(NOW, timeout(ms(5), every.tick())).await, Ok(Ok(start + ms(10))), "{policy:?}");
            assert_eq!(timeout(NOW, every.tick()).await, Err(Elapsed), "{policy:?}");
            clock.advance(ms(10));
        }
    });
}

/// What gives way gives way, also when there is no time for it.
#[test]
fn met_a7_a_sleep_of_no_time_is_no_tick() {
    testing::run(async {
        assert_eq!(timeout(NOW, sleep(NOW)).await, Err(Elapsed));
        assert_eq!(timeout(NOW, yield_now()).await, Err(Elapsed));
    });
}

#[test]
fn met_a7_what_was_given_before_is_there() {
    let got = Record::new();
    testing::run(async {
        let task = spawn(async { 5 });
        sleep(ms(1)).await;
        got.add(timeout(NOW, timeout(ms(5), task)).await.unwrap().unwrap().unwrap());
        let mut slept = Box::pin(sleep(ms(1)));
        assert_eq!(timeout(NOW, &mut slept).await, Err(Elapsed));
        sleep(ms(1)).await;
        assert_eq!(timeout(NOW, timeout(ms(5), &mut slept)).await, Ok(Ok(())));
        got.add(6);
    });
    assert_eq!(got.take(), [5, 6]);
}
