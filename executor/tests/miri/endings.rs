//! Each way in which a task can end, times each way in which its handle can go.

use crate::tools::{DropGuard, Drops, my_waker, on_drop};
use evenkeel_executor::{Budget, Executor, Readiness, Task, run, spawn, yield_now};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

#[derive(Clone, Copy, Debug)]
enum End {
    Value,
    ValueAfterAWait,
    Panic,
    PanicAfterAWait,
    Cancelled,
    CancelledUnpolled,
    CancelledInItsPoll,
    Aborted,
    DestructorPanics,
    AtShutdown,
}
use End::*;

const ENDS: [End; 10] = [
    Value,
    ValueAfterAWait,
    Panic,
    PanicAfterAWait,
    Cancelled,
    CancelledUnpolled,
    CancelledInItsPoll,
    Aborted,
    DestructorPanics,
    AtShutdown,
];

#[derive(Clone, Copy, Debug)]
enum Gone {
    Taken,
    Polled,
    Dropped,
    Detached,
}

/// A task with a value of type `T` that ends in that way, and is woken once more in its last poll.
fn task<T: std::fmt::Debug + 'static>(executor: &Executor, end: End, drops: &Drops, value: T) -> Task<T> {
    let guard = drops.guard();
    executor.spawn(async move {
        let _guard = guard;
        match end {
            ValueAfterAWait | PanicAfterAWait => yield_now().await,
            CancelledInItsPoll => {
                evenkeel_executor::current_task().cancel("myself");
                pending().await
            }
            DestructorPanics => {
                let _bomb = on_drop(|| panic!("destructor"));
                pending().await
            }
            Cancelled | Aborted | AtShutdown => pending().await,
            _ => {}
        }
        my_waker().await.wake();
        if matches!(end, Panic | PanicAfterAWait) {
            panic!("poll");
        }
        value
    })
}

fn bring_about<T>(executor: &Executor, end: End, task: &Task<T>) {
    if !matches!(end, CancelledUnpolled) {
        executor.tick(Budget::polls(1));
    }
    match end {
        Cancelled | CancelledUnpolled | DestructorPanics => task.cancel(String::from("an owned reason")),
        Aborted => task.abort(),
        _ => {}
    }
    executor.tick(Budget::polls(4));
}

fn let_go<T: 'static>(mut task: Task<T>, gone: Gone) {
    match gone {
        Gone::Taken => drop(task.take_result().expect("an outcome")),
        Gone::Polled => {
            let outcome = Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop()));
            assert!(outcome.is_ready());
        }
        Gone::Dropped => drop(task),
        Gone::Detached => task.detach(),
    }
}

/// Every end and every way of the handle, before and after the executor's end; every other task has a name.
fn matrix<T: std::fmt::Debug + 'static>(ends: &[End], value: impl Fn(&Drops) -> T, drops_per_value: usize) {
    let mut named = false;
    for &end in ends {
        for gone in [Gone::Taken, Gone::Polled, Gone::Dropped, Gone::Detached] {
            for after in [false, true] {
                named = !named;
                let drops = Drops::default();
                let executor = Executor::builder().on_unhandled(|_| {}).build();
                let mut task = task(&executor, end, &drops, value(&drops));
                if named ^ after {
                    task = task.named(format!("{end:?}"));
                }
                bring_about(&executor, end, &task);
                if after || matches!(end, AtShutdown) {
                    drop(executor);
                    let_go(task, gone);
                } else {
                    let_go(task, gone);
                    executor.run_until_stalled();
                    drop(executor);
                }
                assert_eq!(drops.count(), 1 + drops_per_value, "{end:?}, {gone:?}, {after}, {named}");
            }
        }
    }
}

#[test]
fn every_end_and_every_way_of_the_handle_with_an_owned_value() {
    matrix(&ENDS, |drops| drops.guard(), 1);
}

#[test]
fn every_way_of_the_handle_without_a_value() {
    matrix(&[Value, Panic, Cancelled], |_| (), 0);
}

#[test]
fn handles_that_go_before_the_end() {
    for end in ENDS {
        for detached in [false, true] {
            for polled in [false, true] {
                let drops = Drops::default();
                let executor = Executor::builder().on_unhandled(|_| {}).build();
                let task = task(&executor, end, &drops, drops.guard()).named("short");
                if polled {
                    executor.tick(Budget::polls(1));
                }
                if detached {
                    task.detach()
                } else {
                    drop(task)
                }
                executor.tick(Budget::polls(4));
                drop(executor);
                assert_eq!(drops.count(), 2, "{end:?}");
            }
        }
    }
}

