//! Tokens: cancellation that is passed by hand, to other tasks and to other threads.

use crate::kit::probe::{HandClock, HandPark, Record, at, ms, reason_of, wait_for_wake};
use evenkeel::{
    CancelReason, CancelScope, Cancelled, Executor, JoinError,
    cancel::{CancelToken, RemoteToken},
    finally, run, sleep, spawn,
    task::TaskState,
    testing,
    threads::ExecutorEnded,
    timeout, yield_now,
};
use std::{
    cell::RefCell,
    future::pending,
    rc::Rc,
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
};

fn why(text: &'static str) -> CancelReason {
    CancelReason::from(text)
}

// ---- on one thread

#[test]
fn token_01_it_tells_whether_its_scope_was_cancelled_and_why() {
    let scope = CancelScope::new();
    let token = scope.token();
    assert_eq!((token.is_cancelled(), token.reason()), (false, None));
    assert!(scope.cancel("first"));
    assert!(!scope.cancel("second") && !token.cancel("third") && !token.clone().cancel("fourth"));
    assert_eq!((token.is_cancelled(), token.reason()), (true, Some(why("first"))));
    assert_eq!(scope.token().reason(), Some(why("first")));
}

#[test]
fn token_01_it_cancels_its_scope() {
    testing::run(async {
        let scope = CancelScope::new();
        let token = scope.token();
        let _other = spawn(async move {
            sleep(ms(10)).await;
            assert!(token.cancel("from another task"));
        });
        assert_eq!(scope.run(pending::<()>()).await, Err(Cancelled(why("from another task"))));
    });
}

#[test]
fn token_02_tasks_wait_for_the_cancellation_before_it_comes_and_after() {
    let record = Record::new();
    testing::run(async {
        let scope = CancelScope::new();
        let wait = |name: &'static str| {
            let (token, record) = (scope.token(), record.clone());
            spawn(async move { record.add((name, token.cancelled().await)) })
        };
        let early = [wait("one"), wait("two")];
        let impatient = wait("gone");
        yield_now().await;
        drop(impatient);
        sleep(ms(10)).await;
        assert!(record.take().is_empty());
        scope.cancel("now");
        for task in early {
            task.await.unwrap();
        }
        wait("late").await.unwrap();
    });
    assert_eq!(record.take(), ["one", "two", "late"].map(|name| (name, why("now"))));
}

#[test]
fn token_02_waiting_for_a_deadline_ends_when_the_scope_meets_it() {
    testing::run(async {
        let scope = CancelScope::new();
        scope.set_deadline(at(10));
        let token = scope.token();
        let watcher = spawn(async move { token.cancelled().await });
        scope.run(pending::<()>()).await.unwrap_err();
        assert_eq!(watcher.await.unwrap(), CancelReason::DeadlineExceeded);
    });
}

#[test]
fn token_02_a_wait_inside_the_scope_itself_ends_too() {
    testing::run(async {
        let scope = CancelScope::new();
        let (token, handle) = (scope.token(), scope.clone());
        let _other = spawn(async move { handle.cancel("now") });
        // The last poll of a delivery finds the reason, and a completed result counts.
        assert_eq!(scope.run(token.cancelled()).await, Ok(why("now")));
    });
}

#[test]
fn token_03_it_counts_as_cancelled_when_a_scope_around_its_own_is() {
    testing::run(async {
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        let (token, handle) = (inner.token(), outer.clone());
        let seen = Record::new();
        let says = seen.clone();
        let body = async move {
            let guarded = finally(pending::<()>(), async |_: Option<&()>| sleep(ms(10)).await);
            let _ = inner.run(guarded).await;
        };
        let watcher = spawn({
            let token = token.clone();
            async move { says.add(token.cancelled().await) }
        });
        let _other = spawn({
            let token = token.clone();
            async move {
                assert!(!token.is_cancelled());
                handle.cancel("the outer one");
                assert!(token.is_cancelled());
                assert_eq!(token.reason(), None, "it was not addressed to this very scope");
            }
        });
        assert_eq!(outer.run(body).await, Err(Cancelled(why("the outer one"))));
        watcher.await.unwrap();
        assert_eq!(seen.take(), [CancelReason::OwnerDropped]);
    });
}

