//! Clean-up points in the branches of combinators that know nothing of them.

use crate::kit::{
    probe::ms,
    scopes::{Boxed, Log, reporting},
};
use evenkeel::{CancelScope, finally, shield, sleep, spawn, timeout, yield_now};
use futures::{
    FutureExt,
    future::{join, join_all, join3, select_all, try_join_all},
    stream::{FuturesOrdered, FuturesUnordered, StreamExt},
};
use std::future::pending;

/// A point, with another in its body, that say so when they are cleaned up.
fn nested<'a>(log: &'a Log, n: usize) -> Boxed<'a> {
    Box::pin(async move {
        let inner = finally(pending::<()>(), async |_: Option<&()>| {
            yield_now().await;
            log.say(format!("inner {n}"));
        });
        finally(inner, async |_: Option<&()>| {
            sleep(ms(1)).await;
            log.say(format!("outer {n}"));
        })
        .await;
        log.say("never");
    })
}

/// Wraps `count` points by `wrap`, cancels them, and looks whether all of them were cleaned up, each after what is in it.
fn check(count: usize, wrap: impl for<'a> AsyncFnOnce(Vec<Boxed<'a>>)) {
    let (executor, reports) = reporting();
    let log = Log::new();
    executor.run(async {
        let all = (0..count).map(|n| nested(&log, n)).collect();
        let ended = timeout(ms(1), wrap(all)).await;
        assert!(ended.is_err());
    });
    let got = log.take();
    for n in 0..count {
        let place = |what: &str| got.iter().position(|text| *text == format!("{what} {n}"));
        assert!(place("inner").is_some() && place("inner") < place("outer"), "{n}: {got:?}");
    }
    assert_eq!((got.len(), reports.take()), (2 * count, vec![]));
}

#[test]
fn cancel_10_in_join() {
    check(3, async |mut all| {
        let (a, b, c) = (all.remove(0), all.remove(0), all.remove(0));
        join3(a, b, c).await;
    });
    check(2, async |mut all| {
        futures::join!(all.remove(0), all.remove(0));
    });
}

#[test]
fn cancel_10_in_join_all() {
    for count in [1, 30, 31, 100] {
        check(count, async |all| drop(join_all(all).await));
    }
}

#[test]
fn cancel_10_in_try_join_all() {
    check(40, async |all| drop(try_join_all(all.into_iter().map(|one| one.map(Ok::<_, ()>))).await));
}

#[test]
fn cancel_10_in_select_all() {
    check(100, async |all| drop(select_all(all).await));
}

#[test]
fn cancel_10_in_futures_unordered_and_ordered() {
    check(100, async |all| all.into_iter().collect::<FuturesUnordered<_>>().for_each(async |()| ()).await);
    check(100, async |all| all.into_iter().collect::<FuturesOrdered<_>>().for_each(async |()| ()).await);
    check(100, async |all| {
        let stream = futures::stream::iter(all);
        stream.for_each_concurrent(None, |one| one).await;
    });
}

#[test]
fn cancel_10_in_select() {
    check(2, async |mut all| {
        futures::select! {
            () = all.remove(0).fuse() => {}
            () = all.remove(0).fuse() => {}
        }
    });
}

#[test]
fn cancel_10_in_boxed_nests_of_all_of_these() {
    check(96, async |all| {
        let mut all = all.into_iter();
        let mut take = |n: usize| all.by_ref().take(n).collect::<Vec<_>>();
        let crowd = async |crowd: Vec<Boxed<'_>>| crowd.into_iter().collect::<FuturesUnordered<_>>().count().await;
        let (one, two, three, mut four) = (take(32), take(32), take(31), take(1));
        let first: Boxed<'_> = Box::pin(async { drop(join(crowd(one), select_all(two)).await) });
        let second: Boxed<'_> = Box::pin(async { drop(CancelScope::new().run(join_all(three)).await) });
        let third: Boxed<'_> = Box::pin(async { timeout(ms(99), four.remove(0)).await.unwrap_or(()) });
        let nest: FuturesUnordered<Boxed<'_>> = [first, second, third].into_iter().collect();
        let boxed: Boxed<'_> = Box::pin(nest.for_each(async |()| ()));
        drop(select_all([boxed, Box::pin(pending())]).await);
    });
}

#[test]
fn cancel_10_points_that_joined_later_are_reached_too() {
    check(50, async |mut all| {
        let mut crowd = FuturesUnordered::new();
        crowd.extend(all.drain(..20));
        assert!(futures::poll!(crowd.next()).is_pending());
        crowd.extend(all);
        while crowd.next().await.is_some() {}
    });
}

#[test]
fn cancel_10_points_behind_shields_are_reached_when_these_open() {
    let (executor, reports) = reporting();
    let log = Log::new();
    executor.run(async {
        let crowd = (0..40).map(|n| {
            let log = &log;
            async move {
                shield(sleep(ms(n % 4))).await;
                nested(log, n as usize).await;
            }
        });
        let crowd = crowd.collect::<FuturesUnordered<_>>();
        assert!(timeout(ms(1), crowd.for_each(async |()| ())).await.is_err());
    });
    // Where the shield was open at the end, the outer point is new in a cancelled scope, and so is the inner one.
    assert_eq!((log.take().len(), reports.take()), (80, vec![]));
}

#[test]
fn cancel_10_in_a_task_whose_root_scope_is_cancelled() {
    let (executor, reports) = reporting();
    let log = Log::new();
    let says = log.clone();
    executor.run(async {
        let task = spawn(async move {
            let crowd = (0..100).map(|n| nested(&says, n)).collect::<FuturesUnordered<_>>();
            crowd.for_each(async |()| ()).await;
        });
        yield_now().await;
        task.cancel("x");
        assert!(task.await.is_err());
    });
    assert_eq!((log.take().len(), reports.take()), (200, vec![]));
}
