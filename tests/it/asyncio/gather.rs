//! What asyncio says about `gather`: its facts 25 to 34, and the gather part of its own `test_tasks.py`. Where a comment says
//! "differs", the book has a row.

use crate::kit::{
    groups::{Group, errors, fail, stuck, value},
    probe::{Drops, Record, at, ms, reason_of},
    stage::{after, run_clean, run_watched, tidy},
};
use evenkeel::*;
use futures::FutureExt;
use std::{
    cell::Cell,
    future::{Ready, pending},
};

#[test]
fn asyncio_fact_25_gather_of_nothing_is_ready_at_once() {
    run_clean(async {
        let nothing: [Ready<Result<u8, u8>>; 0] = [];
        assert_eq!(gather(nothing.clone()).now_or_never(), Some(vec![]));
        assert!(try_gather(nothing).now_or_never().unwrap().unwrap().is_empty());
    });
}

/// Differs: a future has one owner, and stands in one place.
#[test]
fn asyncio_fact_26_outcomes_stand_in_the_order_of_the_arguments() {
    run_clean(async {
        assert_eq!(gather((after(3, 'a'), after(1, "b"), after(2, 3.0))).await, ('a', "b", 3.0));
        // What asyncio does with duplicates is a matter of sharing.
        let runs = Cell::new(0);
        let call = async {
            runs.set(runs.get() + 1);
            after(1, 7).await
        }
        .shared();
        assert_eq!(gather([call.clone(), call.clone(), call]).await, [7, 7, 7]);
        assert_eq!(runs.get(), 1);
    });
}

/// Differs: nothing becomes a task. The children live in the future, and begin with its first poll.
#[test]
fn asyncio_fact_27_children_begin_with_the_first_poll() {
    run_clean(async {
        let record = Record::new();
        let all = gather([1, 2].map(async |child| record.add(child)));
        yield_now().await;
        assert_eq!(record.len(), 0);
        all.await;
        assert_eq!(record.take(), [1, 2]);
    });
}

/// Differs: there is no default mode, in which siblings run on unobserved. What asyncio gives at the first error, a task group gives.
#[test]
fn asyncio_fact_28_an_error_leaves_nobody_unobserved() {
    run_clean(async {
        let children = || [after(1, Err("first")), after(5, Ok(5)), after(3, Err("second"))];
        assert_eq!(gather(children()).await, [Err("first"), Ok(5), Err("second")]);
        assert_eq!(Instant::now(), at(5));
        let error = try_gather(children()).await.unwrap_err();
        assert_eq!(error.into_errors(), ["first", "second"]);
    });
}

/// Differs: it is a value, with the reason.
#[test]
fn asyncio_fact_29_a_cancelled_child_is_an_outcome_and_its_siblings_go_on() {
    run_clean(async {
        let (one, two) = (spawn(pending::<u8>()), spawn(after(5, 2)));
        let cancel = one.task_ref().unwrap();
        let (_, outcomes) = gather((async { cancel.cancel("only this one") }, gather([one, two]))).await;
        let [one, two] = outcomes.try_into().unwrap();
        assert_eq!((reason_of(one), two.unwrap()), ("only this one".into(), 2));
        assert_eq!(Instant::now(), at(5));
    });
}

#[test]
fn asyncio_fact_30_errors_and_cancellations_are_values_in_their_places() {
    run_clean(async {
        let victim = spawn(pending::<Result<u8, &str>>());
        victim.cancel("not needed");
        let outcomes = gather([spawn(after(3, Ok(1))), victim, spawn(after(1, Err("it failed")))]).await;
        assert!(matches!(&outcomes[..], [Ok(Ok(1)), Err(JoinError::Cancelled(_)), Ok(Err("it failed"))]));
    });
}

/// Differs in two things: nobody is left cleaning up, and values that are there in spite of it all count.
#[test]
fn asyncio_fact_31_a_cancelled_gather_cancels_every_child_and_waits_for_all() {
    let record = Record::new();
    run_clean(async {
        let task = spawn({
            let record = record.clone();
            async move {
                gather([5, 1, 3].map(|millis| tidy(&record, "child", millis, pending::<()>()))).await;
                record.add("unreachable".to_owned());
            }
        });
        sleep(ms(10)).await;
        task.cancel("from outside");
        assert_eq!(reason_of(task.await), "from outside".into());
        assert_eq!((record.take().len(), Instant::now()), (3, at(15)));

        // All children take no notice.
        let task = spawn(async {
            let all = gather([1, 2].map(|n| shield(after(n, n)))).await;
            assert_eq!(all, [1, 2]);
            // The cancellation is delivered where the code awaits next.
            pending::<()>().await;
        });
        yield_now().await;
        task.cancel("from outside");
        assert_eq!(reason_of(task.await), "from outside".into());
        let task = spawn(gather([1, 2].map(|n| shield(after(n, n)))));
        yield_now().await;
        task.cancel("from outside");
        assert_eq!(task.await.unwrap(), [1, 2]);
    });
}

