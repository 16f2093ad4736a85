//! What asyncio says about `wait`: its fact 48, and the wait part of its own `test_tasks.py`. There is no `wait` here, as what it
//! does is done by the others: tasks are waited for by reference, and outcomes are values. The book has the table of how.

use crate::kit::{
    groups::{Group, errors, fail, value},
    probe::{Drops, Record, at, ms, on_drop, reason_of},
    stage::{after, run_clean},
};
use evenkeel::{group::Completed, *};
use futures::FutureExt;
use std::future::{Ready, pending, ready};

type Outcome<T> = Result<T, JoinError>;

/// Tasks that take so many milliseconds, and yield how many.
fn sleepers<const N: usize>(millis: [u64; N]) -> [Task<u64>; N] {
    millis.map(|millis| spawn(after(millis, millis)))
}

/// `wait(tasks)`: waits for all, and leaves the tasks to their owner. Outcomes come with the number of their task.
fn each<T>(tasks: &mut [Task<T>]) -> Completed<impl Future<Output = (usize, Outcome<T>)>> {
    as_completed(tasks.iter_mut().enumerate().map(async |(key, task)| (key, task.outcome().await)))
}

/// `wait(tasks, timeout=limit)`: those that are done; what is left waits on.
async fn wait<T>(several: &mut Completed<impl Future<Output = T>>, limit: u64) -> Vec<T> {
    let mut done = Vec::new();
    let all = async {
        while let Some(outcome) = several.next().await {
            done.push(outcome);
        }
    };
    let _ = timeout(ms(limit), all).await;
    done
}

fn keys<T>(done: &[(usize, Outcome<T>)]) -> Vec<usize> {
    done.iter().map(|(key, _)| *key).collect()
}

#[test]
fn asyncio_fact_48_wait_of_nothing() {
    run_clean(async {
        // asyncio raises. Here it depends on what is asked for: all of nothing are there, and the first of nothing never comes.
        let nothing: [Ready<Result<u8, u8>>; 0] = [];
        assert!(gather(nothing.clone()).await.is_empty());
        assert_eq!(as_completed(nothing.clone()).next().await, None);
        assert!(first_ok(nothing).await.unwrap_err().children().is_empty());
    });
}

#[test]
fn asyncio_fact_48_a_timeout_neither_fails_nor_cancels() {
    run_clean(async {
        let mut tasks = sleepers([1, 9, 5]);
        let mut several = each(&mut tasks);
        assert_eq!(keys(&wait(&mut several, 6).await), [0, 2]);
        assert_eq!((several.len(), Instant::now()), (1, at(6)));
        assert_eq!(keys(&wait(&mut several, 100).await), [1]);
        assert_eq!(Instant::now(), at(9));
    });
}

#[test]
fn asyncio_fact_48_cancelling_who_waits_cancels_nobody() {
    run_clean(async {
        let mut tasks = sleepers([5, 9]);
        let outcome = timeout(ms(1), async { while each(&mut tasks).next().await.is_some() {} });
        assert_eq!(outcome.await, Err(Elapsed));
        let all = gather(tasks).await;
        assert_eq!(all.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [5, 9]);
        assert_eq!(Instant::now(), at(9));
    });
}

#[test]
fn asyncio_fact_48_the_first_exception_is_not_a_cancellation() {
    run_clean(async {
        let mut tasks = [spawn(pending()), spawn(after(5, Err("it failed"))), spawn(after(9, Ok(9)))];
        tasks[0].cancel("cancelled alone");
        let mut several = each(&mut tasks);
        let mut done = Vec::new();
        while let Some((key, outcome)) = several.next().await {
            done.push(key);
            if matches!(outcome, Ok(Err(_)) | Err(JoinError::Panicked(_))) {
                break;
            }
        }
        assert_eq!((done, several.len(), Instant::now()), (vec![0, 1], 1, at(5)));
    });
}

#[test]
fn asyncio_fact_48_more_than_one_may_be_done() {
    run_clean(async {
        let mut tasks = sleepers([3, 3, 4]);
        let mut several = each(&mut tasks);
        assert!(matches!(several.next().await, Some((0, Ok(3)))));
        // What else is done takes no time.
        assert!(matches!(several.next().now_or_never(), Some(Some((1, Ok(3))))));
        assert!(several.next().now_or_never().is_none());
        assert_eq!((several.len(), Instant::now()), (1, at(3)));
    });
}

// ---- test_tasks.py, wait

#[test]
fn test_tasks_wait() {
    run_clean(async {
        let [mut a, mut b] = sleepers([100, 150]);
        let (a, b) = gather((a.outcome(), b.outcome())).await;
        assert_eq!((a.unwrap(), b.unwrap()), (100, 150));
        assert_eq!(Instant::now(), at(150));
        // Again, with all done, it takes no time.
        let mut tasks = sleepers([10, 20]);
        sleep(ms(50)).await;
        let mut several = each(&mut tasks);
        let done = wait(&mut several, 1000).now_or_never().unwrap();
        let mut done = keys(&done);
        done.sort();
        assert_eq!((done, several.len()), (vec![0, 1], 0));
    });
}

#[test]
fn test_tasks_wait_with_iterator_of_tasks() {
    run_clean(async {
        let outcomes = gather([100, 150].into_iter().map(|n| spawn(after(n, n)))).await;
        assert_eq!((outcomes.len(), Instant::now()), (2, at(150)));
    });
}

