//! The end of a thread: executors, handles, wakers and sleeps may lie in thread-locals, whichever goes first.

use crate::kit::probe::{my_waker, poll_with_noop};
use evenkeel::{Executor, Task, TaskGroup, host::try_run, run, sleep, spawn, task::Spawner, time::Sleep};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Waker,
    thread,
    time::Duration,
};

/// Counts its drops on any thread.
#[derive(Debug)]
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
        let _ = evenkeel::task::try_current_task();
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
        let spawner = run(async { evenkeel::task::spawner() });
        KEPT.set(Some(Kept { tasks: vec![inner], wakers: vec![waker], sleeps: Vec::new(), spawner }));
    })
    .join()
    .unwrap();
    assert_eq!(drops.load(SeqCst), 1);
}

/// Runs `f` in the destructor of a thread-local that goes after all others of its thread, those of evenkeel included.
fn at_the_very_end(f: impl FnOnce() + Send + 'static) {
    struct Last(Option<Box<dyn FnOnce()>>);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.take().into_iter().for_each(|f| f());
        }
    }
    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    let (done, is_done) = std::sync::mpsc::channel();
    let ran = thread::spawn(move || {
        // Thread-locals go in the reverse of the order in which they came on some platforms, and in that order on others: before this one
        // everything was used, and afterwards again.
        let use_all = || {
            let executor = Executor::builder().on_wake_local(|| ()).on_wake(|| ()).build();
            executor.run_until_stalled();
            executor.spawn(async {}).detach();
            let _ = run(TaskGroup::<String>::run(async |outer| {
                outer.spawn_group(async |inner| {
                    inner.spawn(async { Ok(()) });
                    Ok(())
                });
                Ok(())
            }));
        };
        LAST.set(None);
        use_all();
        LAST.set(Some(Last(Some(Box::new(move || {
            f();
            done.send(()).unwrap();
        })))));
        use_all();
    })
    .join();
    assert!(ran.is_ok() && is_done.recv().is_ok());
}

#[test]
fn fault_28_an_on_wake_local_callback_works_in_a_destructor_at_the_end_of_the_thread() {
    at_the_very_end(|| {
        let calls = Rc::new(Cell::new(0));
        let count = calls.clone();
        let executor = Executor::builder().on_wake_local(move || count.set(count.get() + 1)).build();
        executor.spawn(pending::<()>()).detach();
        executor.run_until_stalled();
        executor.spawn(async {}).detach();
        assert_eq!((calls.get(), Rc::strong_count(&calls)), (1, 2));
        drop(executor);
        assert_eq!(Rc::strong_count(&calls), 1);
    });
}

#[test]
fn fault_28_a_task_is_found_by_its_reference_at_the_end_of_the_thread() {
    at_the_very_end(|| {
        let executor = Executor::new();
        let task = executor.spawn(pending::<()>());
        executor.run_until_stalled();
        let reference = task.task_ref().unwrap();
        reference.cancel("by reference");
        executor.run_until_stalled();
        assert!(task.is_finished());
    });
}

#[test]
fn fault_28_a_tick_inside_its_own_callback_panics_at_the_end_of_the_thread_too() {
    at_the_very_end(|| {
        let place: Rc<RefCell<Option<Rc<Executor>>>> = Rc::default();
        let (inside, refused) = (place.clone(), Rc::new(Cell::new(0)));
        let count = refused.clone();
        let callback = move || {
            let executor = inside.borrow().clone().unwrap();
            let ticked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| executor.run_until_stalled()));
            count.set(count.get() + usize::from(ticked.is_err()));
        };
        let executor = Rc::new(Executor::builder().on_wake_local(callback).build());
        *place.borrow_mut() = Some(executor.clone());
        executor.run_until_stalled();
        executor.spawn(async {}).detach();
        assert_eq!(refused.get(), 1);
        drop(place.take());
    });
}

#[test]
fn fault_28_groups_in_groups_know_where_they_are_at_the_end_of_the_thread() {
    at_the_very_end(|| {
        let value = run(TaskGroup::<String>::run(async |outer| {
            let child = outer.spawn(async { Ok(3) });
            // A child of the outer group, awaited in an inner one: that is inside.
            TaskGroup::<String>::run(async |inner| {
                let inside = inner.spawn(async { Ok(child.await) });
                Ok(inside.await)
            })
            .await
            .map_err(|error| error.to_string())
        }));
        assert_eq!(value.unwrap(), 3);
    });
}
