//! Timeouts and deadlines.

use crate::kit::{
    probe::{HandClock, HandPark, at, ms, on_drop},
    scopes::{Log, Polls, poll_slot},
};
use evenkeel::{
    CancelScope, Elapsed, Executor, Instant,
    cancel::{Deadline, timeout_at},
    finally, sleep, sleep_until, spawn, testing, timeout, yield_now,
};
use std::{cell::RefCell, future::pending, rc::Rc, task::Poll, time::Duration};

#[test]
fn timeout_it_returns_elapsed_at_its_deadline_and_not_before() {
    testing::run(async {
        assert_eq!(timeout(ms(5), pending::<()>()).await, Err(Elapsed));
        assert_eq!(Instant::now(), at(5));
        assert_eq!(timeout_at(at(9), pending::<()>()).await, Err(Elapsed));
        assert_eq!(Instant::now(), at(9));
        assert_eq!(timeout_at(at(9), async { 1 }).await, Ok(1));
    });
}

#[test]
fn timeout_it_returns_elapsed_only_for_its_own_deadline() {
    let log = Log::new();
    testing::run(async {
        let scope = CancelScope::new();
        let body = async { log.show(timeout(ms(5), pending::<()>()).await) };
        let told = async { (sleep(ms(1)).await, scope.cancel("x")).1 };
        let (ended, _) = futures::join!(scope.run(body), told);
        log.show(ended);
    });
    assert_eq!(log.take(), [r#"Err(Cancelled(Requested("x")))"#]);
}

#[test]
fn timeout_of_two_that_have_expired_together_only_the_outermost_returns() {
    for (outer, inner) in [(5, 5), (5, 3), (3, 5)] {
        let log = Log::new();
        let clock = HandClock::default();
        let park = {
            let clock = clock.clone();
            // The loop was busy for so long that both are over.
            HandPark::new(move |_| clock.set(ms(100)))
        };
        Executor::builder().clock(clock).park(park).build().run(async {
            let body = async { log.show(("inner", timeout(ms(inner), pending::<()>()).await)) };
            log.show(("outer", timeout(ms(outer), body).await));
        });
        assert_eq!(log.take(), [r#"("outer", Err(Elapsed))"#]);
    }
}

#[test]
fn timeout_an_inner_one_that_expires_alone_returns() {
    testing::run(async {
        let body = async { (timeout(ms(3), pending::<()>()).await, Instant::now()) };
        assert_eq!(timeout(ms(5), body).await, Ok((Err(Elapsed), at(3))));
    });
}

#[test]
fn timeout_an_outer_one_that_expires_during_the_inner_ones_clean_up_waits_for_it() {
    let log = Log::new();
    testing::run(async {
        let cleans = finally(pending::<()>(), async |_: Option<&()>| log.clean("clean-up", ms(10)).await);
        let body = async { log.show(timeout(ms(3), cleans).await) };
        log.show(timeout(ms(5), body).await);
        assert_eq!(Instant::now(), at(13));
    });
    assert_eq!(log.take(), ["clean-up begins", "clean-up ends", "Err(Elapsed)"]);
}

#[test]
fn timeout_a_body_that_completes_at_the_deadlines_turn_returns_its_value() {
    testing::run(async {
        assert_eq!(timeout_at(at(5), sleep_until(at(5))).await, Ok(()));
        // The other timer is the older one.
        let mut early = sleep_until(at(9));
        assert!(futures::poll!(&mut early).is_pending());
        assert_eq!(timeout_at(at(9), early).await, Ok(()));
        let deadline = Deadline::at(at(12));
        let body = Polls::default().of(|n, _| if n == 2 { Poll::Ready(n) } else { Poll::Pending });
        assert_eq!(deadline.run(body).await, Ok(2));
    });
}

#[test]
fn timeout_saturates_to_never() {
    testing::run(async {
        let both = timeout(Duration::MAX, timeout_at(Instant::NEVER, sleep(ms(1_000_000))));
        assert_eq!(both.await, Ok(Ok(())));
    });
}

#[test]
fn timeout_counts_from_the_first_poll() {
    testing::run(async {
        let deadline = Deadline::after(ms(5));
        let body = deadline.run(pending::<()>());
        sleep(ms(100)).await;
        assert_eq!(deadline.when(), None);
        assert_eq!(body.await, Err(Elapsed));
        assert_eq!((Instant::now(), deadline.when(), deadline.expired()), (at(105), Some(at(105)), true));
    });
}

#[test]
fn timeout_a_deadline_can_be_moved_from_inside_and_outside_sooner_later_and_away() {
    for (to, end) in [(Some(at(2)), at(2)), (Some(at(50)), at(50)), (None, at(99)), (Some(at(1)), at(1))] {
        for inside in [false, true] {
            testing::run(async {
                let deadline = Deadline::after(ms(5));
                let mover = deadline.clone();
                let moves = async move {
                    sleep(ms(1)).await;
                    assert!(mover.reschedule(to));
                };
                let body = async { sleep_until(at(99)).await };
                let ended = if inside {
                    let both = async { futures::join!(moves, body).1 };
                    deadline.run(both).await
                } else {
                    let other = spawn(moves);
                    let ended = deadline.run(body).await;
                    other.await.unwrap();
                    ended
                };
                assert_eq!(Instant::now(), end);
                assert_eq!(ended, if to.is_none() { Ok(()) } else { Err(Elapsed) });
                assert_eq!(deadline.expired(), to.is_some());
                assert!(!deadline.reschedule(None), "it has ended");
            });
        }
    }
}

#[test]
fn timeout_a_deadline_that_was_never_may_be_set_later() {
    testing::run(async {
        let deadline = Deadline::never();
        let mover = deadline.clone();
        let other = spawn(async move { (sleep(ms(3)).await, mover.reschedule(Some(at(7)))).1 });
        assert_eq!(deadline.run(pending::<()>()).await, Err(Elapsed));
        assert_eq!((Instant::now(), other.await.unwrap()), (at(7), true));
    });
}

#[test]
fn timeout_moving_it_again_and_again_keeps_it_alive() {
    testing::run(async {
        let deadline = Deadline::after(ms(5));
        let feed = deadline.clone();
        let body = async move {
            for _ in 0..10 {
                sleep(ms(4)).await;
                assert!(feed.reschedule(Some(Instant::now() + ms(5))));
            }
            pending::<()>().await
        };
        assert_eq!(deadline.run(body).await, Err(Elapsed));
        assert_eq!(Instant::now(), at(45));
    });
}

#[test]
fn timeout_one_that_does_not_fire_leaves_no_timer() {
    let executor = Executor::builder().clock(testing::VirtualClock::new()).build();
    executor.run(async { timeout(ms(100_000), yield_now()).await.unwrap() });
    assert_eq!(executor.next_deadline(), None);
}

#[test]
fn timeout_one_that_has_moved_to_another_executor_fires_there() {
    let clock = HandClock::default();
    let build = || Executor::builder().clock(clock.clone()).build();
    let (here, there) = (build(), build());
    let slot = Rc::new(RefCell::new(Some(Box::pin(timeout(ms(5), pending::<()>())) as _)));
    let (one, two) = (slot.clone(), slot.clone());
    here.spawn(async move { poll_slot(&one).await }).detach();
    here.run_until_stalled();
    clock.set(ms(3));
    let mut second = there.spawn(async move { poll_slot(&two).await });
    there.run_until_stalled();
    assert_eq!((here.next_deadline(), there.next_deadline()), (None, Some(at(5))));
    drop(here);
    clock.set(ms(5));
    there.run_until_stalled();
    there.run_until_stalled();
    assert_eq!(second.take_result().unwrap().unwrap(), Err(Elapsed));
}

#[test]
fn timeout_the_body_is_dropped_before_it_returns() {
    let log = Log::new();
    testing::run(async {
        let guard = on_drop(|| log.say("dropped"));
        let body = async move { (pending::<()>().await, guard).0 };
        log.show(timeout(ms(1), body).await);
    });
    assert_eq!(log.take(), ["dropped", "Err(Elapsed)"]);
}

#[test]
fn timeout_elapsed_converts_into_an_io_error() {
    assert_eq!(std::io::Error::from(Elapsed).kind(), std::io::ErrorKind::TimedOut);
}
