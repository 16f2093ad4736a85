//! `gather`, `race`, `as_completed` and `map_concurrent`: futures in place, and the row that they lie in.

use crate::tools::{DropGuard, Drops, all_ops, is_pending, leave_waker, my_waker, on_drop, panic_of};
use evenkeel_executor::{
    Executor, TaskLocal,
    combinator::{PinnedRow, WakeSet},
    finally, run, yield_now,
};
use evenkeel_taskgroup::{as_completed, first_ok, gather, map_concurrent, race, scope, try_gather};
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// Borrows from itself.
async fn walks_along_itself(n: usize) -> usize {
    let mut row = [0; 3];
    for at in &mut row {
        yield_now().await;
        *at += n;
    }
    row.iter().sum()
}

#[test]
fn futures_that_borrow_from_themselves_stay_where_they_are() {
    run(async {
        assert_eq!(gather((0..5).map(walks_along_itself)).await, [0, 3, 6, 9, 12]);
        assert_eq!(gather((walks_along_itself(1), async { "two" })).await, (3, "two"));
        assert_eq!(race((pending(), walks_along_itself(2), walks_along_itself(1))).await, 6);
        // These are moved while they run.
        let mut several = as_completed([1, 2].map(walks_along_itself));
        several.push(walks_along_itself(3));
        assert!(poll_fn(|cx| Poll::Ready(Pin::new(&mut Box::pin(several.next())).poll(cx).is_pending())).await);
        let mut moved = Box::new(several);
        for n in 4..9 {
            moved.push(walks_along_itself(n));
        }
        let mut sum = 0;
        while let Some(n) = moved.next().await {
            sum += n;
        }
        assert_eq!(sum, 3 * 36);
        let mut mapped = map_concurrent(0..7, 3, walks_along_itself);
        assert_eq!(mapped.next().await, Some(0));
        let moved = Box::new(mapped);
        assert_eq!(moved.collect().await, [3, 6, 9, 12, 15, 18]);
        assert!(try_gather([Ok(1), Err("no")].map(async |result| (yield_now().await, result).1)).await.is_err());
        assert_eq!(first_ok([Err("no"), Ok(1)].map(async |result| (yield_now().await, result).1)).await.unwrap(), 1);
    });
}

async fn guarded(drops: &Drops) -> usize {
    let _guard = drops.guard();
    pending().await
}

#[test]
fn dropped_half_way() {
    let drops = Drops::default();
    run(async {
        let mut all = Box::pin(gather([guarded(&drops), guarded(&drops)]));
        assert!(is_pending(&mut all).await);
        drop(all);
        let mut one = Box::pin(race((guarded(&drops), guarded(&drops))));
        assert!(is_pending(&mut one).await);
        drop(one);
        let mut several = as_completed([guarded(&drops)]);
        assert!(is_pending(&mut Box::pin(several.next())).await);
        several.push(guarded(&drops));
        drop(several);
        let mut mapped = map_concurrent(0..9, 2, async |_: u8| guarded(&drops).await);
        assert!(is_pending(&mut Box::pin(mapped.next())).await);
        drop(mapped);
        assert_eq!(drops.count(), 7);
    });
    assert_eq!(drops.count(), 7);
}

#[test]
fn fault_10_panics_of_futures_and_of_their_destructors() {
    async fn broken(n: u8, drops: &Drops) -> u8 {
        let _guard = drops.guard();
        let _last = on_drop(|| assert_ne!(n, 2, "destructor"));
        yield_now().await;
        assert_ne!(n, 1, "future");
        pending().await
    }
    let drops = Drops::default();
    let all = || [0, 1, 2].map(|n| broken(n, &drops));
    assert!(panic_of(|| run(gather(all()))).contains("future"));
    assert!(panic_of(|| run(race(all()))).contains("future"));
    assert!(panic_of(|| run(async { as_completed(all()).next().await })).contains("future"));
    assert!(panic_of(|| run(map_concurrent(0..3, 3, |n| broken(n, &drops)).collect())).contains("future"));
    let half_way = || {
        run(async {
            let mut all = Box::pin(gather(all()));
            assert!(is_pending(&mut all).await);
        })
    };
    assert!(panic_of(half_way).contains("destructor"));
    assert_eq!(drops.count(), 15);
}

#[test]
fn losers_clean_up_and_the_rest_is_cancelled() {
    let drops = Drops::default();
    run(async {
        let tidy = async || {
            let _guard = drops.guard();
            finally(pending::<u8>(), async |_: Option<&u8>| yield_now().await).await
        };
        assert_eq!(race((tidy(), async { (yield_now().await, 1).1 }, tidy())).await, 1);
        let mut several = as_completed([tidy(), tidy()]);
        assert!(is_pending(&mut Box::pin(several.next())).await);
        several.cancel().await;
        let mut mapped = map_concurrent(0..5, 2, async |_: u8| tidy().await);
        assert!(is_pending(&mut Box::pin(mapped.next())).await);
        mapped.cancel().await;
        assert_eq!(drops.count(), 6);
    });
}

#[test]
fn a_gather_moves_between_executors_and_old_wakers_do_nothing() {
    let wakers = RefCell::new(Vec::<Waker>::new());
    let child = async |n: usize| {
        leave_waker(&wakers).await;
        walks_along_itself(n).await
    };
    let mut all = Box::pin(gather([1, 2].map(child)));
    let (first, second) = (Executor::new(), Executor::new());
    first.run(async { assert!(is_pending(&mut all).await) });
    second.run(async { assert!(is_pending(&mut all).await) });
    wakers.borrow().iter().cloned().for_each(all_ops);
    drop(first);
    wakers.borrow().iter().cloned().for_each(all_ops);
    assert_eq!(second.run(all), [3, 6]);
    drop(second);
    wakers.take().into_iter().for_each(all_ops);
}