#[test]
fn token_03_it_counts_as_cancelled_when_the_task_around_is() {
    testing::run(async {
        let scope = CancelScope::new();
        let token = scope.token();
        let task = spawn(async move { scope.run(pending::<()>()).await });
        yield_now().await;
        task.cancel("the task");
        assert!(token.is_cancelled());
        assert_eq!(reason_of(task.await), why("the task"));
        assert!(token.is_cancelled());
        assert_eq!(token.cancelled().await, CancelReason::OwnerDropped);
    });
}

#[test]
fn token_04_the_end_of_its_scope_is_no_cancellation() {
    testing::run(async {
        let scope = CancelScope::new();
        let token = scope.token();
        assert_eq!(scope.run(async { 5 }).await, Ok(5));
        assert_eq!((token.is_cancelled(), token.reason()), (false, None));
        assert!(token.cancel("after the end"));
        assert_eq!(token.cancelled().await, why("after the end"));
    });
}

#[test]
fn token_04_a_scope_whose_future_is_dropped_unfinished_counts_as_cancelled() {
    testing::run(async {
        let scope = CancelScope::new();
        let token = scope.token();
        let watcher = spawn({
            let token = token.clone();
            async move { token.cancelled().await }
        });
        let mut body = Box::pin(scope.run(pending::<()>()));
        drop(scope);
        assert!(futures::poll!(&mut body).is_pending());
        yield_now().await;
        drop(body);
        assert_eq!(token.reason(), Some(CancelReason::OwnerDropped));
        assert_eq!(watcher.await.unwrap(), CancelReason::OwnerDropped);
    });
}

#[test]
fn token_04_the_token_of_a_dropped_handle_still_cancels() {
    testing::run(async {
        let scope = CancelScope::new();
        let token = scope.token();
        let body = scope.run(pending::<()>());
        drop(scope);
        let _other = spawn(async move { token.cancel("by the token") });
        assert_eq!(body.await, Err(Cancelled(why("by the token"))));
    });
}

#[test]
fn token_04_a_scope_that_was_never_run_and_is_gone_cancels_nothing_by_itself() {
    testing::run(async {
        let token = CancelScope::new().token();
        assert!(!token.is_cancelled());
        assert!(timeout(ms(10), token.cancelled()).await.is_err());
        assert!(token.cancel("by hand"));
        assert_eq!(token.cancelled().await, why("by hand"));
    });
}

#[test]
fn token_05_many_waiters_come_and_go_and_nothing_is_left() {
    testing::run(async {
        let scope = CancelScope::new();
        for _ in 0..100 {
            let token = scope.token();
            assert!(timeout(ms(1), token.cancelled()).await.is_err());
        }
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                let token = scope.token();
                spawn(async move {
                    if n % 2 == 0 {
                        Ok(token.cancelled().await)
                    } else {
                        Err(timeout(ms(n), token.cancelled()).await.is_err())
                    }
                })
            })
            .collect();
        sleep(ms(200)).await;
        scope.cancel("all of you");
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), if n % 2 == 0 { Ok(why("all of you")) } else { Err(true) });
        }
    });
}

// ---- from other threads

/// Calls that on another thread, and waits for it.
fn elsewhere<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(f).join().unwrap())
}

#[test]
fn remote_01_cancels_before_the_scope_runs() {
    run(async {
        let scope = CancelScope::new();
        let remote = scope.token().remote();
        assert!(elsewhere(|| remote.cancel("early")));
        assert!(scope.is_cancelled() && scope.token().is_cancelled());
        let outcome = scope.run(async { unreachable!("it is not started") });
        assert_eq!(outcome.await, Err::<(), _>(Cancelled(why("early"))));
    });
}