/// Differs: who cancels is told whether the task lives, not whether it takes notice.
#[test]
fn asyncio_fact_32_a_gather_that_has_ended_is_not_cancelled() {
    run_clean(async {
        let task = spawn(async {
            let all = gather([after(1, 1), after(2, 2)]).await;
            // Its own, and too late for what is gathered.
            assert!(current_task().cancel("too late"));
            all
        });
        let handle = task.task_ref().unwrap();
        assert_eq!(task.await.unwrap(), [1, 2]);
        assert!(!handle.cancel("much too late"));
    });
}

/// Differs: an error ends nothing, so what is left can be cancelled.
#[test]
fn asyncio_fact_33_after_an_error_siblings_can_be_cancelled() {
    run_clean(async {
        let drops = Drops::default();
        let guard = drops.guard();
        let sibling = async move {
            let _guard = guard;
            pending::<Result<(), &str>>().await
        };
        let task = spawn(gather((fail(1, "early"), sibling)));
        sleep(ms(5)).await;
        assert_eq!((task.is_finished(), drops.count()), (false, 0));
        task.cancel("enough");
        assert_eq!(reason_of(task.await), "enough".into());
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn asyncio_fact_34_children_may_end_while_the_others_begin() {
    run_clean(async {
        let record = Record::new();
        let eager = async |child| {
            record.add(child);
            child
        };
        // All at once, and some of them.
        assert_eq!(gather([1, 2, 3].map(eager)).now_or_never().unwrap(), [1, 2, 3]);
        assert_eq!(gather((eager(4), after(1, 5), eager(6))).await, (4, 5, 6));
        assert_eq!(record.take(), [1, 2, 3, 4, 6]);
    });
}

// ---- test_tasks.py, gather

#[test]
fn test_tasks_gather_success() {
    run_clean(async {
        let ended = Record::new();
        let child = async |millis, value| {
            sleep(ms(millis)).await;
            ended.add(value);
            value
        };
        assert_eq!(gather([child(2, 'a'), child(1, 'b'), child(3, 'c')]).await, ['a', 'b', 'c']);
        assert_eq!((ended.take(), Instant::now()), (vec!['b', 'a', 'c'], at(3)));
    });
}

#[test]
fn test_tasks_gather_result_exception_success() {
    run_clean(async {
        let all = try_gather([value(2, 'a'), value(1, 'b'), value(3, 'c')]).await;
        assert_eq!(all.unwrap(), ['a', 'b', 'c']);
    });
}

/// Differs: a task group is what ends at the first error, and it leaves nobody behind whose events would be ignored.
#[test]
fn test_tasks_gather_one_exception() {
    run_clean(async {
        let record = Record::new();
        let outcome = Group::run(async |group| {
            let one = group.spawn(value(1, 1));
            let two = group.spawn(fail(2, "ZeroDivisionError"));
            let rest = ["c", "d", "e"].map(|name| group.spawn(stuck(record.clone(), name)));
            Ok((one.await, gather(rest).await, two.await))
        });
        assert_eq!(errors(outcome.await.map(drop)), ["ZeroDivisionError"]);
        assert_eq!(Instant::now(), at(2));
        assert_eq!(record.take(), ["e stopped", "d stopped", "c stopped"]);
    });
}

#[test]
fn test_tasks_gather_return_exceptions() {
    run_clean(async {
        let children = [after(2, Ok(3)), after(1, Ok(1)), after(1, Err("exc")), after(9, Err("exc2"))];
        assert_eq!(gather(children).await, [Ok(3), Ok(1), Err("exc"), Err("exc2")]);
        assert_eq!(Instant::now(), at(9));
    });
}

/// Differs: it is the outcome of that child, and no error of the whole.
#[test]
fn test_tasks_gather_one_cancellation() {
    run_clean(async {
        let tasks = [1, 2, 3].map(|n| spawn(after(n, n)));
        tasks[1].cancel("not this one");
        let outer = spawn(gather(tasks));
        let outcomes = outer.await.unwrap();
        assert!(matches!(&outcomes[..], [Ok(1), Err(JoinError::Cancelled(_)), Ok(3)]), "{outcomes:?}");
    });
}

#[test]
fn test_tasks_gather_result_exception_one_cancellation() {
    run_clean(async {
        let failed = |why| Err::<u8, _>(why);
        let tasks = [
            spawn(after(1, Ok(1))),
            spawn(after(1, failed("zde"))),
            spawn(pending()),
            spawn(after(1, Ok(4))),
            spawn(after(1, failed("rte"))),
            spawn(pending()),
        ];
        let cancel = [2, 5].map(|n: usize| tasks[n].task_ref().unwrap());
        cancel[0].cancel("c");
        let all = spawn(gather(tasks));
        sleep(ms(5)).await;
        assert!(!all.is_finished());
        cancel[1].cancel("f");
        let told = all.await.unwrap().into_iter().map(|outcome| match outcome {
            Ok(Ok(value)) => value.to_string(),
            Ok(Err(why)) => why.to_owned(),
            Err(error) => reason_of::<()>(Err(error)).to_string(),
        });
        assert_eq!(told.collect::<Vec<_>>(), ["1", "zde", "c", "4", "rte", "f"]);
    });
}

#[test]
fn test_tasks_gather_cancellation_broadcast() {
    run_clean(async {
        let (drops, proof) = (Drops::default(), Record::new());
        let children = [1, 2].map(|_| {
            let (guard, says) = (drops.guard(), proof.clone());
            spawn(async move {
                let _guard = guard;
                pending::<()>().await;
                says.add("inner");
            })
        });
        let says = proof.clone();
        let outer = spawn(async move {
            gather(children).await;
            says.add("outer");
        });
        yield_now().await;
        outer.cancel("from outside");
        assert_eq!(reason_of(outer.await), "from outside".into());
        yield_now().await;
        assert_eq!((drops.count(), proof.len()), (2, 0));
    });
}

/// Differs: one cannot write it, as a future moves into the `gather`. Shared, it runs once.
#[test]
fn test_tasks_gather_duplicate_coroutines() {
    run_clean(async {
        let drops = Drops::default();
        let coro = |word: &'static str| {
            let guard = drops.guard();
            async move {
                let _guard = guard;
                after(1, word).await
            }
            .shared()
        };
        let c = coro("abc");
        assert_eq!(gather([c.clone(), c.clone(), coro("def"), c]).await, ["abc", "abc", "def", "abc"]);
        assert_eq!(drops.count(), 2);
    });
}

/// Differs: later errors need no mark to keep them quiet. They are in the outcome.
#[test]
fn test_tasks_gather_exception_marking() {
    let (failed, heard) = run_watched(async {
        let inner = async |millis| after(millis, Err::<(), _>("should not be ignored")).await;
        let outer = spawn(async move { try_gather([inner(1), inner(2)]).await.unwrap_err().into_errors() });
        outer.await.unwrap()
    });
    assert_eq!((failed, heard.len()), (vec!["should not be ignored"; 2], 0));
}

#[test]
fn test_tasks_cancel_gather_1() {
    run_clean(async {
        let (set, result) = sync::oneshot::channel();
        let gathering = spawn(gather([async { result.await.unwrap() }]));
        yield_now().await;
        set.send(42).unwrap();
        // In one turn with the end of all children.
        gathering.cancel("too late");
        assert_eq!(gathering.await.unwrap(), [42]);
    });
}

#[test]
fn test_tasks_cancel_gather_2() {
    run_clean(async {
        let task = spawn(async {
            while Instant::now() < at(1000) {
                gather([after(50, Err::<(), _>("a value"))]).await;
            }
        });
        sleep(ms(220)).await;
        task.cancel("from outside");
        assert_eq!(reason_of(task.await), "from outside".into());
        assert_eq!(Instant::now(), at(220));
    });
}

/// Differs: the one that is cancelled waits until the gather has all its values. It is told them, too.
#[test]
fn test_tasks_shield_gather() {
    let record = Record::new();
    run_clean(async {
        let says = record.clone();
        let outer = spawn(async move {
            says.add_all(shield(gather([after(5, 1), after(10, 2)])).await);
            pending::<()>().await;
        });
        sleep(ms(1)).await;
        outer.cancel("the outer one");
        assert_eq!(reason_of(outer.await), "the outer one".into());
        assert_eq!(Instant::now(), at(10));
    });
    assert_eq!(record.take(), [1, 2]);
}

/// Differs: the same. A child that is not shielded is stopped at once, and there is no outcome of the whole then.
#[test]
fn test_tasks_gather_shield() {
    let record = Record::new();
    run_clean(async {
        let child = async |n: u64| {
            sleep(ms(5 * n)).await;
            record.add(n);
            n
        };
        let parent = timeout(ms(1), gather([shield(child(1)), shield(child(2))]));
        assert_eq!(parent.await.unwrap(), [1, 2]);
        assert_eq!((record.take(), Instant::now()), (vec![1, 2], at(10)));
        let parent = timeout(ms(1), gather((shield(child(1)), child(2))));
        assert_eq!(parent.await, Err(Elapsed));
        assert_eq!((record.take(), Instant::now()), (vec![1], at(15)));
    });
}
