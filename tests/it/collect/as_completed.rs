//! `as_completed`. The facts and names in the tests are those of asyncio's.

use crate::kit::{
    probe::{Drops, Record, ms, panic_of},
    stage::{after, counted, run_clean, run_watched, tidy},
};
use evenkeel::{group::Completed, *};
use futures::StreamExt;
use std::{
    cell::Cell,
    future::{Pending, Ready, pending, poll_fn},
    marker::PhantomPinned,
    pin::Pin,
    rc::Rc,
    task::Poll,
};

#[test]
fn fact_49_as_completed_yields_outcomes_as_they_come() {
    run_clean(async {
        let mut several = as_completed([3, 1, 2].map(|n| after(n, n)));
        assert_eq!(several.len(), 3);
        assert_eq!([several.next().await, several.next().await], [Some(1), Some(2)]);
        assert_eq!([several.next().await, several.next().await, several.next().await], [Some(3), None, None]);
        assert!(several.is_empty());
        let as_a_stream: Vec<_> = as_completed([2, 1].map(|n| after(n, n))).collect().await;
        assert_eq!(as_a_stream, [1, 2]);
    });
}

#[test]
fn fact_49_as_completed_of_nothing_ends_at_once() {
    run_clean(async {
        assert_eq!(as_completed(Vec::<Ready<u8>>::new()).next().await, None);
    });
}

#[test]
fn fact_49_as_completed_same_tasks_in_as_out_an_outcome_can_say_whose_it_is() {
    run_clean(async {
        let mut several = as_completed((0..3).map(|key| async move { (key, after(9 - key, "done").await) }));
        assert_eq!(several.next().await, Some((2, "done")));
        several.cancel().await;
    });
}

#[test]
fn fact_49_as_completed_with_timeout_keeps_the_rest() {
    run_clean(async {
        let mut several = as_completed([1, 5, 9].map(|n| after(n, n)));
        assert_eq!(timeout(ms(3), several.next()).await, Ok(Some(1)));
        assert_eq!(timeout(ms(2), several.next()).await, Err(Elapsed));
        assert_eq!(several.next().await, Some(5));
        // One whose timer is not used.
        assert_eq!(timeout(ms(100), several.next()).await, Ok(Some(9)));
    });
}

#[test]
fn fact_49_as_completed_resume_iterator_after_a_break() {
    run_clean(async {
        let mut several = as_completed([1, 2, 3].map(|n| after(n, n)));
        while let Some(n) = several.next().await {
            if n == 1 {
                break;
            }
        }
        sleep(ms(5)).await;
        assert_eq!(several.collect::<Vec<_>>().await, [2, 3]);
    });
}

#[test]
fn fact_49_as_completed_concurrent_the_nth_await_gets_the_nth_outcome() {
    run_clean(async {
        let mut several = as_completed([2, 1].map(|n| after(n, n)));
        let first = several.next().await;
        let second = several.next().await;
        assert_eq!((first, second), (Some(1), Some(2)));
    });
}

#[test]
fn futures_can_be_pushed_at_any_time_and_memory_does_not_grow() {
    run_clean(async {
        let job = |n: u64| after(n % 5, n);
        let mut several = as_completed((0..4).map(job));
        let mut sum = 0;
        for n in 4..2000 {
            sum += several.next().await.unwrap();
            several.push(job(n));
            assert_eq!(several.len(), 4);
        }
        while let Some(n) = several.next().await {
            sum += n;
        }
        assert_eq!(sum, 1999 * 2000 / 2);
        several.push(job(7));
        assert_eq!(several.next().await, Some(7));
    });
}

#[test]
fn collect_05_cancel_drains_and_drop_does_not() {
    let record = Record::new();
    let ((), heard) = run_watched(async {
        let two = |name| as_completed([tidy(&record, name, 3, after(99, ())), tidy(&record, "quick", 1, after(1, ()))]);
        let mut several = two("cancelled");
        several.next().await;
        let begin = Instant::now();
        several.cancel().await;
        assert_eq!(begin.elapsed(), ms(3));
        let mut several = two("dropped");
        several.next().await;
        drop(several);
    });
    assert_eq!(record.take(), ["quick tidied", "cancelled tidied", "quick tidied"]);
    assert_eq!(heard.len(), 1);
}

#[test]
fn what_was_never_polled_is_not_started_by_cancel() {
    let drops = Drops::default();
    run_clean(async {
        let guard = drops.guard();
        as_completed([async move {
            let _guard = guard;
            unreachable!("cancelled before its first poll");
        }])
        .cancel()
        .await;
    });
    assert_eq!(drops.count(), 1);
}

#[test]
fn collect_02_only_what_was_woken_is_polled() {
    run_clean(async {
        let polls: Vec<Rc<Cell<usize>>> = (0..20).map(|_| Rc::default()).collect();
        let mut several = as_completed(polls.iter().zip(1..).map(|(polls, n)| counted(polls, after(n, n))));
        while several.next().await.is_some() {}
        assert!(polls.iter().all(|polls| polls.get() == 2));
    });
}

#[test]
fn collect_03_a_panic_goes_on_when_the_others_have_cleaned_up() {
    let record = Record::new();
    let panic = panic_of(|| {
        run_clean(async {
            let broken: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async {
                sleep(ms(1)).await;
                panic!("broken")
            });
            let mut several = as_completed([broken, Box::pin(tidy(&record, "other", 2, pending()))]);
            several.next().await
        })
    });
    assert_eq!((panic.as_str(), record.take()), ("broken", vec!["other tidied".to_owned()]));
}

#[test]
fn cancelling_the_caller_drains() {
    let record = Record::new();
    run_clean(async {
        let mut several = as_completed([tidy(&record, "child", 2, pending::<()>())]);
        assert!(timeout(ms(1), several.next()).await.is_err());
        // The scope around was the timeout's. Its child is gone with it, and so is all that this could yield.
        assert_eq!(record.take(), ["child tidied"]);
        drop(several);
    });
}

#[test]
fn fault_06_completed_can_be_moved_whatever_it_runs() {
    fn is_unpin(_: &impl Unpin) {}
    is_unpin(&as_completed([async { (PhantomPinned, pending::<()>().await) }]));
    let mut several: Vec<Completed<Pending<()>>> = vec![as_completed([pending()])];
    several.insert(0, as_completed([pending()]));
    run_clean(async {
        for one in &mut several {
            assert!(poll_fn(|cx| Poll::Ready(one.poll_next_unpin(cx).is_pending())).await);
        }
        several.swap(0, 1);
        drop(several);
    });
}
