//! Values that belong to a task.

use crate::kit::probe::{Drops, Record, on_drop, panic_of};
use evenkeel::{Executor, Task, run, spawn, task::TaskLocal, yield_now};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
};

static INHERITED: TaskLocal<u32> = TaskLocal::inherited();
static OWN: TaskLocal<u32> = TaskLocal::new();

#[test]
fn locals_inherit_per_key_and_at_the_spawn() {
    run(async {
        INHERITED.set(1);
        OWN.set(2);
        let child = spawn(async {
            yield_now().await;
            let mine = (INHERITED.get(), OWN.get());
            INHERITED.set(10);
            let grandchild = spawn(async { (INHERITED.get(), OWN.get()) });
            (mine, grandchild.await.unwrap())
        });
        INHERITED.set(5);
        OWN.set(6);
        assert_eq!(child.await.unwrap(), ((Some(1), None), (Some(10), None)));
        assert_eq!((INHERITED.get(), OWN.get()), (Some(5), Some(6)));
    });
}

#[test]
fn locals_of_other_tasks_and_of_none_are_not_seen() {
    assert_eq!((INHERITED.get(), OWN.get()), (None, None));
    let executor = Executor::new();
    let mut first = executor.spawn(async {
        INHERITED.set(1);
        yield_now().await;
        INHERITED.get()
    });
    let mut second = executor.spawn(async { INHERITED.get() });
    for _ in 0..3 {
        executor.run_until_stalled();
    }
    // Spawned by no task, after one had a value.
    let mut third = executor.spawn(async { INHERITED.get() });
    executor.run_until_stalled();
    assert_eq!(first.take_result().unwrap().unwrap(), Some(1));
    assert_eq!(second.take_result().unwrap().unwrap(), None);
    assert_eq!(third.take_result().unwrap().unwrap(), None);
}

#[test]
fn locals_are_dropped_when_their_task_ends_however_it_ends() {
    static KEY: TaskLocal<Box<dyn std::any::Any>> = TaskLocal::new();
    let drops = Drops::default();
    let executor = Executor::new();
    let with_local = |end: u8| {
        let guard = drops.guard();
        executor.spawn(async move {
            KEY.set(Box::new(guard));
            match end {
                0 => {}
                1 => panic!("with a local"),
                _ => pending::<()>().await,
            }
        })
    };
    let tasks: Vec<Task<()>> = (0..4).map(with_local).collect();
    executor.run_until_stalled();
    assert_eq!(drops.count(), 2);
    tasks[2].cancel("stop");
    executor.run_until_stalled();
    assert_eq!(drops.count(), 3, "while every handle is still there");
    drop(executor);
    assert_eq!(drops.count(), 4);
    drop(tasks);
}

#[test]
fn locals_that_are_replaced_are_dropped_then_and_may_look_at_the_new_one() {
    static KEY: TaskLocal<Option<Looks>> = TaskLocal::new();
    struct Looks(Record<&'static str>);
    impl Drop for Looks {
        fn drop(&mut self) {
            self.0.add(if KEY.with(|value| value.unwrap().is_none()) { "sees the new one" } else { "?" });
        }
    }
    let record = Record::new();
    run(async {
        KEY.set(Some(Looks(record.clone())));
        KEY.set(None);
    });
    assert_eq!(record.take(), ["sees the new one"]);
}

#[test]
fn locals_last_through_the_destructors_of_their_tasks_future() {
    let seen = Rc::new(Cell::new(None));
    run(async {
        let look = seen.clone();
        let task = spawn(async move {
            OWN.set(7);
            let _look = on_drop(move || look.set(OWN.get()));
            pending::<()>().await
        });
        yield_now().await;
        drop(task);
        yield_now().await;
    });
    assert_eq!(seen.get(), Some(7));
}

#[test]
fn locals_may_set_another_while_they_are_read() {
    run(async {
        OWN.set(1);
        OWN.with(|value| {
            assert_eq!(value, Some(&1));
            OWN.set(2);
            assert_eq!(value, Some(&1));
        });
        assert_eq!(OWN.get(), Some(2));
    });
}

#[test]
fn setting_a_local_outside_a_task_panics_and_names_run() {
    assert!(panic_of(|| OWN.set(1)).contains("evenkeel::run"));
}

thread_local! {
    static NOTES: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Sets a second local while the first is dropped at the task's end.
struct SetsAnother;
static SETS_ANOTHER: TaskLocal<SetsAnother> = TaskLocal::new();
static LATE: TaskLocal<Late> = TaskLocal::new();
impl Drop for SetsAnother {
    fn drop(&mut self) {
        LATE.set(Late);
    }
}
struct Late;
impl Drop for Late {
    fn drop(&mut self) {
        NOTES.with_borrow_mut(|notes| notes.push("late local dropped"));
    }
}

#[test]
fn a_local_that_another_ones_destructor_sets_is_dropped_with_its_task() {
    let executor = Executor::new();
    let task = executor.spawn(async { SETS_ANOTHER.set(SetsAnother) });
    executor.run_until_stalled();
    assert_eq!(NOTES.take(), ["late local dropped"]);
    drop(task);
}

/// The same, and the second one's destructor panics.
struct SetsABomb;
static SETS_A_BOMB: TaskLocal<SetsABomb> = TaskLocal::new();
static BOMB: TaskLocal<Bomb> = TaskLocal::new();
impl Drop for SetsABomb {
    fn drop(&mut self) {
        BOMB.set(Bomb);
    }
}
struct Bomb;
impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("late local");
    }
}

#[test]
fn fault_10_a_late_local_whose_destructor_panics_harms_no_other_handle() {
    let drops = Drops::default();
    let executor = Executor::builder().on_unhandled(|_| {}).build();
    let with_output = |bomb: bool| {
        let guard = drops.guard();
        executor.spawn(async move {
            if bomb {
                SETS_A_BOMB.set(SetsABomb);
            }
            guard
        })
    };
    let first = with_output(true);
    executor.run_until_stalled();
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(first)));
    let second = with_output(false);
    executor.run_until_stalled();
    drop(second);
    assert_eq!(drops.count(), 2);
}

#[test]
fn fault_10_a_late_local_whose_destructor_panics_does_not_end_another_task() {
    let executor = Executor::builder().on_unhandled(|_| {}).build();
    // It is woken in its last poll, so it is freed by the loop a turn later, behind the other one's poll.
    let innocent = executor.spawn(async {
        for _ in 0..5 {
            yield_now().await;
        }
        "innocent"
    });
    executor
        .spawn(async {
            SETS_A_BOMB.set(SetsABomb);
            crate::kit::probe::my_waker().await.wake();
        })
        .detach();
    assert_eq!(executor.run(innocent).unwrap(), "innocent");
}

#[test]
fn fault_13_a_locals_destructor_may_drop_the_handle_of_its_own_task() {
    type Own = Rc<RefCell<Option<Task<()>>>>;
    static KEY: TaskLocal<Box<dyn std::any::Any>> = TaskLocal::new();
    let own = Own::default();
    let executor = Executor::new();
    let mine = own.clone();
    let mut task = executor.spawn(async move {
        let drops_it = on_drop(move || drop(mine.take()));
        KEY.set(Box::new(drops_it));
    });
    // Somebody waits for it.
    assert!(crate::kit::probe::poll_with_noop(&mut task).is_pending());
    *own.borrow_mut() = Some(task);
    executor.run_until_stalled();
    assert!(own.borrow().is_none());
    assert_eq!(executor.run(async { 1 }), 1);
}
