//! A future that is only borrowed in what is cancelled, and outlives that: it goes on where it is polled next, and is polled.

use crate::kit::probe::{at, ms, text_of};
use evenkeel::{
    CancelReason, CancelScope, Cancelled, Elapsed, Instant, as_completed, finally, finally_with, gather,
    map_concurrent, race, scope, shield, sleep, sleep_until, spawn, testing, timeout, yield_now,
};
use evenkeel_sync::oneshot;
use futures::{
    FutureExt, StreamExt,
    future::{Shared, join, select, select_all},
    stream::FuturesUnordered,
};
use std::{
    cell::{Cell, RefCell},
    future::{Future, pending, poll_fn},
    panic::AssertUnwindSafe,
    pin::Pin,
    rc::Rc,
    time::Duration,
};

type Work = Pin<Box<dyn Future<Output = (Result<(), Elapsed>, Duration)>>>;

type Boxed = Pin<Box<dyn Future<Output = ()>>>;

/// What a future yields, and when.
fn timed(work: impl Future<Output = Result<(), Elapsed>> + 'static) -> Work {
    Box::pin(async move {
        let began = Instant::now();
        (work.await, began.elapsed())
    })
}

/// Combinators that poll a child only when it was woken.
fn polls_who_was_woken(work: Work) -> [Pin<Box<dyn Future<Output = Duration>>>; 3] {
    let shared = Rc::new(RefCell::new(Some(work)));
    let taken = move || {
        let work = shared.clone();
        async move {
            let work = work.borrow_mut().take().expect("one combinator is polled");
            let (ended, after) = work.await;
            assert_eq!(ended, Err(Elapsed));
            after
        }
    };
    let (one, two, three) = (taken.clone(), taken.clone(), taken);
    [
        Box::pin(async move {
            let mut all: FuturesUnordered<_> = [one()].into_iter().collect();
            all.next().await.expect("there is one")
        }),
        Box::pin(async move { gather((two(), yield_now())).await.0 }),
        Box::pin(async move { gather([three()]).await[0] }),
    ]
}

/// `combinators`: so many of them. Those of ours cannot be awaited again when some clean-up in them was begun.
fn ends_at(combinators: usize, make: fn() -> Work, expected: Duration) {
    for which in 0..combinators {
        let after = testing::run(async move {
            let mut borrowed = polls_who_was_woken(make()).into_iter().nth(which).expect("there are three");
            let outer = timeout(ms(5), select(borrowed.as_mut(), pending::<()>())).await;
            assert!(outer.is_err(), "{which}");
            timeout(ms(1_000), borrowed).await
        });
        assert_eq!(after, Ok(expected), "{which}");
    }
}

#[test]
fn cleanup_09_a_scope_that_stops_in_one_that_is_cancelled_and_outlives_it_says_so() {
    // Both deadlines come at once.
    ends_at(3, || timed(timeout(ms(5), pending())), ms(5));
    ends_at(1, || timed(timeout(ms(5), finally(pending::<()>(), async |_: Option<&()>| sleep(ms(2)).await))), ms(7));
}

#[test]
fn cleanup_09_a_deadline_counts_on_while_something_around_it_is_cancelled() {
    ends_at(3, || timed(timeout(ms(9), pending())), ms(9));
    ends_at(3, || timed(timeout(ms(6), timeout_in(ms(60)))), ms(6));
    // Clean-up that was begun by what is cancelled around keeps the timer.
    ends_at(1, || timed(timeout(ms(6), finally(pending::<()>(), async |_: Option<&()>| sleep(ms(3)).await))), ms(8));
}

async fn timeout_in(long: Duration) {
    let _ = timeout(long, pending::<()>()).await;
}

