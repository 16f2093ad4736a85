//! Futures that are half-way, and borrow from themselves: whoever keeps one asks nothing of it.

use crate::tools::LendsItself;
use crate::tools::{Drops, on_drop, panic_of};
use evenkeel_executor::{combinator::PinnedRow, run, spawn, yield_now};
use evenkeel_taskgroup::{TaskGroup, as_completed, gather, map_concurrent, race};
use std::{
    cell::Cell,
    future::pending,
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// A step that is taken when it is dropped, too.
struct Step<F: FnMut()>(F);

impl<F: FnMut()> Drop for Step<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Writes through a borrow from itself, step by step and in its destructor.
async fn writes_to_itself() -> usize {
    let mut data = [1, 2, 3];
    let inside = &mut data;
    let mut last = Step(|| inside[2] += 1);
    yield_now().await;
    last.0();
    yield_now().await;
    last.0();
    drop(last);
    data[2]
}

fn row_of<F>(places: usize, make: impl Fn() -> F) -> PinnedRow<F> {
    // The first in one piece, the others in pieces that come to it.
    let mut row: PinnedRow<_> = (0..places / 2).map(|_| Some(make())).collect();
    (places / 2..places).for_each(|index| row.put(index, make()));
    row
}

#[test]
fn fault_35_a_row_asks_nothing_of_a_future_that_is_half_way() {
    let mut cx = Context::from_waker(Waker::noop());
    for places in [1, 2, 7, 24] {
        let mut row = row_of(places, writes_to_itself);
        for step in 0..2 {
            for index in 0..places {
                assert!(row.get(index).is_some_and(|future| future.poll(&mut cx).is_pending()), "step {step}");
            }
            for index in 0..places {
                assert!(panic_of(|| row.put(index, writes_to_itself())).contains("has a value"));
                assert!(panic_of(|| row.put(places + 1, writes_to_itself())).contains("too far away"));
                assert!(row.get(index).is_some() && row.get(places).is_none());
                row.remove(places);
                assert_eq!((row.len(), row.is_empty()), (places, false));
                assert!(format!("{row:?}").contains(&places.to_string()));
            }
            row = *Box::new(row);
        }
        row.remove(places - 1);
        row.put(places - 1, writes_to_itself());
        for index in 0..places - 1 {
            let polled = row.get(index).map(|future| future.poll(&mut cx));
            assert_eq!(polled, Some(Poll::Ready(6)));
        }
        assert!(row.get(places - 1).is_some_and(|future| future.poll(&mut cx).is_pending()));
        drop(row);
    }
}

#[test]
fn fault_35_a_place_is_empty_before_its_destructor_runs_and_each_value_goes_once() {
    let drops = Drops::default();
    let mut row: PinnedRow<_> = [None, Some(drops.guard()), Some(drops.guard())].into_iter().collect();
    row.put(0, drops.guard());
    row.put(3, drops.guard());
    row.remove(3);
    row.remove(3);
    assert_eq!(drops.count(), 1);
    drop(row);
    assert_eq!(drops.count(), 4);

    // What goes on after a destructor's panic drops the others, each once.
    let count = Rc::new(Cell::new(0));
    let panics = |is_first: bool| {
        let count = count.clone();
        on_drop(move || {
            count.set(count.get() + 1);
            assert!(!is_first, "in the destructor");
        })
    };
    let mut row: PinnedRow<_> = [Some(panics(true)), Some(panics(false)), None].into_iter().collect();
    assert_eq!(panic_of(|| row.remove(0)), "in the destructor");
    row.put(0, panics(true));
    assert_eq!(panic_of(|| drop(row)), "in the destructor");
    assert_eq!(count.get(), 3);

    // So do those that were there when the values came to an end with a panic.
    let values = (0..3).map(|index| if index < 2 { Some(drops.guard()) } else { panic!("no more") });
    assert_eq!(panic_of(|| values.collect::<PinnedRow<_>>()), "no more");
    assert_eq!(drops.count(), 6);
}

#[test]
fn fault_35_a_child_that_is_dropped_half_way_is_asked_nothing() {
    run(async {
        let outcome = TaskGroup::<()>::run(async |group| {
            let aborted = group.spawn(async {
                writes_to_itself().await;
                pending::<Result<(), ()>>().await
            });
            let half_way = group.spawn(async {
                writes_to_itself().await;
                pending::<()>().await;
                Ok(())
            });
            let cancelled = group.spawn(async {
                let mut own = 1;
                let last = on_drop(|| own += 1);
                pending::<()>().await;
                drop(last);
                Ok(())
            });
            yield_now().await;
            aborted.abort();
            half_way.cancel("enough");
            cancelled.cancel("enough");
            Ok(())
        });
        assert!(outcome.await.is_ok());

        // The body, and children of a group that is dropped.
        let mut group = spawn(TaskGroup::<()>::run(async |group| {
            drop(group.spawn(async {
                writes_to_itself().await;
                pending::<Result<(), ()>>().await
            }));
            let mut own = 1;
            let last = on_drop(|| own += 1);
            pending::<()>().await;
            drop(last);
            Ok(())
        }));
        yield_now().await;
        yield_now().await;
        group.abort();
        assert!(group.outcome().await.is_err());
    });
}

#[test]
fn fault_35_whatever_runs_several_futures_asks_nothing_of_them_between_two_polls() {
    run(async {
        assert!(race((LendsItself::new(4), LendsItself::new(9))).await);
        assert_eq!(gather((LendsItself::new(4), LendsItself::new(3))).await, (true, false));
        assert_eq!(gather((3..6).map(LendsItself::new).collect::<Vec<_>>()).await, [false, true, false]);
        assert_eq!(map_concurrent(0..3, 2, LendsItself::new).collect().await, [true, false, true]);
        let mut done = as_completed((0..3).map(LendsItself::new));
        for waits in 0..3 {
            assert_eq!(done.next().await, Some(waits % 2 == 0));
        }
        drop(done);
        let outcome = TaskGroup::<()>::run(async |group| {
            let child = group.spawn(async { Ok(LendsItself::new(4).await) });
            assert!(LendsItself::new(2).await);
            Ok(child.await)
        });
        assert!(matches!(outcome.await, Ok(true)));
    });
}