#[test]
fn remote_01_cancels_while_the_executor_is_parked() {
    let (parked, is_parked) = mpsc::channel();
    let clock = HandClock::default();
    let park = HandPark::new(move |_| {
        let _ = parked.send(());
        thread::yield_now();
    });
    let executor = Executor::builder().clock(clock).park(park).build();
    let outcome = executor.run(async {
        let scope = CancelScope::new();
        let remote = scope.token().remote();
        let canceller = thread::spawn(move || {
            is_parked.recv().unwrap();
            remote.cancel("while it sleeps")
        });
        let outcome = scope.run(pending::<()>()).await;
        assert!(canceller.join().unwrap());
        outcome
    });
    assert_eq!(outcome, Err(Cancelled(why("while it sleeps"))));
}

#[test]
fn remote_01_cancels_while_the_scope_is_busy() {
    let record = Record::new();
    run(async {
        let scope = CancelScope::new();
        let remote = scope.token().remote();
        let outcome = scope.run(async {
            assert!(elsewhere(|| remote.cancel("while it is busy")));
            record.add("goes on");
            assert!(scope.is_cancelled());
            pending::<()>().await;
            record.add("never");
        });
        assert_eq!(outcome.await, Err(Cancelled(why("while it is busy"))));
    });
    assert_eq!(record.take(), ["goes on"]);
}

#[test]
fn remote_01_cancels_after_the_end_to_no_effect_but_on_tokens() {
    run(async {
        let scope = CancelScope::new();
        let (token, remote) = (scope.token(), scope.token().remote());
        assert_eq!(scope.run(async { 5 }).await, Ok(5));
        assert!(elsewhere(|| remote.cancel("late")) && !remote.cancel("later"));
        assert_eq!(token.cancelled().await, why("late"));
    });
    // Nor is the executor needed for it.
    let remote = run(async { CancelScope::new().token().remote() });
    assert!(remote.cancel("much later") && remote.is_cancelled());
    assert_eq!(remote.reason(), Some(why("much later")));
}

#[test]
fn remote_01_reaches_a_scope_that_nobody_else_has_a_handle_of() {
    testing::run(async {
        let (body, remote) = {
            let scope = CancelScope::new();
            (scope.run(pending::<()>()), scope.token().remote())
        };
        let task = spawn(body);
        yield_now().await;
        assert!(elsewhere(|| remote.cancel("by the remote alone")));
        let outcome = timeout(ms(10), task).await.expect("the scope is told").unwrap();
        assert_eq!(outcome, Err(Cancelled(why("by the remote alone"))));
    });
}

#[test]
fn remote_01_learns_that_a_scope_was_dropped_that_nobody_else_has_a_handle_of() {
    testing::run(async {
        let (body, remote) = {
            let scope = CancelScope::new();
            (scope.run(pending::<()>()), scope.token().remote())
        };
        assert!(timeout(ms(1), body).await.is_err());
        assert_eq!(remote.reason(), Some(CancelReason::OwnerDropped));
    });
}

#[test]
fn remote_02_the_first_reason_stays_from_whatever_side_it_comes() {
    let scope = CancelScope::new();
    let remote = scope.token().remote();
    assert!(scope.cancel("its own thread"));
    assert!(!elsewhere(|| remote.cancel("another thread")));
    assert_eq!(remote.reason(), Some(why("its own thread")));

    let scope = CancelScope::new();
    let (one, two) = (scope.token().remote(), scope.token().remote());
    assert!(elsewhere(|| one.cancel("another thread")));
    assert!(!scope.cancel("its own thread") && !two.cancel("a third"));
    assert_eq!((scope.reason(), two.reason()), (Some(why("another thread")), Some(why("another thread"))));

    let scope = CancelScope::new();
    scope.cancel("before there was a remote token");
    let remote = scope.token().remote();
    assert!(remote.is_cancelled() && !remote.cancel("late"));
}

#[test]
fn remote_02_sees_the_deadline_of_its_scope() {
    testing::run(async {
        let scope = CancelScope::new();
        scope.set_deadline(at(10));
        let remote = scope.token().remote();
        assert!(!remote.is_cancelled());
        scope.run(pending::<()>()).await.unwrap_err();
        assert_eq!(elsewhere(|| remote.reason()), Some(CancelReason::DeadlineExceeded));
    });
}