#[test]
fn cleanup_09_what_begins_in_a_scope_that_is_cancelled_begins_when_it_outlives_that() {
    testing::run(async {
        let mut late = Box::pin(timeout(ms(3), pending::<()>()));
        let scope = CancelScope::new();
        let token = scope.token();
        let ended = scope
            .run(async {
                token.cancel("before it begins");
                let mut all: FuturesUnordered<_> = [late.as_mut()].into_iter().collect();
                select(all.next(), pending::<()>()).await;
            })
            .await;
        assert_eq!(ended, Err(Cancelled(CancelReason::from("before it begins"))));
        assert_eq!(timeout(ms(100), late).await, Ok(Err(Elapsed)));
    });

    // The same, but what polls it lives on as well.
    let after = testing::run(async {
        let began = Instant::now();
        let mut all: FuturesUnordered<_> = [timeout(ms(3), pending::<()>())].into_iter().collect();
        let scope = CancelScope::new();
        let token = scope.token();
        let _ = scope
            .run(async {
                token.cancel("before it begins");
                select(all.next(), pending::<()>()).await;
            })
            .await;
        assert_eq!(timeout(ms(100), all.next()).await, Ok(Some(Err(Elapsed))));
        began.elapsed()
    });
    assert_eq!(after, ms(3));
}

#[test]
fn cleanup_09_what_outlives_a_cancelled_task_goes_on_in_another() {
    testing::run(async {
        let kept = Rc::new(RefCell::new(FuturesUnordered::new()));
        kept.borrow_mut().push(timeout(ms(1), pending::<()>()));
        let theirs = kept.clone();
        let mut task = spawn(async move {
            finally(
                poll_fn(|cx| theirs.borrow_mut().poll_next_unpin(cx).map(drop)),
                // By then its deadline has come, in the cancelled task.
                async |_: Option<&()>| sleep(ms(2)).await,
            )
            .await;
        });
        yield_now().await;
        task.cancel("enough");
        assert!(task.outcome().await.is_err());
        let next = poll_fn(|cx| kept.borrow_mut().poll_next_unpin(cx));
        assert_eq!(timeout(ms(100), next).await, Ok(Some(Err(Elapsed))));
    });
}

#[test]
fn cleanup_09_a_grace_period_takes_nothing_from_a_deadline() {
    let after = testing::run(async {
        let began = Instant::now();
        let scope = CancelScope::new();
        scope.set_deadline(Instant::now() + ms(20));
        scope.set_grace(ms(50));
        let mut borrowed: FuturesUnordered<_> = FuturesUnordered::new();
        borrowed.push(scope.run(async {
            finally(async { sleep(ms(4)).await }, async |_: Option<&()>| sleep(ms(4)).await).await;
            pending::<()>().await
        }));
        let outer = timeout(ms(2), select_all([Box::pin(borrowed.next())])).await;
        assert!(outer.is_err());
        let ended = timeout(ms(100), borrowed.next()).await;
        assert_eq!(ended, Ok(Some(Err(Cancelled(CancelReason::DeadlineExceeded)))));
        began.elapsed()
    });
    assert_eq!(after, ms(20));
}

/// Two futures; what is cancelled around stops the second, as the first has something to clean up.
fn cleans_up_or_not(cleans: bool) -> Boxed {
    match cleans {
        true => Box::pin(finally(pending::<()>(), async |_: Option<&()>| sleep(ms(2)).await)),
        false => Box::pin(pending()),
    }
}

/// Awaits what is made once more, when a timeout has borrowed it and is over: by itself, or among others of which only who was woken is
/// polled.
fn awaited_again(make: fn() -> Pin<Box<dyn Future<Output = usize>>>) -> [Result<usize, String>; 2] {
    [false, true].map(|is_among_others| {
        let again = move || {
            testing::run(async move {
                let mut all: FuturesUnordered<_> = [make()].into_iter().collect();
                let mut one = make();
                let outer = async {
                    match is_among_others {
                        true => all.next().await.is_some(),
                        false => one.as_mut().await > 0,
                    }
                };
                assert!(timeout(ms(5), outer).await.is_err());
                let again =
                    async { if is_among_others { all.next().await.expect("it is in there") } else { one.await } };
                timeout(ms(1_000), again).await.map_err(|Elapsed| "never polled".to_owned())
            })
        };
        std::panic::catch_unwind(again).unwrap_or_else(|payload| Err(text_of(payload)))
    })
}

