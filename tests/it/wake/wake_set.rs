//! A wake set and keys that no child has.

use crate::kit::{
    probe::{Wakes, ms, my_waker, panic_of},
    stage::run_clean,
};
use evenkeel::{Executor, spawn, timeout, yield_now};
use evenkeel_executor::combinator::{PinnedRow, WakeSet};
use std::{
    cell::Cell,
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
};

/// Keys that no child has of a set of three, whose child 1 was removed; also those that end in the bits of one that there is.
const STRANGERS: [usize; 6] = [1, 3, 4, 1 << 31, usize::MAX - (usize::MAX >> 1) + 2, usize::MAX];

/// Asks for all that can be asked for by key.
fn ask_for(set: &WakeSet, key: usize) {
    set.wake(key);
    set.keep(key);
    set.remove(key);
}

/// Polls the owner: the keys of the children that were woken.
fn poll(set: &WakeSet, waker: &std::task::Waker) -> Vec<usize> {
    let mut batch = set.begin(waker);
    std::iter::from_fn(|| batch.next()).map(|woken| woken.key()).collect()
}

#[test]
fn collect_07_a_wake_set_ignores_a_key_that_never_was() {
    run_clean(async {
        let set = WakeSet::new();
        assert_eq!([set.insert(), set.insert(), set.insert()], [0, 1, 2]);
        set.remove(1);
        let (wakes, waker) = Wakes::new();
        // Before the first poll, after it, and with children that were woken.
        STRANGERS.into_iter().for_each(|key| ask_for(&set, key));
        assert_eq!(format!("{set:?}"), "WakeSet(2)");
        assert_eq!(poll(&set, &waker), [0, 2]);
        STRANGERS.into_iter().for_each(|key| ask_for(&set, key));
        assert_eq!(poll(&set, &waker), [0; 0]);
        set.wake(2);
        STRANGERS.into_iter().for_each(|key| ask_for(&set, key));
        assert_eq!(wakes.count(), 1, "nobody was woken but for the child");
        assert_eq!(poll(&set, &waker), [2]);
        // The set gives the keys out as if nothing had been asked.
        assert_eq!([set.insert(), set.insert(), set.insert()], [1, 3, 4]);
        assert_eq!(format!("{set:?}"), "WakeSet(5)");
    });
}

#[test]
fn collect_07_a_wake_set_without_children_ignores_every_key() {
    run_clean(async {
        let (wakes, waker) = Wakes::new();
        let set = WakeSet::new();
        for _ in 0..2 {
            [0, 1, usize::MAX].into_iter().for_each(|key| ask_for(&set, key));
            assert_eq!(poll(&set, &waker), [0; 0]);
        }
        assert_eq!((wakes.count(), format!("{set:?}")), (0, "WakeSet(0)".to_owned()));
        // It is still one that never had children.
        set.insert_all(2);
        assert_eq!(poll(&set, &waker), [0, 1]);
    });
}

/// A key of one set may be asked of another, and of one that has moved.
#[test]
fn collect_07_a_key_of_another_set_is_a_strangers() {
    let (first, second) = (Executor::new(), Executor::new());
    let (set, other) = (WakeSet::new(), WakeSet::new());
    (0..8).for_each(|key| assert_eq!(set.insert(), key));
    assert_eq!(other.insert(), 0);
    let (wakes, waker) = Wakes::new();
    first.run(async { assert_eq!((poll(&set, &my_waker().await).len(), poll(&other, &waker)), (8, vec![0])) });
    second.run(async { assert_eq!(poll(&set, &my_waker().await).len(), 8) });
    first.run(async {
        (1..8).for_each(|key| ask_for(&other, key));
        assert_eq!((wakes.count(), poll(&other, &waker)), (0, vec![]));
        other.wake(0);
        assert_eq!((wakes.count(), poll(&other, &waker)), (1, vec![0]));
    });
    drop(set);
}

/// The wakers that a poll of the owner with that waker yields.
fn wakers(set: &WakeSet, waker: &Waker) -> Vec<Waker> {
    let mut batch = set.begin(waker);
    assert_eq!((batch.is_empty(), batch.orders()), (false, 2));
    batch.reorder(1);
    let wakers = std::iter::from_fn(|| batch.next()).map(|woken| woken.waker().clone()).collect();
    assert!(batch.is_empty());
    wakers
}

