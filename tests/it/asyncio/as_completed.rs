//! What asyncio says about `as_completed`: its fact 49, and that part of its own `test_tasks.py`. Where a comment says "differs",
//! the book has a row.

use crate::kit::{
    probe::{Record, at, ms},
    stage::{after, run_clean},
};
use evenkeel::{cancel::timeout_at, testing::VirtualClock, *};
use futures::{FutureExt, StreamExt};
use std::{
    cell::RefCell,
    future::{pending, ready},
    pin::Pin,
};

/// Differs: one `TimeoutError` in asyncio's new form, one for each in its old one. Here the limit is around what it limits.
#[test]
fn asyncio_fact_49_a_timeout_comes_once_and_the_rest_is_still_there() {
    run_clean(async {
        let mut several = as_completed([1, 5, 9].map(|n| after(n, n)));
        let mut seen = Vec::new();
        let outcome = timeout(ms(3), async {
            while let Some(n) = several.next().await {
                seen.push(n);
            }
        });
        assert_eq!(outcome.await, Err(Elapsed));
        assert_eq!((seen, several.len()), (vec![1], 2));
        assert_eq!(several.collect::<Vec<_>>().await, [5, 9]);
        assert_eq!(Instant::now(), at(9));
    });
}

/// Differs: futures live in it, and end with it. Tasks that are only waited for in it run on, as asyncio's do.
#[test]
fn asyncio_fact_49_a_break_leaves_tasks_running_and_ends_futures() {
    run_clean(async {
        let record = Record::new();
        let child = |n| {
            let says = record.clone();
            async move {
                sleep(ms(n)).await;
                says.add(n);
            }
        };
        let mut tasks = [1, 5].map(|n| spawn(child(n)));
        assert!(as_completed(tasks.iter_mut().map(Task::outcome)).next().await.is_some());
        let mut futures = as_completed([1, 5].map(child));
        futures.next().await;
        drop(futures);
        assert_eq!((record.take(), Instant::now()), (vec![1, 1], at(2)));
        sleep(ms(100)).await;
        assert_eq!(record.take(), [5]);
    });
}

/// Differs: it is no set. A future stands in it once, by type.
#[test]
fn asyncio_fact_49_what_is_given_is_counted() {
    run_clean(async {
        let shared = after(1, 7).shared();
        let several = as_completed([shared.clone(), shared]);
        assert_eq!(several.len(), 2);
        assert_eq!(several.collect::<Vec<_>>().await, [7, 7]);
    });
}

// ---- test_tasks.py, as_completed

#[test]
fn test_tasks_as_completed() {
    run_clean(async {
        let completed = Record::new();
        let sleeper = async |millis, word| {
            let word = after(millis, word).await;
            completed.add(word);
            word
        };
        let futures = || [sleeper(15, "c"), sleeper(5, "a"), sleeper(10, "b")];
        // Both ways of iterating over it.
        let mut several = as_completed(futures());
        let mut values = Vec::new();
        while let Some(value) = several.next().await {
            values.push(value);
        }
        assert_eq!((values, completed.take(), Instant::now()), (vec!["a", "b", "c"], vec!["a", "b", "c"], at(15)));
        assert_eq!(as_completed(futures()).collect::<Vec<_>>().await, ["a", "b", "c"]);
        assert_eq!(Instant::now(), at(30));
        // What has ended already takes no time.
        let mut done = as_completed(["a", "b"].map(ready)).collect::<Vec<_>>().now_or_never().unwrap();
        done.sort();
        assert_eq!(done, ["a", "b"]);
    });
}

/// Differs: outcomes come out, not tasks. One that says whose it is takes a key along.
#[test]
fn test_tasks_as_completed_same_tasks_in_as_out() {
    run_clean(async {
        let mut tasks = [3, 1, 2].map(|n| spawn(after(n, "done")));
        let ids = tasks.each_ref().map(Task::id);
        let keyed = tasks.iter_mut().map(async |task| (task.id(), task.outcome().await.unwrap()));
        let out: Vec<_> = as_completed(keyed).map(|(id, _)| id).collect().await;
        assert_eq!(out, [ids[1], ids[2], ids[0]]);
    });
}