#[test]
fn a_set_changes_while_its_batch_is_open() {
    let set = WakeSet::new();
    let executor = Executor::new();
    let mut waker = None;
    executor.run(async {
        let keys = [set.insert(), set.insert(), set.insert()];
        let outer = my_waker().await;
        let mut batch = set.begin(&outer);
        waker = batch.next().map(|woken| woken.waker().clone());
        // The others leave before it is their turn, and their keys are used again.
        set.remove(keys[1]);
        set.remove(keys[2]);
        assert_eq!([set.insert(), set.insert()], [2, 1]);
        assert!(batch.next().is_none());
        set.keep(keys[0]);
        let mut batch = set.begin(&outer);
        assert_eq!(batch.next().map(|woken| woken.key()), Some(2));
        // Broken off: the rest comes first in the next one.
        set.wake(2);
        set.remove(1);
        let mut batch = set.begin(&outer);
        assert_eq!(
            [batch.next(), batch.next(), batch.next()].map(|woken| woken.map(|woken| woken.key())),
            [Some(0), Some(2), None]
        );
        set.remove(2);
    });
    let second = Executor::new();
    second.run(async {
        let mut batch = set.begin(Waker::noop());
        assert_eq!(batch.next().map(|woken| woken.key()), Some(0));
    });
    drop((executor, second));
    waker.into_iter().for_each(all_ops);
    set.wake(0);
    set.insert();
    drop(set);
}

#[test]
fn a_row_drops_each_value_once_and_where_it_is() {
    let drops = Drops::default();
    let mut row: PinnedRow<_> = [Some(drops.guard()), None].into_iter().collect();
    for index in 1..20 {
        row.put(index, drops.guard());
    }
    row.remove(3);
    row.remove(3);
    row.put(3, drops.guard());
    assert!(panic_of(|| row.put(3, drops.guard())).contains("has a value"));
    assert_eq!((drops.count(), row.len()), (2, 20));
    let mut moved = Box::new(row);
    assert!(moved.get(19).is_some() && moved.get(20).is_none());
    drop(moved);
    assert_eq!(drops.count(), 22);

    let mut row = PinnedRow::new();
    row.put(0, on_drop(|| panic!("in the destructor")));
    assert_eq!(panic_of(|| row.remove(0)), "in the destructor");
    assert!(row.get(0).is_none());

    let mut zero_sized: PinnedRow<()> = PinnedRow::default();
    (0..9).for_each(|index| zero_sized.put(index, ()));
    assert!(zero_sized.get(8).is_some());
}

/// Polls the first three once; are they pending?
async fn all_are_pending<F: Future>(row: &mut PinnedRow<F>) -> bool {
    let mut poll = |index, cx: &mut Context<'_>| row.get(index).is_some_and(|future| future.poll(cx).is_pending());
    poll_fn(|cx| Poll::Ready((0..3).all(|index| poll(index, cx)))).await
}

#[test]
fn a_row_of_pinned_futures_is_moved_while_they_run() {
    run(async {
        let mut row: PinnedRow<_> = (0..3).map(|n| Some(walks_along_itself(n))).collect();
        assert!(all_are_pending(&mut row).await);
        let mut moved = [row];
        moved[0].put(3, walks_along_itself(3));
        assert!(all_are_pending(&mut moved[0]).await);
        assert_eq!(moved[0].len(), 4);
        assert!(all_are_pending(&mut moved[0]).await);
        drop(moved);
    });
}

static SETS: TaskLocal<Rc<DropGuard>> = TaskLocal::inherited();

/// What a future in place sets lies in its scope between two polls, and goes with it.
#[test]
fn what_futures_in_place_set_is_kept_and_dropped_with_them() {
    let (drops, made) = (Drops::default(), Cell::new(0));
    let value = || {
        made.set(made.get() + 1);
        Rc::new(drops.guard())
    };
    let sets = async |walks: usize| {
        let _last = on_drop(|| assert!(SETS.with(|value| value.is_some())));
        SETS.set(value());
        for walk in 0..walks {
            walks_along_itself(walk).await;
        }
        SETS.set(value());
        assert!(walks < 3, "too far");
    };
    run(async {
        gather([sets(1), sets(2)]).await;
        assert_eq!(drops.count(), 4);
        race((pending(), gather([sets(1)]), async { vec![sets(2).await] })).await;
        let in_scope = scope(async |s| {
            let child = s.spawn(async {
                sets(1).await;
                Ok::<_, ()>(())
            });
            child.await;
            Ok(SETS.get().is_none())
        });
        assert!(in_scope.await.unwrap());
        let mut half_way = Box::pin(gather([sets(1), sets(2)]));
        assert!(is_pending(&mut half_way).await && is_pending(&mut half_way).await);
        drop(half_way);
        // The one in its first poll, the other one later.
        for walks in [0, 3] {
            let fails = async {
                gather((sets(2), async {
                    sets(3 * usize::from(walks == 3)).await;
                    assert!(walks > 0, "at once")
                }))
                .await
            };
            let mut fails = Box::pin(AssertUnwindSafe(fails));
            let ended = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| fails.as_mut().poll(cx).is_ready())) {
                Ok(false) => Poll::Pending,
                ended => Poll::Ready(ended),
            });
            assert!(ended.await.is_err());
        }
        assert!(SETS.get().is_none());
    });
    assert_eq!(drops.count(), made.get());
}