#[test]
fn remote_03_wakes_those_who_wait_for_the_token_whether_they_came_before_or_after_it_was_made() {
    let executor = Executor::new();
    let scope = CancelScope::new();
    let wait = |token: CancelToken| executor.spawn(async move { token.cancelled().await });
    let before = wait(scope.token());
    executor.run_until_stalled();
    let remote = scope.token().remote();
    let after = wait(scope.token());
    executor.run_until_stalled();
    elsewhere(|| remote.cancel("now"));
    executor.run(async {
        assert_eq!(before.await.unwrap(), why("now"));
        assert_eq!(after.await.unwrap(), why("now"));
    });
}

#[test]
fn remote_03_wakes_waiters_of_several_executors() {
    let (one, two) = (Executor::new(), Executor::new());
    let scope = CancelScope::new();
    let remote = scope.token().remote();
    let [first, second] = [&one, &two].map(|executor| {
        let token = scope.token();
        executor.spawn(async move { token.cancelled().await })
    });
    one.run_until_stalled();
    two.run_until_stalled();
    elsewhere(|| remote.cancel("everywhere"));
    assert_eq!(two.run(second).unwrap(), why("everywhere"));
    assert_eq!(one.run(first).unwrap(), why("everywhere"));
}

#[test]
fn remote_03_clean_up_in_the_scope_runs_and_awaits() {
    let record = Record::new();
    run(async {
        let scope = CancelScope::new();
        let remote = scope.token().remote();
        let body = finally(
            async {
                thread::spawn(move || remote.cancel("from elsewhere"));
                pending::<()>().await;
            },
            async |_: Option<&()>| {
                yield_now().await;
                record.add("cleaned up");
            },
        );
        assert_eq!(scope.run(body).await, Err(Cancelled(why("from elsewhere"))));
    });
    assert_eq!(record.take(), ["cleaned up"]);
}

#[test]
fn remote_04_of_many_threads_that_race_exactly_one_wins() {
    const THREADS: usize = 8;
    let rounds = if cfg!(miri) { 2 } else { 200 };
    run(async {
        for _ in 0..rounds {
            let scope = CancelScope::new();
            let (winners, barrier) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(THREADS)));
            let threads: Vec<_> = (0..THREADS)
                .map(|n| {
                    let (remote, winners, barrier) = (scope.token().remote(), winners.clone(), barrier.clone());
                    thread::spawn(move || {
                        barrier.wait();
                        remote.cancel(format!("thread {n}")).then(|| winners.fetch_add(1, SeqCst)).map(|_| n)
                    })
                })
                .collect();
            let Err(Cancelled(reason)) = scope.run(pending::<()>()).await else { unreachable!() };
            let winner: Vec<usize> = threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect();
            assert_eq!((winners.load(SeqCst), winner.len()), (1, 1));
            assert_eq!(reason, CancelReason::from(format!("thread {}", winner[0])));
        }
    });
}

#[test]
fn remote_04_its_own_thread_may_race_with_others() {
    let rounds = if cfg!(miri) { 2 } else { 1000 };
    for _ in 0..rounds {
        let scope = CancelScope::new();
        let barrier = Arc::new(Barrier::new(2));
        let (remote, other) = (scope.token().remote(), barrier.clone());
        let thread = thread::spawn(move || {
            other.wait();
            remote.cancel("another thread")
        });
        barrier.wait();
        let own = scope.cancel("its own thread");
        let foreign = thread.join().unwrap();
        assert!(own != foreign, "both, or neither: own {own}, foreign {foreign}");
        let winner = Some(why(if own { "its own thread" } else { "another thread" }));
        assert_eq!((scope.reason(), scope.token().remote().reason()), (winner.clone(), winner));
    }
}

#[test]
fn remote_05_may_be_dropped_on_another_thread_and_outlive_everything() {
    fn is_send_and_sync<T: Send + Sync>(_: &T) {}
    let remote = testing::run(async {
        let scope = CancelScope::new();
        let remote = scope.token().remote();
        let _ = timeout(ms(1), scope.run(pending::<()>())).await;
        remote
    });
    is_send_and_sync(&remote);
    assert_eq!(elsewhere(|| RemoteToken::reason(&remote)), Some(CancelReason::OwnerDropped));
    elsewhere(move || drop(remote));
}