#[test]
fn collect_02_a_lone_child_is_polled_with_the_waker_of_its_owner_whenever_that_is() {
    run_clean(async {
        let waker = my_waker().await;
        let set = WakeSet::new();
        set.insert_all(1);
        for _ in 0..3 {
            let yielded = wakers(&set, &waker);
            assert!(yielded.len() == 1 && yielded[0].will_wake(&waker), "{yielded:?}");
            set.keep(0);
            assert_eq!(format!("{set:?}"), "WakeSet(1)");
        }
        [1, 2, usize::MAX].into_iter().for_each(|key| ask_for(&set, key));
        let mut batch = set.begin(&waker);
        set.remove(0);
        assert!(batch.is_empty() && batch.next().is_none(), "it was yielded though it had left");
        assert_eq!(format!("{set:?}"), "WakeSet(0)");
    });
}

#[test]
fn collect_02_a_lone_child_of_an_owner_with_a_foreign_waker_has_a_waker_of_its_own_from_then_on() {
    run_clean(async {
        let (wakes, foreign) = Wakes::new();
        let ours = my_waker().await;
        let set = WakeSet::new();
        set.insert_all(1);
        assert_eq!(poll(&set, &ours), [0]);
        let own = wakers(&set, &foreign).remove(0);
        own.wake_by_ref();
        own.wake_by_ref();
        assert_eq!((wakes.count(), poll(&set, &ours), poll(&set, &ours)), (1, vec![0], vec![]));
        own.wake();
        assert_eq!(poll(&set, &ours), [0]);
    });
}

/// The wakers that it had as the only child say nothing to the set.
#[test]
fn collect_02_a_lone_child_that_is_joined_by_another_counts_as_woken_and_its_owner_is_woken() {
    for asks in [|set: &WakeSet| set.wake_owner(), |set: &WakeSet| assert_eq!(set.insert(), 1)] {
        let set = Rc::new(WakeSet::new());
        set.insert_all(1);
        run_clean(async {
            let polls = Rc::new(Cell::new(0));
            let owner = spawn({
                let (set, polls) = (set.clone(), polls.clone());
                poll_fn(move |cx| {
                    polls.set(polls.get() + 1);
                    let keys = poll(&set, cx.waker());
                    assert_eq!(keys[0], 0);
                    if polls.get() > 1 { Poll::Ready(keys) } else { Poll::Pending }
                })
            });
            yield_now().await;
            assert_eq!(polls.get(), 1);
            asks(&set);
            let keys = timeout(ms(1), owner).await.expect("the owner was not woken").unwrap();
            assert_eq!(format!("WakeSet({})", keys.len()), format!("{set:?}"));
        });
    }
}

/// An owner that has lost its lone child waits for others.
#[test]
fn collect_02_who_owned_a_lone_child_is_woken_for_the_next_one() {
    run_clean(async {
        let (set, polls) = (Rc::new(WakeSet::new()), Rc::new(Cell::new(0)));
        set.insert_all(1);
        let owner = spawn({
            let (set, polls) = (set.clone(), polls.clone());
            poll_fn(move |cx| {
                polls.set(polls.get() + 1);
                assert_eq!(poll(&set, cx.waker()), [0]);
                if polls.get() == 2 { Poll::Ready(()) } else { Poll::Pending }
            })
        });
        yield_now().await;
        set.remove(0);
        assert_eq!((set.insert(), polls.get()), (0, 1));
        timeout(ms(1), owner).await.expect("the owner was not woken").unwrap();
    });
}

/// They cannot be told from those of the owner itself.
#[test]
fn collect_02_the_wakers_of_a_lone_child_wake_its_owner_also_when_it_has_left() {
    run_clean(async {
        let (set, polls, kept) = (Rc::new(WakeSet::new()), Rc::new(Cell::new(0)), Rc::new(Cell::new(None)));
        set.insert_all(1);
        let owner = spawn({
            let (set, polls, kept) = (set.clone(), polls.clone(), kept.clone());
            poll_fn(move |cx| {
                polls.set(polls.get() + 1);
                if polls.get() == 2 {
                    return Poll::Ready(());
                }
                kept.set(wakers(&set, cx.waker()).pop());
                Poll::Pending
            })
        });
        yield_now().await;
        set.remove(0);
        assert_eq!(polls.get(), 1);
        kept.take().unwrap().wake();
        timeout(ms(1), owner).await.expect("the owner was not woken").unwrap();
    });
}

#[test]
fn collect_07_a_set_whose_lone_child_has_left_is_none_that_never_had_children() {
    run_clean(async {
        for count in 0..3 {
            let set = WakeSet::new();
            set.insert_all(1);
            assert!(panic_of(|| set.insert_all(count)).contains("sets without children"));
            set.remove(0);
            assert!(panic_of(|| set.insert_all(count)).contains("sets without children"));
            assert_eq!((set.insert(), format!("{set:?}")), (0, "WakeSet(1)".to_owned()));
        }
    });
}