#[test]
fn test_tasks_as_completed_with_timeout() {
    run_clean(async {
        let mut several = as_completed([after(100, "a"), after(150, "b")]);
        let deadline = Instant::now() + ms(120);
        assert_eq!(timeout_at(deadline, several.next()).await, Ok(Some("a")));
        assert_eq!(timeout_at(deadline, several.next()).await, Err(Elapsed));
        assert_eq!(Instant::now(), at(120));
    });
}

#[test]
fn test_tasks_as_completed_with_unused_timeout() {
    let executor = Executor::builder().clock(VirtualClock::new()).build();
    executor.run(async {
        let mut several = as_completed([after(10, "a")]);
        assert_eq!(timeout(ms(1000), several.next()).await, Ok(Some("a")));
        assert_eq!(timeout(ms(1000), several.next()).await, Ok(None));
        assert_eq!(Instant::now(), at(10));
    });
    assert_eq!(executor.next_deadline(), None);
}

#[test]
fn test_tasks_as_completed_resume_iterator() {
    run_clean(async {
        let mut several = as_completed([1, 2, 3, 4].map(|n| after(n, n)));
        let mut seen = Vec::new();
        for pause in [1, 0, 10] {
            if let Some(n) = several.next().await {
                seen.push(n);
            }
            sleep(ms(pause)).await;
        }
        seen.extend(several.collect::<Vec<_>>().await);
        assert_eq!(seen, [1, 2, 3, 4]);
    });
}

/// Differs: `next` borrows, so there is one at a time, and the n-th that is asked for is the n-th that is awaited.
#[test]
fn test_tasks_as_completed_reverse_wait() {
    run_clean(async {
        let mut several = as_completed([after(50, "a"), after(100, "b")]);
        // What is not awaited takes nothing.
        drop(several.next());
        assert_eq!((several.next().await, Instant::now()), (Some("a"), at(50)));
        assert_eq!((several.next().await, Instant::now()), (Some("b"), at(100)));
    });
}

/// Several who take from it need a lock around it, or a queue behind it.
#[test]
fn test_tasks_as_completed_concurrent() {
    run_clean(async {
        let queue = sync::Queue::unbounded();
        let ended = async {
            let mut several = as_completed([after(50, "a"), after(100, "b")]);
            while let Some(word) = several.next().await {
                queue.put(word).await.unwrap();
            }
        };
        let ((), first, second) = gather((ended, queue.get(), queue.get())).await;
        assert_eq!((first.unwrap(), second.unwrap()), ("a", "b"));
    });
}

/// Differs: by type, as for `gather`.
#[test]
fn test_tasks_as_completed_duplicate_coroutines() {
    run_clean(async {
        let words = ["ham", "spam"].map(|word| after(1, word));
        let mut words = as_completed(words).collect::<Vec<_>>().await;
        words.sort();
        assert_eq!(words, ["ham", "spam"]);
    });
}

#[test]
fn asyncio_fact_49_a_cancelled_caller_takes_the_futures_along() {
    type Boxed<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;
    run_clean(async {
        let record = RefCell::new(Vec::new());
        let tidy: Boxed<'_> = Box::pin(finally(pending(), async |_: Option<&()>| {
            sleep(ms(5)).await;
            record.borrow_mut().push("tidied");
        }));
        let outcome = timeout(ms(1), async {
            let mut several = as_completed([tidy, Box::pin(pending())]);
            several.next().await
        });
        assert_eq!(outcome.await, Err(Elapsed));
        assert_eq!((record.take(), Instant::now()), (vec!["tidied"], at(6)));
    });
}