#[test]
fn test_tasks_wait_generator() {
    run_clean(async {
        let mut millis = 0;
        let generator = std::iter::from_fn(|| {
            millis += 10;
            (millis < 40).then(|| after(millis, millis))
        });
        assert_eq!(gather(generator).await, [10, 20, 30]);
    });
}

/// Differs: by type. A task has one handle, and two borrows of it at once do not compile.
#[test]
fn test_tasks_wait_duplicate_coroutines() {
    run_clean(async {
        let words = gather(["test", "spam"].map(|word| spawn(after(1, word)))).await;
        assert_eq!(words.into_iter().map(Result::unwrap).collect::<Vec<_>>(), ["test", "spam"]);
    });
}

#[test]
fn test_tasks_wait_first_completed() {
    run_clean(async {
        let mut tasks = sleepers([10_000, 100]);
        assert_eq!(race(tasks.iter_mut().map(Task::outcome)).await.unwrap(), 100);
        assert_eq!((tasks.each_ref().map(Task::is_finished), Instant::now()), ([false, true], at(100)));
        let [slow, _] = tasks;
        assert_eq!(slow.await.unwrap(), 10_000);
    });
}

#[test]
fn test_tasks_wait_really_done() {
    run_clean(async {
        // Each ends one turn after the other.
        let mut tasks = [1, 2].map(|turns| {
            spawn(async move {
                for _ in 0..turns {
                    yield_now().await;
                }
            })
        });
        gather(tasks.each_mut().map(Task::outcome)).await;
        assert!(tasks.iter().all(Task::is_finished));
        // In one turn: both are done when the first is seen.
        let mut tasks = sleepers([5, 5]);
        let mut several = each(&mut tasks);
        several.next().await;
        assert_eq!(keys(&wait(&mut several, 0).await), [1]);
    });
}

#[test]
fn test_tasks_wait_first_exception() {
    run_clean(async {
        // One that has failed already.
        let mut tasks = [spawn(after(10_000, Ok(()))), spawn(ready(Err("ZeroDivisionError")))];
        yield_now().await;
        let mut several = each(&mut tasks);
        assert!(matches!(several.next().now_or_never(), Some(Some((1, Ok(Err(_)))))));
        assert_eq!((several.len(), Instant::now()), (1, at(0)));
    });
}

/// Where the others are of no use after an error, a task group says so.
#[test]
fn test_tasks_wait_first_exception_in_wait() {
    run_clean(async {
        let mut tasks = [spawn(after(10_000, Ok(()))), spawn(after(10, Err("ZeroDivisionError")))];
        assert!(matches!(each(&mut tasks).next().await, Some((1, Ok(Err(_))))));
        assert_eq!(Instant::now(), at(10));
        let outcome = Group::run(async |group| {
            group.spawn(value(10_000, ()));
            group.spawn(fail(10, "ZeroDivisionError"));
            Ok(())
        });
        assert_eq!((errors(outcome.await), Instant::now()), (vec!["ZeroDivisionError"], at(20)));
    });
}

#[test]
fn test_tasks_wait_with_exception() {
    run_clean(async {
        let tasks = [spawn(after(100, Ok(()))), spawn(after(150, Err("ZeroDivisionError")))];
        let done = gather(tasks).await;
        assert_eq!(done.iter().filter(|outcome| matches!(outcome, Ok(Err(_)))).count(), 1);
        assert_eq!(Instant::now(), at(150));
    });
}

#[test]
fn test_tasks_wait_with_timeout() {
    run_clean(async {
        let mut tasks = sleepers([100, 150]);
        let mut several = each(&mut tasks);
        assert_eq!(keys(&wait(&mut several, 110).await), [0]);
        assert_eq!((several.len(), Instant::now()), (1, at(110)));
    });
}

#[test]
fn test_tasks_wait_concurrent_complete() {
    run_clean(async {
        // One ends at the deadline. Its timer is the older one.
        let mut tasks = sleepers([100, 150]);
        yield_now().await;
        let mut several = each(&mut tasks);
        assert_eq!(keys(&wait(&mut several, 100).await), [0]);
        assert_eq!((several.len(), Instant::now()), (1, at(100)));
        // Where the deadline is older it comes first. Nothing is lost by that.
        let mut tasks = sleepers([100, 150]);
        let mut several = each(&mut tasks);
        assert!(wait(&mut several, 100).await.is_empty());
        assert_eq!(keys(&wait(&mut several, 50).await), [0, 1]);
    });
}

#[test]
fn test_tasks_yield_wait_does_not_shield_cancel() {
    run_clean(async {
        let (proof, drops) = (Record::new(), Drops::default());
        // The group owns both, so who waits has a handle that owns nothing.
        let outcome = Group::run(async |group| {
            let (says, guard) = (proof.clone(), drops.guard());
            let mut inner = group.spawn(async move {
                sleep(ms(10)).await;
                says.add("inner");
                drop(guard);
            });
            let says = proof.clone();
            let mut outer = group.spawn(async move {
                let _stopped = on_drop(|| says.add("outer stopped"));
                inner.outcome().await.unwrap();
                says.add("outer");
            });
            yield_now().await;
            outer.cancel("only who waits");
            assert_eq!(reason_of(outer.outcome().await), "only who waits".into());
            assert_eq!((drops.count(), Instant::now()), (0, at(0)));
            Ok(())
        });
        outcome.await.unwrap();
        assert_eq!((proof.take(), drops.count(), Instant::now()), (vec!["outer stopped", "inner"], 1, at(10)));
    });
}