#[test]
fn collect_04_what_was_stopped_in_part_says_so_when_it_is_awaited_again() {
    let says_so = |outcome: [Result<usize, String>; 2]| {
        for outcome in outcome {
            assert!(outcome.as_ref().is_err_and(|text| text.contains("was awaited again")), "{outcome:?}");
        }
    };
    says_so(awaited_again(|| Box::pin(async { gather([true, false].map(cleans_up_or_not)).await.len() })));
    says_so(awaited_again(|| Box::pin(async { race([true, false].map(cleans_up_or_not)).map(|()| 1).await })));
    says_so(awaited_again(|| {
        Box::pin(async {
            let outcome = scope::<_, (), String, _>(async |s| {
                for cleans in [true, false] {
                    drop(s.spawn(cleans_up_or_not(cleans).map(Ok)));
                }
                Ok(())
            });
            usize::from(outcome.await.is_ok())
        })
    }));
    let ends = |make| assert_eq!(awaited_again(make), [Ok(0), Ok(0)]);
    ends(|| Box::pin(as_completed([true, false].map(cleans_up_or_not)).count()));
    ends(|| Box::pin(map_concurrent([true, false], 2, cleans_up_or_not).collect().map(|all| all.len())));
}

#[test]
fn cleanup_09_what_stops_in_a_cancelled_scope_goes_on_in_that_scopes_clean_up() {
    let makes: [fn() -> Work; 3] = [
        || timed(timeout(ms(5), pending())),
        || timed(async { timeout(ms(5), timeout(ms(5), pending::<()>())).await.map(drop) }),
        || timed(async { race([timeout(ms(5), pending()), timeout(ms(9), pending())]).await }),
    ];
    for (kind, make) in makes.into_iter().enumerate() {
        let said = Rc::new(RefCell::new(None));
        let says = said.clone();
        testing::run(async move {
            let all = Rc::new(RefCell::new([make()].into_iter().collect::<FuturesUnordered<_>>()));
            let (in_body, in_clean_up) = (all.clone(), all);
            let body = async move {
                poll_fn(|cx| in_body.borrow_mut().poll_next_unpin(cx)).await;
                pending::<()>().await;
            };
            let cleaned = finally(body, async move |_: Option<&()>| {
                let next = poll_fn(|cx| in_clean_up.borrow_mut().poll_next_unpin(cx));
                *says.borrow_mut() = Some(timeout(ms(100), next).await);
            });
            assert!(timeout(ms(5), cleaned).await.is_err());
        });
        assert_eq!(said.take(), Some(Ok(Some((Err(Elapsed), ms(5))))), "{kind}");
    }
}

#[test]
fn cancel_14_a_scope_that_is_stopped_by_its_grace_period_tells_its_tokens() {
    testing::run(async {
        let scope = CancelScope::new();
        scope.set_grace(ms(3));
        let (token, waits) = (scope.token(), scope.token());
        let mut waiter = spawn(async move { waits.cancelled().await });
        let works = finally(pending::<()>(), async |_: Option<&()>| sleep(ms(50)).await);
        let mut all: FuturesUnordered<_> = [scope.run(works)].into_iter().collect();
        // Only what is around it is cancelled.
        assert!(timeout(ms(5), all.next()).await.is_err());
        let lost = CancelReason::OwnerDropped;
        assert_eq!(timeout(ms(100), all.next()).await, Ok(Some(Err(Cancelled(lost.clone())))));
        assert_eq!(token.reason(), Some(lost.clone()));
        assert_eq!(timeout(ms(100), waiter.outcome()).await.map(|outcome| outcome.unwrap()), Ok(lost));
    });
}