// ---- the main future

#[test]
fn main_01_from_another_thread_while_main_waits() {
    let executor = Executor::new();
    let handle = executor.handle();
    let (waits, is_waiting) = mpsc::channel();
    let thread = thread::spawn(move || {
        is_waiting.recv().unwrap();
        handle.cancel_main("from a thread")
    });
    let outcome = executor.run_outcome(async {
        waits.send(()).unwrap();
        pending::<()>().await;
    });
    assert_eq!(reason_of(outcome), why("from a thread"));
    assert_eq!(thread.join().unwrap(), Ok(()));
}

#[test]
fn main_01_cancels_nothing_but_main() {
    let executor = Executor::new();
    let other = executor.spawn(async {
        yield_now().await;
        5
    });
    executor.handle().cancel_main("main").unwrap();
    assert_eq!(reason_of(executor.run_outcome(pending::<()>())), why("main"));
    assert_eq!(other.state(), TaskState::Running);
    assert_eq!(executor.run(other).unwrap(), 5);
}

#[test]
fn main_02_before_the_start_main_is_never_started_and_of_several_reasons_the_first_counts() {
    let executor = Executor::new();
    let handle = executor.handle();
    handle.cancel_main("first").unwrap();
    elsewhere(|| handle.cancel_main("second")).unwrap();
    let outcome = executor.run_outcome(async { unreachable!("it is never started") });
    assert_eq!(reason_of::<()>(outcome), why("first"));
    // It counted once.
    assert_eq!(executor.run_outcome(async { 5 }).unwrap(), 5);
}

#[test]
fn main_02_main_may_clean_up_and_finish() {
    let record = Record::new();
    let says = record.clone();
    let executor = Executor::new();
    let handle = executor.handle();
    let outcome = executor.run_outcome(async move {
        let body = async {
            handle.cancel_main("by itself").unwrap();
            pending::<()>().await;
        };
        finally(body, async |_: Option<&()>| {
            sleep(ms(1)).await;
            says.add("cleaned up");
        })
        .await;
    });
    assert!(matches!(outcome, Err(JoinError::Cancelled(_))));
    assert_eq!(record.take(), ["cleaned up"]);
}

#[test]
fn main_03_after_the_executors_end_it_is_an_error() {
    let executor = Executor::new();
    let handle = executor.handle();
    executor.run(async {});
    drop(executor);
    assert_eq!(handle.cancel_main("late"), Err(ExecutorEnded));
    assert_eq!(elsewhere(|| handle.clone().cancel_main("late")), Err(ExecutorEnded));
    assert_eq!(format!("{handle:?}"), "Handle(ended)");
    assert_eq!(
        ExecutorEnded.to_string(),
        "the executor has ended: keep it alive for as long as other threads use its handle"
    );
}

#[test]
fn main_03_a_handle_does_not_reach_a_later_executor_with_the_same_id() {
    let handle = Executor::new().handle();
    let executors: Vec<Executor> = (0..10).map(|_| Executor::new()).collect();
    assert_eq!(handle.cancel_main("late"), Err(ExecutorEnded));
    for executor in executors {
        assert_eq!(executor.run_outcome(async { 5 }).unwrap(), 5);
    }
}

#[test]
fn main_04_many_threads_while_main_ends() {
    let rounds = if cfg!(miri) { 2 } else { 100 };
    for _ in 0..rounds {
        let executor = Executor::new();
        let slot = Rc::new(RefCell::new(None));
        let waker = slot.clone();
        let outcome = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let handle = executor.handle();
                    scope.spawn(move || handle.cancel_main("a race"))
                })
                .collect();
            let outcome = executor.run_outcome(async move {
                let wakes = async {
                    yield_now().await;
                    waker.take().into_iter().for_each(std::task::Waker::wake);
                };
                futures::join!(wait_for_wake(&slot), wakes);
            });
            threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
            outcome
        });
        match outcome {
            Ok(()) => {}
            outcome => assert_eq!(reason_of(outcome), why("a race")),
        }
    }
}