#[test]
fn a_lone_child_is_not_polled_outside_of_an_executor() {
    let waker = Executor::new().run(my_waker());
    let set = WakeSet::new();
    set.insert_all(1);
    assert!(panic_of(|| _ = set.begin(&waker)).contains("a combinator"));
}

/// A row of futures is asked by the same keys.
#[test]
fn collect_07_a_row_has_nothing_in_a_place_that_never_was() {
    let mut row: PinnedRow<u8> = [Some(1), None].into_iter().collect();
    for place in [1, 2, 3, usize::MAX] {
        row.remove(place);
        assert_eq!(row.get(place), None);
        assert_eq!(row.len(), 2);
    }
    assert_eq!(row.get(0).as_deref(), Some(&1));
}

/// The keys of all that lie on several pages, some of which nobody has any more.
#[test]
fn a_set_of_several_pages_keeps_its_keys_when_it_moves_and_its_old_numbers_wake_nobody() {
    let (first, second) = (Executor::new(), Executor::new());
    let set = WakeSet::new();
    let wakers = first.run(async {
        (0..10).for_each(|key| assert_eq!(set.insert(), key));
        let mut batch = set.begin(&my_waker().await);
        let wakers: Vec<_> = std::iter::from_fn(|| batch.next()).map(|woken| woken.waker().clone()).collect();
        // One that waits, two that were woken, in front and at the end.
        [&wakers[1], &wakers[5], &wakers[9]].into_iter().for_each(|waker| waker.wake_by_ref());
        [1, 4, 9].into_iter().for_each(|key| set.remove(key));
        wakers
    });
    let rest = [0, 2, 3, 5, 6, 7, 8];
    second.run(async { assert_eq!(poll(&set, &my_waker().await), rest) });
    first.run(async {
        wakers.iter().for_each(|waker| waker.wake_by_ref());
        let (wakes, waker) = Wakes::new();
        assert_eq!(poll(&set, &waker), rest, "it has moved back");
        wakers.iter().for_each(|waker| waker.wake_by_ref());
        assert_eq!((wakes.count(), poll(&set, &waker)), (0, vec![]), "those are the numbers of its first time here");
        assert_eq!([set.insert(), set.insert(), set.insert(), set.insert()], [9, 4, 1, 10]);
        assert_eq!(poll(&set, &waker), [9, 4, 1, 10]);
    });
}

/// What a set leaves behind is used again.
#[test]
fn the_wakers_of_a_set_that_is_gone_wake_nobody_in_the_next_one() {
    run_clean(async {
        let (wakes, waker) = Wakes::new();
        let mut old = Vec::new();
        for size in [1, 7, 8, 9, 20, 3] {
            let set = WakeSet::new();
            set.insert_all(size);
            let mut batch = set.begin(&waker);
            let new: Vec<_> = std::iter::from_fn(|| batch.next()).map(|woken| woken.waker().clone()).collect();
            assert_eq!(new.len(), size);
            old.iter().for_each(std::task::Waker::wake_by_ref);
            assert_eq!((wakes.count(), poll(&set, &waker)), (0, vec![]));
            // Some leave before, others with the set; one was woken.
            (0..size / 2).for_each(|key| set.remove(key));
            set.keep(size - 1);
            old.extend(new);
        }
    });
}

/// A child that leaves while it is queued is out of the queue, wherever it was in it.
#[test]
fn a_child_that_leaves_the_queue_takes_no_other_with_it() {
    run_clean(async {
        let (_, waker) = Wakes::new();
        for count in 1..=4 {
            for leaving in 0..count {
                for begun in 0..count {
                    let set = WakeSet::new();
                    set.insert_all(count);
                    let mut batch = set.begin(&waker);
                    let mut seen: Vec<_> = (0..begun).map(|_| batch.next().unwrap().key()).collect();
                    set.remove(leaving);
                    seen.extend(std::iter::from_fn(|| batch.next()).map(|woken| woken.key()));
                    let all: Vec<_> = (0..count).filter(|key| *key != leaving || *key < begun).collect();
                    assert_eq!(seen, all, "{leaving} left {count} after {begun}");
                    (0..count).for_each(|key| set.wake(key));
                    let others: Vec<_> = (0..count).filter(|key| *key != leaving).collect();
                    assert_eq!(poll(&set, &waker), others);
                    assert_eq!(set.insert(), leaving);
                    assert_eq!(poll(&set, &waker), [leaving]);
                }
            }
        }
    });
}