#[test]
fn values_whose_destructors_panic() {
    #[derive(Debug)]
    struct Bomb(#[expect(dead_code, reason = "owned to be dropped")] DropGuard);
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("output");
        }
    }
    for after in [false, true] {
        let drops = Drops::default();
        let reports = Rc::new(Cell::new(0));
        let count = reports.clone();
        let executor = Executor::builder().on_unhandled(move |_| count.set(count.get() + 1)).build();
        let spawn = || {
            let bomb = Bomb(drops.guard());
            executor.spawn(async move { bomb })
        };
        let (dropped, detached) = (spawn(), spawn());
        spawn().detach();
        executor.run_until_stalled();
        if after {
            drop(executor);
        }
        // Whoever lets go of a handle is not to blame for its value: the panic is reported, to stderr once the executor is gone.
        drop(dropped);
        detached.detach();
        assert_eq!((drops.count(), reports.get()), (3, if after { 1 } else { 3 }));
    }
}

#[test]
fn futures_whose_destructors_panic_with_a_value_and_with_a_panic() {
    for panics in [false, true] {
        let drops = Drops::default();
        let executor = Executor::builder().on_unhandled(|_| {}).build();
        let (bomb, value) = (on_drop(|| panic!("future")), drops.guard());
        let mut value = Some(value);
        let task = executor.spawn(poll_fn(move |_| {
            let _ = &bomb;
            assert!(!panics, "poll");
            Poll::Ready(value.take())
        }));
        executor.run_until_stalled();
        assert!(task.is_finished());
        drop(task);
        assert_eq!(drops.count(), 1);
    }
}

#[derive(Debug)]
struct Link(#[expect(dead_code, reason = "owned to be dropped")] Option<Task<Link>>, #[expect(dead_code)] DropGuard);

#[test]
fn chains_of_outputs_and_of_futures() {
    for finished in [true, false] {
        for after in [true, false] {
            for detached in [true, false] {
                let drops = Drops::default();
                let executor = Executor::new();
                let mut next = None;
                for _ in 0..6 {
                    let link = Link(next.take(), drops.guard());
                    next = Some(executor.spawn(async move {
                        if !finished {
                            pending::<()>().await;
                        }
                        link
                    }));
                }
                executor.run_until_stalled();
                let first = next.unwrap();
                if detached {
                    // The loop drops it, and all that hang on it.
                    executor.spawn(async move { first }).detach();
                    executor.run_until_stalled();
                    drop(executor);
                } else if after {
                    drop(executor);
                    drop(first);
                } else {
                    drop(first);
                    while executor.run_until_stalled().readiness != Readiness::Finished {}
                }
                assert_eq!(drops.count(), 6);
            }
        }
    }
}

#[test]
fn a_chain_whose_links_end_an_executor_between_them() {
    // The output of a task of one executor owns another executor, whose task's output owns a third.
    let drops = Drops::default();
    let mut inner: Option<Box<dyn Any>> = None;
    let executors: Vec<Executor> = (0..3).map(|_| Executor::new()).collect();
    for executor in executors {
        let (guard, held) = (drops.guard(), inner.take());
        let task = executor.spawn(async move { (guard, held) });
        executor.run_until_stalled();
        inner = Some(Box::new((executor, task)));
    }
    drop(inner);
    assert_eq!(drops.count(), 3);
}

#[test]
fn a_task_that_has_and_drops_its_own_handle() {
    type Own<T> = Rc<RefCell<Option<Task<T>>>>;
    for finishes in [true, false] {
        for inside_poll in [true, false] {
            let drops = Drops::default();
            let executor = Executor::new();
            let own: Own<DropGuard> = Own::default();
            let (mine, guard, value) = (own.clone(), drops.guard(), drops.guard());
            let late = own.clone();
            let in_destructor = on_drop(move || drop((!inside_poll).then(|| late.take())));
            *own.borrow_mut() = Some(executor.spawn(async move {
                let _all = (guard, in_destructor);
                if inside_poll {
                    drop(mine.take());
                }
                if !finishes {
                    pending::<()>().await;
                }
                value
            }));
            executor.run_until_stalled();
            if let Some(task) = &*own.borrow() {
                task.cancel("stop");
            }
            executor.run_until_stalled();
            executor.run_until_stalled();
            drop(own.take());
            assert_eq!(drops.count(), 2);
        }
    }
}

#[test]
fn cancellations_from_everywhere() {
    let drops = Drops::default();
    run(async {
        let victim = |drops: &Drops| {
            let guard = drops.guard();
            spawn(async move {
                let _guard = guard;
                pending::<()>().await
            })
        };
        let (one, two, three) = (victim(&drops), victim(&drops), victim(&drops));
        yield_now().await;
        let chain = spawn(async move {
            let _last = on_drop({
                let mut all = Some((one, two, three));
                move || {
                    let (one, two, three) = all.take().unwrap();
                    one.cancel("one");
                    two.abort();
                    drop(three);
                    one.detach();
                    drop(two);
                }
            });
            pending::<()>().await
        });
        yield_now().await;
        drop(chain);
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(drops.count(), 3);
}
