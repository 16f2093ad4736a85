//! A million of everything, and little stack.

use crate::kit::probe::{on_a_small_stack, wait_for_wake};
use evenkeel::{Executor, Task, host::Readiness, run, spawn, testing, yield_now};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    task::Waker,
    time::Duration,
};

/// Debug builds make do with less.
const MANY: usize = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };

/// A link of a chain: what a task gives, or holds.
#[derive(Debug)]
struct Link {
    _next: Option<Task<Link>>,
    drops: Rc<Cell<usize>>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.drops.set(self.drops.get() + 1);
    }
}

/// `MANY` tasks, each of which owns the next one's handle: in its future, or in its output.
fn chain(executor: &Executor, drops: &Rc<Cell<usize>>, finished: bool) -> Task<Link> {
    let mut next = None;
    for _ in 0..MANY {
        let link = Link { _next: next.take(), drops: drops.clone() };
        next = Some(executor.spawn(async move {
            if !finished {
                pending::<()>().await;
            }
            link
        }));
    }
    executor.run_until_stalled();
    next.unwrap()
}

#[test]
fn fault_15_a_chain_of_live_tasks_is_dropped_flat() {
    on_a_small_stack(|| {
        let drops = Rc::new(Cell::new(0));
        let executor = Executor::new();
        let first = chain(&executor, &drops, false);
        drop(first);
        while executor.run_until_stalled().readiness != Readiness::Finished {}
        assert_eq!(drops.get(), MANY);
    });
}

#[test]
fn fault_15_a_chain_of_live_tasks_is_dropped_flat_at_the_executors_end() {
    on_a_small_stack(|| {
        let drops = Rc::new(Cell::new(0));
        let executor = Executor::new();
        let first = chain(&executor, &drops, false);
        drop(executor);
        assert_eq!(drops.get(), MANY);
        drop(first);
    });
}

#[test]
fn fault_15_a_chain_of_outputs_is_dropped_flat() {
    on_a_small_stack(|| {
        let drops = Rc::new(Cell::new(0));
        let executor = Executor::new();
        let first = chain(&executor, &drops, true);
        assert_eq!(executor.run_until_stalled().readiness, Readiness::Finished);
        drop(first);
        assert_eq!(drops.get(), MANY);
    });
}

#[test]
fn fault_15_a_chain_of_outputs_is_dropped_flat_after_the_executors_end() {
    on_a_small_stack(|| {
        let drops = Rc::new(Cell::new(0));
        let executor = Executor::new();
        let first = chain(&executor, &drops, true);
        drop(executor);
        assert_eq!(drops.get(), 0);
        drop(first);
        assert_eq!(drops.get(), MANY);
    });
}

#[test]
fn fault_15_a_chain_of_outputs_is_dropped_flat_by_a_detached_task() {
    on_a_small_stack(|| {
        let drops = Rc::new(Cell::new(0));
        let executor = Executor::new();
        let first = chain(&executor, &drops, true);
        executor.spawn(async move { first }).detach();
        executor.run_until_stalled();
        assert_eq!(drops.get(), MANY);
    });
}

#[test]
fn fault_15_a_chain_of_joins_ends_flat() {
    on_a_small_stack(|| {
        run(async {
            let mut last = spawn(yield_now());
            for _ in 0..MANY {
                last = spawn(async move { last.await.unwrap() });
            }
            last.await.unwrap();
        });
    });
}

#[test]
fn fault_15_a_cascade_of_wake_ups_is_flat() {
    on_a_small_stack(|| {
        let slots: Rc<Vec<RefCell<Option<Waker>>>> = Rc::new((0..=MANY).map(|_| RefCell::default()).collect());
        let woken = Rc::new(Cell::new(0));
        let executor = Executor::new();
        for n in 0..MANY {
            let (slots, woken) = (slots.clone(), woken.clone());
            executor
                .spawn(async move {
                    wait_for_wake(&slots[n]).await;
                    woken.set(woken.get() + 1);
                    let next = slots[n + 1].take();
                    next.into_iter().for_each(Waker::wake);
                })
                .detach();
        }
        executor.run_until_stalled();
        let first = slots[0].take();
        first.unwrap().wake();
        while executor.run_until_stalled().readiness != Readiness::Finished {}
        assert_eq!(woken.get(), MANY);
    });
}

#[test]
fn fault_15_destructors_that_spawn_destructors_that_spawn_are_flat() {
    struct Spawns(usize, Rc<Cell<usize>>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            self.1.set(self.1.get() + 1);
            if self.0 > 0 {
                let next = Spawns(self.0 - 1, self.1.clone());
                spawn(async move { drop(next) }).detach();
            }
        }
    }
    on_a_small_stack(|| {
        let drops = Rc::new(Cell::new(0));
        let first = Spawns(MANY, drops.clone());
        let executor = Executor::new();
        executor.spawn(async move { drop(first) }).detach();
        // The end: each is cancelled from birth.
        drop(executor);
        assert_eq!(drops.get(), MANY + 1);
    });
}

#[test]
fn scale_a_million_live_tasks_and_timers() {
    testing::run(async {
        let sum = Rc::new(Cell::new(0));
        let tasks: Vec<Task<()>> = (0..MANY)
            .map(|n| {
                let sum = sum.clone();
                spawn(async move {
                    evenkeel::sleep(Duration::from_micros((n % 1000) as u64 * 77)).await;
                    sum.set(sum.get() + 1);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(sum.get(), MANY);
    });
}
