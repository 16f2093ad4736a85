//! Executors, handles and wakers in thread-locals, and task-locals.

use crate::tools::{DropGuard, Drops, my_waker};
use evenkeel_executor::{Executor, Task, TaskLocal, run, spawn, yield_now};
use std::{cell::RefCell, future::pending, rc::Rc, task::Waker, thread};

thread_local! {
    static EXECUTOR: RefCell<Option<Executor>> = const { RefCell::new(None) };
    static KEPT: RefCell<Option<(Vec<Task<String>>, Wakes)>> = const { RefCell::new(None) };
}

struct Wakes(Vec<Waker>);

impl Drop for Wakes {
    fn drop(&mut self) {
        self.0.iter().for_each(Waker::wake_by_ref);
    }
}

#[test]
fn fault_28_thread_locals_end_in_both_orders() {
    for executor_first in [true, false] {
        thread::spawn(move || {
            let executor = Executor::new();
            let tasks = vec![
                executor.spawn(async { String::from("ended") }),
                executor.spawn(pending()),
                executor.spawn(async { panic!("nobody reads it") }).named("panicked"),
            ];
            executor.run_until_stalled();
            let wakers = Wakes(vec![executor.run(my_waker())]);
            if executor_first {
                EXECUTOR.set(Some(executor));
                KEPT.set(Some((tasks, wakers)));
            } else {
                KEPT.set(Some((tasks, wakers)));
                EXECUTOR.set(Some(executor));
            }
        })
        .join()
        .unwrap();
    }
}

static INHERITED: TaskLocal<Rc<DropGuard>> = TaskLocal::inherited();
static OWN: TaskLocal<Rc<DropGuard>> = TaskLocal::new();

#[test]
fn task_locals_are_set_replaced_inherited_and_dropped() {
    let drops = Drops::default();
    run(async {
        INHERITED.set(Rc::new(drops.guard()));
        OWN.set(Rc::new(drops.guard()));
        OWN.set(Rc::new(drops.guard()));
        assert_eq!(drops.count(), 1);
        let child = spawn(async {
            yield_now().await;
            (INHERITED.get().is_some(), OWN.get().is_some())
        });
        INHERITED.with(|guard| assert!(guard.is_some()));
        assert_eq!(child.await.unwrap(), (true, false));
        let cancelled = spawn(pending::<()>());
        yield_now().await;
        drop(cancelled);
        let panics = spawn(async { panic!("with an inherited local") });
        let _: Result<(), _> = panics.await;
    });
    assert_eq!(drops.count(), 3);
}

#[test]
fn names_reasons_and_references_are_read_in_every_state() {
    run(async {
        let mut task = spawn(async { evenkeel_executor::current_task().name() }).named(String::from("first"));
        task = task.named("second");
        let id = task.id();
        yield_now().await;
        yield_now().await;
        assert_eq!((task.id(), task.name().as_deref()), (id, Some("second")));
        assert_eq!(task.take_result().unwrap().unwrap().as_deref(), Some("second"));
        let _ = format!("{task:?} {:?} {}", task.parent(), task.location());
    });
}
