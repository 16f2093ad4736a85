//! `map_concurrent`.

use crate::kit::{
    probe::{Drops, Record, ms, panic_of},
    stage::{Lock, after, restless, run_clean, run_watched, tidy},
};
use evenkeel::*;
use futures::{StreamExt, stream};
use std::{
    cell::Cell,
    future::{pending, poll_fn},
    marker::PhantomPinned,
    task::Poll,
};

#[test]
fn outputs_come_in_the_order_of_the_items() {
    run_clean(async {
        let mut outputs = map_concurrent([3, 1, 2, 5, 4], 2, async |n| after(n, n).await);
        let mut all = Vec::new();
        while let Some(n) = outputs.next().await {
            all.push(n);
        }
        assert_eq!(all, [3, 1, 2, 5, 4]);
        assert_eq!(outputs.next().await, None);
        assert_eq!(
            map_concurrent(0..100, 7, async |n: u64| after(n * 7 % 11, n).await).collect().await,
            Vec::from_iter(0..100)
        );
    });
}

#[test]
fn unordered_outputs_come_as_they_are_ready() {
    run_clean(async {
        let outputs = map_concurrent([3, 1, 2], 3, async |n| after(n, n).await).unordered();
        assert_eq!(outputs.collect().await, [1, 2, 3]);
        let mut outputs = map_concurrent([3, 1, 2], 3, async |n| after(n, n).await).unordered();
        assert_eq!([outputs.next().await, outputs.next().await, outputs.next().await], [Some(1), Some(2), Some(3)]);
    });
}

#[test]
fn collect_06_at_most_so_many_run_at_a_time_and_that_many_do() {
    run_clean(async {
        for limit in [1, 2, 5, 100] {
            let (running, most) = (Cell::new(0), Cell::new(0));
            let work = async |n: u64| {
                running.set(running.get() + 1);
                most.set(most.get().max(running.get()));
                sleep(ms(n % 4 + 1)).await;
                running.set(running.get() - 1);
            };
            assert_eq!(map_concurrent(0..50, limit, work).collect().await.len(), 50);
            assert_eq!(most.get(), limit.min(50));
        }
    });
}

#[test]
fn collect_06_the_next_item_is_pulled_only_when_there_is_room() {
    run_clean(async {
        let pulled = Cell::new(0);
        let items = (0..10).inspect(|_| pulled.set(pulled.get() + 1));
        let mut outputs = map_concurrent(items, 3, async |n| after(1, n).await);
        assert_eq!(pulled.get(), 0);
        assert_eq!(outputs.next().await, Some(0));
        assert_eq!(pulled.get(), 3);
        assert_eq!([outputs.next().await, outputs.next().await], [Some(1), Some(2)]);
        assert_eq!(pulled.get(), 3);
        assert_eq!(outputs.next().await, Some(3));
        assert_eq!(pulled.get(), 6);
        outputs.cancel().await;
        assert_eq!(pulled.get(), 6);
    });
}

#[test]
fn items_come_from_streams_too_and_everything_borrows() {
    run_clean(async {
        let suffix = String::from("!");
        let items = stream::unfold(0, async |n| (n < 5).then_some((after(2, n).await, n + 1)));
        let outputs = map_concurrent(items, 2, async |n: u32| after(1, format!("{n}{suffix}")).await);
        assert_eq!(outputs.collect().await, ["0!", "1!", "2!", "3!", "4!"]);
        let as_a_stream = map_concurrent(stream::iter(0..4), 2, async |n| after(1, n).await);
        assert_eq!(as_a_stream.map(|n| n + 1).collect::<Vec<_>>().await, [1, 2, 3, 4]);
    });
}

#[test]
fn for_each_runs_beside_the_futures() {
    run_clean(async {
        let record = Record::new();
        let begin = Instant::now();
        let outputs = map_concurrent(0..4, 2, async |n: u64| after(10, n).await);
        outputs
            .for_each(async |n| {
                sleep(ms(5)).await;
                record.add((n, begin.elapsed()));
            })
            .await;
        // Two at a time: pairs are done at 10 ms. The first of the next pair begins as soon as there is room, at 10 ms.
        assert_eq!(record.take(), [(0, ms(15)), (1, ms(20)), (2, ms(25)), (3, ms(30))]);
    });
}

#[test]
fn the_buffered_stream_deadlock_does_not_occur() {
    run_clean(async {
        for is_ordered in [true, false] {
            let lock = Lock::default();
            let work = async |n: u32| lock.with(async || after(1, n).await).await;
            let outputs = map_concurrent(0..10, 3, work);
            let mut outputs = if is_ordered { outputs } else { outputs.unordered() };
            let mut sum = 0;
            while let Some(n) = outputs.next().await {
                // The consumer needs what the futures in flight hold, or are next for.
                sum += lock.with(async || after(1, n).await).await;
            }
            assert_eq!(sum, 45);

            let sum = Cell::new(0);
            let consume = async |n| sum.set(sum.get() + lock.with(async || after(1, n).await).await);
            map_concurrent(0..10, 3, work).for_each(consume).await;
            assert_eq!(sum.get(), 45);
        }
    });
}

