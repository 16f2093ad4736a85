//! What children may yield: values, errors, nothing, or nothing ever.

use crate::kit::{probe::at, probe::ms};
use evenkeel::{CancelReason, GroupError, Instant, TaskGroup, run, scope, sleep, testing, yield_now};
use futures::FutureExt;
use std::{cell::Cell, convert::Infallible, panic::AssertUnwindSafe, rc::Rc};

#[test]
fn met_c2_a_child_of_a_group_may_never_end() {
    testing::run(async {
        let beats = Rc::new(Cell::new(0));
        let count = beats.clone();
        let outcome = TaskGroup::<&str>::run(async |group| {
            let heart = group.spawn(async move {
                loop {
                    sleep(ms(10)).await;
                    count.set(count.get() + 1);
                }
            });
            sleep(ms(35)).await;
            heart.cancel("enough");
            Ok(())
        });
        outcome.await.unwrap();
        assert_eq!((beats.get(), Instant::now()), (3, at(35)));
    });
}

#[test]
fn met_c2_so_may_what_runs_in_the_background_and_what_is_started() {
    testing::run(async {
        let outcome = TaskGroup::<&str>::run(async |group| {
            group.spawn_background(async {
                loop {
                    yield_now().await;
                    sleep(ms(10)).await;
                }
            });
            // One that may fail has a type: what is in the background yields nothing else.
            group.spawn_background(async {
                loop {
                    sleep(ms(10)).await;
                    std::future::ready(Ok::<_, &str>(())).await?;
                }
            });
            let (port, server) = group
                .start(async |ready| {
                    ready.set(80);
                    loop {
                        sleep(ms(10)).await;
                    }
                })
                .await;
            server.cancel("it has served");
            Ok(port)
        });
        assert_eq!(outcome.await.unwrap(), 80);
        assert_eq!(Instant::now(), at(0));
    });
}

#[test]
fn met_c2_a_child_may_end_in_a_panic() {
    testing::run(async {
        let group = TaskGroup::<&str>::run(async |group| {
            group.spawn(async { panic!("by design") });
            group.spawn(async { panic!("by another") });
            Ok(())
        });
        let payload = AssertUnwindSafe(group).catch_unwind().await.unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"by design"));
        let scope = scope(async |s| {
            s.spawn(async { panic!("by design") });
            Ok::<_, String>(())
        });
        let payload = AssertUnwindSafe(scope).catch_unwind().await.unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"by design"));
    });
}

#[test]
fn met_c2_a_scope_takes_what_a_group_takes() {
    testing::run(async {
        let beats = Cell::new(0);
        let outcome: Result<i32, GroupError<&str>> = scope(async |s| {
            let heart = s.spawn(async {
                loop {
                    sleep(ms(10)).await;
                    beats.set(beats.get() + 1);
                }
            });
            let quiet = s.spawn(async { sleep(ms(5)).await });
            let value = s.spawn(async { Ok(7) });
            quiet.await;
            sleep(ms(30)).await;
            heart.cancel("enough");
            Ok(value.await)
        })
        .await;
        assert_eq!((outcome.unwrap(), beats.get()), (7, 3));
    });
}

#[test]
fn met_c2_a_handle_of_what_never_ends_says_how_it_was_stopped() {
    let outcome = run(TaskGroup::<Infallible>::run(async |group| {
        let mut endless = group.spawn(async {
            loop {
                yield_now().await;
            }
        });
        endless.cancel("enough");
        let outcome: Result<Infallible, _> = endless.outcome().await;
        Ok(outcome.unwrap_err())
    }));
    assert_eq!(crate::kit::probe::reason_of::<()>(Err(outcome.unwrap())), CancelReason::from("enough"));
}

#[test]
fn met_c2_a_group_in_which_nothing_fails_names_infallible() {
    let sum = run(TaskGroup::<Infallible>::run(async |group| {
        let total = Rc::new(Cell::new(0));
        for n in 1..4 {
            let total = total.clone();
            group.spawn(async move { total.set(total.get() + n) });
        }
        yield_now().await;
        Ok(total.get())
    }));
    assert_eq!(sum.unwrap(), 6);
}
