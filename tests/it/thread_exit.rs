//! The end of a thread: executors, handles, wakers and sleeps may lie in thread-locals, whichever goes first.

use crate::probe::{my_waker, poll_with_noop};
use evenkeel::{Executor, Sleep, Spawner, Task, run, sleep, spawn, try_run};
use std::{
    cell::RefCell,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Waker,
    thread,
    time::Duration,
};

/// Counts its drops on any thread.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

struct Kept {
    tasks: Vec<Task<Dropped>>,
    wakers: Vec<Waker>,
    sleeps: Vec<Sleep>,
    spawner: Spawner,
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Everything can be used up to the end.
        self.wakers.iter().for_each(Waker::wake_by_ref);
        for task in &mut self.tasks {
            let _ = (task.id(), task.is_finished(), task.name());
            task.cancel("at the end");
            drop(task.take_result());
        }
        if let Ok(task) = self.spawner.spawn(async {}) {
            task.detach();
        }
        drop(std::mem::take(&mut self.sleeps));
    }
}

thread_local! {
    static EXECUTOR: RefCell<Option<Executor>> = const { RefCell::new(None) };
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// Fills both thread-locals; the one that is registered first is destroyed first, or last, depending on the platform.
fn fill(executor_first: bool, drops: &Arc<AtomicUsize>) {
    let executor = Executor::new();
    let guard = || Dropped(drops.clone());
    let (ended, live) = (guard(), guard());
    let mut tasks = vec![executor.spawn(async move { ended })];
    executor.run_until_stalled();
    tasks.push(executor.spawn(async move {
        pending::<()>().await;
        live
    }));
    let detached = guard();
    executor
        .spawn(async move {
            let _detached = detached;
            pending::<()>().await
        })
        .detach();
    let (wakers, sleeps) = executor.run(async {
        let mut wait = sleep(Duration::from_secs(100));
        assert!(poll_with_noop(&mut wait).is_pending());
        (vec![my_waker().await], vec![wait])
    });
    let kept = Kept { tasks, wakers, sleeps, spawner: executor.spawner() };
    if executor_first {
        EXECUTOR.set(Some(executor));
        KEPT.set(Some(kept));
    } else {
        KEPT.set(Some(kept));
        EXECUTOR.set(Some(executor));
    }
}

#[test]
fn fault_28_executors_handles_wakers_and_sleeps_may_lie_in_thread_locals_in_both_orders() {
    for executor_first in [true, false] {
        let drops = Arc::new(AtomicUsize::new(0));
        let counted = drops.clone();
        thread::spawn(move || fill(executor_first, &counted)).join().unwrap();
        assert_eq!(drops.load(SeqCst), 3);
    }
}

/// A task that uses the executor's own thread-locals, and others, when it is dropped at the end of its thread.
struct UsesAll(Arc<AtomicUsize>);

impl Drop for UsesAll {
    fn drop(&mut self) {
        let _ = evenkeel::try_current();
        let _ = evenkeel::Instant::now();
        spawn(async {}).detach();
        assert!(try_run(async {}).is_err(), "the executor is being ended");
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn fault_28_destructors_of_tasks_work_at_the_end_of_the_thread() {
    let drops = Arc::new(AtomicUsize::new(0));
    let guard = UsesAll(drops.clone());
    thread::spawn(move || {
        let executor = Executor::new();
        executor
            .spawn(async move {
                let _guard = guard;
                pending::<()>().await
            })
            .detach();
        executor.run_until_stalled();
        EXECUTOR.set(Some(executor));
    })
    .join()
    .unwrap();
    assert_eq!(drops.load(SeqCst), 1);
}

#[test]
fn fault_28_run_works_in_a_destructor_at_the_end_of_the_thread() {
    struct Runs(Arc<AtomicUsize>);
    impl Drop for Runs {
        fn drop(&mut self) {
            let value = run(async {
                let task = spawn(async { 1 });
                sleep(Duration::from_micros(10)).await;
                task.await.unwrap()
            });
            self.0.fetch_add(value, SeqCst);
        }
    }
    thread_local! {
        static RUNS: RefCell<Option<Runs>> = const { RefCell::new(None) };
    }
    let sum = Arc::new(AtomicUsize::new(0));
    let runs = Runs(sum.clone());
    thread::spawn(move || RUNS.set(Some(runs))).join().unwrap();
    assert_eq!(sum.load(SeqCst), 1);
}

#[test]
fn fault_28_handles_that_outlive_their_executor_may_be_dropped_at_the_end_of_the_thread() {
    let drops = Arc::new(AtomicUsize::new(0));
    let counted = drops.clone();
    thread::spawn(move || {
        let chain = run(async {
            let guard = Dropped(counted.clone());
            let (inner, waker) = (spawn(async move { guard }), my_waker().await);
            evenkeel::yield_now().await;
            (inner, waker)
        });
        let (inner, waker) = chain;
        let spawner = run(async { evenkeel::spawner() });
        KEPT.set(Some(Kept { tasks: vec![inner], wakers: vec![waker], sleeps: Vec::new(), spawner }));
    })
    .join()
    .unwrap();
    assert_eq!(drops.load(SeqCst), 1);
}