#[test]
fn collect_04_clean_up_that_awaits_again_what_its_body_has_used_is_told_so() {
    testing::run(async {
        let drained = finally_with(
            as_completed([true, false].map(cleans_up_or_not)),
            async |all| while all.next().await.is_some() {},
            async |mut all, _| assert_eq!(all.next().await, None),
        );
        assert!(timeout(ms(5), drained).await.is_err());
        let drained = finally_with(
            map_concurrent([true, false], 2, cleans_up_or_not),
            async |all| while all.next().await.is_some() {},
            async |mut all, _| assert_eq!(all.next().await, None),
        );
        assert!(timeout(ms(5), drained).await.is_err());
        let gathered = finally_with(
            Box::pin(gather([true, false].map(cleans_up_or_not))),
            async |all| drop(all.await),
            async |all, _| {
                let again = AssertUnwindSafe(all).catch_unwind().await;
                assert!(text_of(again.expect_err("it says so")).contains("was awaited again"));
            },
        );
        assert!(timeout(ms(5), gathered).await.is_err());
    });
}

#[test]
fn cleanup_06_a_shield_that_is_reached_again_in_another_scope_is_followed_by_another_poll() {
    for was_reached in [false, true] {
        let ended = testing::run(async move {
            let (done, told) = oneshot::channel();
            let mut work = Box::pin(shield(async {
                sleep_until(at(6)).await;
                let _ = done.send(7);
            }));
            let left = select(work.as_mut(), sleep(ms(3)).boxed_local()).map(drop);
            match was_reached {
                true => assert!(timeout(ms(1), left.then(|()| pending::<()>())).await.is_err()),
                false => left.await,
            }
            sleep_until(at(7)).await;
            // The shield ends in its first poll here, and with that the other one, which was polled before, can go on.
            timeout(ms(0), join(told, work)).await.map(|(told, ())| told)
        });
        assert_eq!(ended, Ok(Ok(7)), "{was_reached}");
    }
}

/// Polled by whoever comes.
fn shared(work: impl Future<Output = ()> + 'static) -> (Shared<Boxed>, Rc<Cell<usize>>) {
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    let mut work = Box::pin(work);
    let counted = poll_fn(move |cx| {
        count.set(count.get() + 1);
        assert!(count.get() < 1_000, "it goes to and fro");
        work.as_mut().poll(cx)
    });
    (counted.boxed_local().shared(), polls)
}

#[test]
fn cleanup_10_clean_up_that_is_shared_does_not_go_to_and_fro_between_those_who_are_cancelled() {
    let works: [fn() -> Boxed; 3] = [
        || Box::pin(shield(sleep(ms(50)))),
        || Box::pin(timeout(ms(80), shield(sleep(ms(50)))).map(drop)),
        || Box::pin(race([shield(sleep(ms(50)))])),
    ];
    for (kind, work) in works.into_iter().enumerate() {
        for way in 0..4 {
            let (polls, after) = testing::run(async move {
                let began = Instant::now();
                let (one, polls) = shared(work());
                let (two, three) = (one.clone(), one.clone());
                match way {
                    0 => drop(futures::join!(timeout(ms(1), one), timeout(ms(1), two), timeout(ms(1), three))),
                    1 => drop(gather([one, two, three].map(|one| timeout(ms(1), one))).await),
                    // In one scope only, and the others beside it.
                    2 => drop(futures::join!(timeout(ms(1), one), two, three)),
                    _ => {
                        let mut tasks = [one, two, three].map(spawn);
                        sleep(ms(1)).await;
                        tasks.iter().for_each(|task| task.cancel("enough"));
                        for task in &mut tasks {
                            let _ = task.outcome().await;
                        }
                    }
                }
                (polls.get(), began.elapsed())
            });
            assert!(polls < 60 && after == ms(50), "kind {kind}, way {way}: {polls} polls, {after:?}");
        }
    }
}
