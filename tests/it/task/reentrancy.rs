//! User code may do anything from anywhere: spawn, wake, cancel and drop, in polls, in destructors and in wakers.

use crate::kit::bomb::{Op, bomb, defuse, polled_in_wake};
use crate::kit::probe::{Drops, Record, my_waker, on_drop, panic_of};
use evenkeel::{Executor, JoinError, Task, current_task, run, spawn, task::spawner, yield_now};
use std::{
    any::Any,
    cell::RefCell,
    future::{pending, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

type Slot<T> = Rc<RefCell<Option<T>>>;

fn guarded(drops: &Drops) -> impl Future<Output = ()> + use<> {
    let guard = drops.guard();
    async move {
        let _guard = guard;
        pending::<()>().await
    }
}

#[test]
fn fault_12_a_destructor_may_spawn_wake_cancel_and_drop_handles() {
    let (drops, record) = (Drops::default(), Record::new());
    run(async {
        let cancelled = Rc::new(spawn(guarded(&drops)));
        let dropped = spawn(guarded(&drops));
        let waker: Waker = my_waker().await;
        yield_now().await;
        let (keep, child, inner) = (cancelled.clone(), record.clone(), record.clone());
        let victim = spawn(async move {
            let _all = on_drop(move || {
                spawn(async move { child.add("child") }).detach();
                spawner().spawn(async {}).unwrap().detach();
                waker.wake_by_ref();
                keep.cancel("from a destructor");
                drop(dropped);
                inner.add("destructor");
            });
            pending::<()>().await
        });
        yield_now().await;
        drop(victim);
        for _ in 0..4 {
            yield_now().await;
        }
        assert_eq!(drops.count(), 2);
        assert!(cancelled.is_finished());
    });
    assert_eq!(record.take(), ["destructor", "child"]);
}

#[test]
fn fault_12_an_outputs_destructor_may_do_the_same() {
    let (drops, record) = (Drops::default(), Record::new());
    run(async {
        let other = spawn(guarded(&drops));
        yield_now().await;
        let says = record.clone();
        let output = on_drop(move || {
            drop(other);
            spawn(async move { says.add("child") }).detach();
        });
        let mut task = spawn(async move { output });
        yield_now().await;
        assert!(task.is_finished());
        drop(task.take_result());
        yield_now().await;
        yield_now().await;
    });
    assert_eq!((drops.count(), record.take()), (1, vec!["child"]));
}

#[test]
fn fault_13_a_task_may_drop_its_own_handle_in_its_poll() {
    let drops = Drops::default();
    for ends in [true, false] {
        run(async {
            let own: Slot<Task<()>> = Slot::default();
            let (mine, guard) = (own.clone(), drops.guard());
            let task = spawn(async move {
                let _guard = guard;
                drop(mine.take());
                if !ends {
                    pending::<()>().await;
                }
            });
            *own.borrow_mut() = Some(task);
            yield_now().await;
            yield_now().await;
        });
    }
    assert_eq!(drops.count(), 2);
}

#[test]
fn fault_13_a_task_may_drop_its_own_handle_when_its_future_is_dropped() {
    let drops = Drops::default();
    for ends in [true, false] {
        let executor = Executor::new();
        let own: Slot<Task<()>> = Slot::default();
        let (mine, guard) = (own.clone(), drops.guard());
        // The handle lies in what the future captured, so it is dropped with the future.
        let slot = on_drop(move || drop((mine.take(), guard)));
        *own.borrow_mut() = Some(executor.spawn(poll_fn(move |_| {
            let _ = &slot;
            if ends { Poll::Ready(()) } else { Poll::Pending }
        })));
        executor.run_until_stalled();
        if !ends {
            own.borrow().as_ref().unwrap().cancel("stop");
        }
        executor.run_until_stalled();
        assert!(own.borrow().is_none());
    }
    assert_eq!(drops.count(), 2);
}

#[test]
fn fault_13_a_task_may_detach_cancel_and_abort_itself_in_every_order() {
    for order in 0..6 {
        let drops = Drops::default();
        run(async {
            let own: Slot<Task<()>> = Slot::default();
            let (mine, guard) = (own.clone(), drops.guard());
            let task = spawn(async move {
                let _guard = guard;
                let task = mine.take().unwrap();
                let mut todo: Vec<Box<dyn FnOnce()>> = vec![
                    Box::new(move || task.detach()),
                    Box::new(|| assert!(current_task().cancel("myself"))),
                    Box::new(|| assert!(current_task().abort())),
                ];
                todo.swap(0, order % 3);
                if order >= 3 {
                    todo.swap(1, 2);
                }
                todo.into_iter().for_each(|what| what());
                pending::<()>().await
            });
            *own.borrow_mut() = Some(task);
            yield_now().await;
            yield_now().await;
            assert_eq!(drops.count(), 1);
        });
    }
}

#[test]
fn fault_13_an_output_may_hold_the_handle_of_its_own_task() {
    // The two keep each other, as two `Rc` would: they are gone when somebody takes the output out.
    let drops = Drops::default();
    let executor = Executor::new();
    let own: Slot<Task<Box<dyn Any>>> = Slot::default();
    let (mine, guard) = (own.clone(), drops.guard());
    let task = executor.spawn(async move {
        let both: Box<dyn Any> = Box::new((mine, guard));
        both
    });
    *own.borrow_mut() = Some(task);
    executor.run_until_stalled();
    let mut task = own.take().unwrap();
    drop(task.take_result().unwrap().unwrap());
    assert_eq!(drops.count(), 1);
}

#[test]
fn fault_12_a_task_may_be_cancelled_by_the_destructor_of_the_one_that_it_cancelled() {
    let drops = Drops::default();
    run(async {
        let slots: [Slot<Task<()>>; 2] = Default::default();
        for n in 0..2 {
            let (other, guard) = (slots[1 - n].clone(), drops.guard());
            let task = spawn(async move {
                let _both = (guard, on_drop(move || drop(other.take())));
                pending::<()>().await
            });
            *slots[n].borrow_mut() = Some(task);
        }
        yield_now().await;
        drop(slots[0].take());
        for _ in 0..3 {
            yield_now().await;
        }
        assert_eq!(drops.count(), 2);
    });
}

#[test]
fn fault_12_a_poll_may_finish_by_dropping_everything_that_exists() {
    let drops = Drops::default();
    run(async {
        let all: Rc<RefCell<Vec<Task<()>>>> = Rc::default();
        for n in 0..20 {
            let (all_too, guard) = (all.clone(), drops.guard());
            let task = spawn(async move {
                let _guard = guard;
                yield_now().await;
                if n == 10 {
                    let every = all_too.take();
                    drop(every);
                }
                pending::<()>().await
            });
            all.borrow_mut().push(task);
        }
        for _ in 0..5 {
            yield_now().await;
        }
        assert_eq!(drops.count(), 20);
    });
}

#[test]
fn fault_12_the_table_may_grow_during_a_poll() {
    let record = Record::new();
    run(async {
        let count = record.clone();
        let children = spawn(async move {
            let tasks: Vec<Task<()>> = (0..5_000)
                .map(|n| {
                    let count = count.clone();
                    spawn(async move { count.add(n) })
                })
                .collect();
            yield_now().await;
            tasks
        });
        for task in children.await.unwrap() {
            task.await.unwrap();
        }
    });
    assert_eq!(record.take(), (0..5_000).collect::<Vec<_>>());
}

#[test]
fn fault_12_a_joiners_waker_may_poll_synchronously() {
    let record = Record::new();
    let executor = Executor::new();
    let first = executor.spawn(yield_now());
    let second = executor.spawn(async { yield_now().await });
    let says = record.clone();
    let both = async move {
        first.await.unwrap();
        says.add("first");
        second.await.unwrap();
        says.add("second");
    };
    polled_in_wake(both);
    for _ in 0..4 {
        executor.run_until_stalled();
    }
    defuse();
    assert_eq!(record.take(), ["first", "second"]);
}

#[test]
fn fault_12_a_joiners_waker_may_tick_the_executor_before_it_is_stored() {
    // Outside the executor, a handle is polled with a waker whose clone lets the task end.
    let executor = Rc::new(Executor::new());
    let mut task = executor.spawn(async { 8 });
    let ticking = executor.clone();
    let waker = bomb(move |op| {
        if op == Op::Clone {
            ticking.run_until_stalled();
        }
    });
    let got = Pin::new(&mut task).poll(&mut Context::from_waker(&waker));
    defuse();
    let Poll::Ready(Ok(8)) = got else { panic!("the end was missed: {got:?}") };
}

#[test]
fn a_panic_in_a_waker_that_is_cloned_is_the_pollers() {
    let executor = Executor::new();
    let mut task = executor.spawn(async { 8 });
    let waker = bomb(|op| {
        if op == Op::Clone {
            panic!("clone");
        }
    });
    assert_eq!(panic_of(|| Pin::new(&mut task).poll(&mut Context::from_waker(&waker))), "clone");
    defuse();
    executor.run_until_stalled();
    assert!(matches!(task.take_result(), Some(Ok(8))));
}

#[test]
fn fault_13_a_cancelled_task_whose_destructor_drops_its_handle_ends_once() {
    let outcomes: Record<Option<Result<(), JoinError>>> = Record::new();
    run(async {
        let own: Slot<Task<()>> = Slot::default();
        let (mine, kept) = (own.clone(), outcomes.clone());
        let task = spawn(async move {
            let _look = on_drop(move || {
                let mut task = mine.take().unwrap();
                assert!(!task.is_finished());
                kept.add(task.take_result());
                task.cancel("again");
                task.abort();
            });
            pending::<()>().await
        });
        yield_now().await;
        task.cancel("stop");
        *own.borrow_mut() = Some(task);
        yield_now().await;
        yield_now().await;
    });
    assert!(matches!(outcomes.take().as_slice(), [None]));
}