#[test]
fn next_is_cancel_safe_and_leaves_the_rest_intact() {
    run_clean(async {
        let mut outputs = map_concurrent([4, 1, 6], 2, async |n| after(n, n).await);
        let mut all = Vec::new();
        // In a scope that is cancelled from the start nothing begins, but nothing is lost either.
        assert_eq!(timeout(ms(0), outputs.next()).await, Err(Elapsed));
        for _ in 0..100 {
            match timeout(ms(1), outputs.next()).await {
                Ok(Some(n)) => all.push(n),
                Ok(None) => break,
                Err(Elapsed) => sleep(ms(1)).await,
            }
        }
        assert_eq!(all, [4, 1, 6]);
    });
}

#[test]
fn collect_05_cancel_drains_and_drop_reports_what_it_skips() {
    let record = Record::new();
    let ((), heard) = run_watched(async {
        let work = async |n: u64| tidy(&record, "work", n, after(n, n)).await;
        let mut outputs = map_concurrent([0, 2, 3, 9], 3, work).unordered();
        assert!(poll_fn(|cx| Poll::Ready(outputs.poll_next_unpin(cx).is_pending())).await);
        let begin = Instant::now();
        outputs.cancel().await;
        assert_eq!((begin.elapsed(), record.take().len()), (ms(3), 3));
        let mut outputs = map_concurrent([5], 3, work);
        assert!(poll_fn(|cx| Poll::Ready(outputs.poll_next_unpin(cx).is_pending())).await);
    });
    assert_eq!((heard.len(), record.len()), (1, 0));
}

#[test]
fn cancelling_the_caller_drains() {
    let record = Record::new();
    run_clean(async {
        let outputs = map_concurrent([1, 2], 2, async |n| tidy(&record, "work", n, pending::<()>()).await);
        assert_eq!(timeout(ms(5), outputs.collect()).await, Err(Elapsed));
        let idle = map_concurrent(stream::pending::<u8>(), 2, async |n| n);
        assert_eq!(timeout(ms(5), idle.collect()).await, Err(Elapsed));
    });
    assert_eq!(record.len(), 2);
}

#[test]
fn collect_03_panics_of_a_future_of_the_function_and_of_the_source_go_on_when_the_others_have_cleaned_up() {
    let broken = |where_: &'static str| {
        let record = Record::new();
        let panic = panic_of(|| {
            run_clean(async {
                let items = (0..3).inspect(|n| assert!(*n < 2 || where_ != "source", "source"));
                let f = |n: u64| {
                    assert!(n < 2 || where_ != "function", "function");
                    let record = record.clone();
                    async move {
                        sleep(ms(n)).await;
                        assert!(n < 1 || where_ != "future", "future");
                        tidy(&record, "other", 1, pending::<()>()).await;
                    }
                };
                map_concurrent(items, 3, f).collect().await
            })
        });
        (panic, record.len())
    };
    assert_eq!(broken("future"), ("future".into(), 1));
    // What had not begun does not.
    assert_eq!(broken("function"), ("function".into(), 0));
    assert_eq!(broken("source"), ("source".into(), 0));
}

#[test]
#[should_panic(expected = "a limit of 0 would never begin: use at least 1")]
fn a_limit_of_0_panics_and_names_the_fix() {
    let _ = map_concurrent([1], 0, async |n: u8| n);
}

#[test]
fn memory_is_for_what_runs_and_not_for_what_there_is() {
    run_clean(async {
        let drops = Drops::default();
        let mut count = 0;
        let mut outputs = map_concurrent(0..20_000_u32, 10, async |_| drops.guard()).unordered();
        while outputs.next().await.is_some() {
            count += 1;
            assert!(drops.count() + 10 >= count);
        }
        assert_eq!(drops.count(), 20_000);
    });
}

#[test]
fn a_self_waking_future_hangs_nobody() {
    let ended = run(timeout(ms(5), async {
        let endless = async |n| {
            if n == 0 {
                restless(usize::MAX).await
            }
        };
        map_concurrent(0..100, 2, endless).unordered().for_each(async |()| ()).await;
    }));
    assert_eq!(ended, Err(Elapsed));
}

#[test]
fn fault_06_mapped_can_be_moved_whatever_it_runs() {
    fn is_unpin(_: &impl Unpin) {}
    is_unpin(&map_concurrent(stream::once(async { PhantomPinned }), 1, async |pinned| (pinned, pending::<()>().await)));
}
