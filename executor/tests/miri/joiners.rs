//! Wakers that wait for a task or a sleep and do harm in each of their operations; our own wakers, kept and called.

use crate::tools::{Drops, Op, bomb, defuse, my_waker};
use evenkeel_executor::{CancelReason, Executor, Task, VirtualClock, run, sleep, spawn, yield_now};
use std::{
    cell::RefCell,
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

type Slot<T> = Rc<RefCell<Option<T>>>;

#[test]
fn a_joiner_drops_the_handle_that_it_waits_for() {
    for op in [Op::Wake, Op::Drop] {
        let drops = Drops::default();
        let executor = Executor::new();
        let slot: Slot<Task<_>> = Slot::default();
        let guard = drops.guard();
        let mut task = executor.spawn(async move { guard });
        let handle = slot.clone();
        let waker = bomb(move |now| {
            if now == op {
                drop(handle.take());
            }
        });
        assert!(poll(&mut task, &waker).is_pending());
        *slot.borrow_mut() = Some(task);
        executor.run_until_stalled();
        assert_eq!(drops.count(), 1);
        drop(waker);
        defuse();
    }
}

#[test]
fn a_joiner_takes_the_value_and_spawns_into_the_same_place() {
    let executor = Executor::new();
    let slot: Slot<Task<String>> = Slot::default();
    let mut task = executor.spawn(async { String::from("value") });
    let handle = slot.clone();
    let waker = bomb(move |now| {
        if now == Op::Wake {
            let mut task = handle.take().unwrap();
            assert_eq!(task.take_result().unwrap().unwrap(), "value");
            drop(task);
            spawn(async { String::from("another") }).detach();
        }
    });
    assert!(poll(&mut task, &waker).is_pending());
    *slot.borrow_mut() = Some(task);
    executor.run_until_stalled();
    drop(waker);
    defuse();
}

#[test]
fn a_joiner_ends_the_task_while_it_is_cloned_or_replaced() {
    for op in [Op::Clone, Op::Drop] {
        let executor = Rc::new(Executor::new());
        let mut task = executor.spawn(async { String::from("value") });
        let ticking = executor.clone();
        let first = bomb(move |now| {
            if now == op {
                ticking.run_until_stalled();
            }
        });
        let second = bomb(|_| {});
        let got = match poll(&mut task, &first) {
            Poll::Pending => poll(&mut task, &second),
            ready => ready,
        };
        let Poll::Ready(Ok(value)) = got else { panic!("{op:?}: the end was missed") };
        assert_eq!(value, "value");
        drop((first, second));
        defuse();
    }
}

#[test]
fn joiners_that_panic_in_each_operation() {
    for op in [Op::Clone, Op::Wake, Op::Drop] {
        let drops = Drops::default();
        let executor = Executor::builder().on_unhandled(|_| {}).build();
        let guard = drops.guard();
        let mut task = executor.spawn(async move {
            yield_now().await;
            guard
        });
        let armed = Rc::new(std::cell::Cell::new(true));
        let fuse = armed.clone();
        let first = bomb(move |now| assert!(now != op || !fuse.replace(false), "bomb"));
        let second = bomb(|_| {});
        for waker in [&first, &second, &first] {
            let _ = catch_unwind(AssertUnwindSafe(|| poll(&mut task, waker)));
        }
        executor.run_until_stalled();
        executor.run_until_stalled();
        armed.set(false);
        drop((first, second));
        drop(task);
        defuse();
        assert_eq!(drops.count(), 1, "{op:?}");
    }
}

#[test]
fn sleeps_and_their_wakers_in_every_order() {
    for end in 0..4 {
        let executor = Executor::builder().clock(VirtualClock::new()).on_unhandled(|_| {}).build();
        let slot: Slot<evenkeel_executor::Sleep> = Slot::default();
        let inside = slot.clone();
        let waker = bomb(move |now| {
            if now == Op::Wake && end == 0 {
                drop(inside.take());
            }
            assert!(now != Op::Wake || end != 1, "bomb");
        });
        executor.run(async {
            let mut wait = sleep(Duration::from_millis(5));
            assert!(poll(&mut wait, &waker).is_pending());
            *slot.borrow_mut() = Some(wait);
            if end == 2 {
                drop(slot.take());
            }
            sleep(Duration::from_millis(10)).await;
        });
        drop(executor);
        // With the third end it outlives its executor.
        drop(slot.take());
        drop(waker);
        defuse();
    }
}

#[test]
fn our_wakers_are_called_after_their_task_and_their_executor() {
    let kept: Rc<RefCell<Vec<Waker>>> = Rc::default();
    let executor = Executor::new();
    for _ in 0..3 {
        let kept = kept.clone();
        executor
            .spawn(async move {
                let waker = my_waker().await;
                kept.borrow_mut().push(waker);
                pending::<()>().await
            })
            .detach();
    }
    executor.run_until_stalled();
    fn all_ops(waker: Waker) {
        waker.wake_by_ref();
        let clone = waker.clone();
        clone.wake();
    }
    let all = |wakers: &[Waker]| {
        wakers.iter().for_each(|waker| all_ops(waker.clone()));
    };
    all(&kept.borrow());
    executor.run_until_stalled();
    drop(executor);
    all(&kept.borrow());
    let next = Executor::new();
    next.run(async { all(&kept.borrow()) });
}

#[test]
fn a_task_joins_another_executors_task_and_its_own() {
    let drops = Drops::default();
    let (one, other) = (Executor::new(), Executor::new());
    let guard = drops.guard();
    let task = one.spawn(async move {
        yield_now().await;
        guard
    });
    let joining = other.spawn(async move { drop(task.await.unwrap()) });
    other.run_until_stalled();
    one.run_until_stalled();
    one.run_until_stalled();
    other.run_until_stalled();
    assert!(joining.is_finished());
    let own: Slot<Task<()>> = Slot::default();
    let (mine, guard) = (own.clone(), drops.guard());
    let task = one.spawn(async move {
        let _guard = guard;
        let task = mine.take().unwrap();
        let _ = task.await;
    });
    *own.borrow_mut() = Some(task);
    one.run_until_stalled();
    drop(one);
    assert_eq!(drops.count(), 2);
}

#[test]
fn nested_executors_tick_inside_each_others_polls() {
    let drops = Drops::default();
    run(async {
        let inner = Executor::new();
        let guard = drops.guard();
        let task = inner.spawn(async move {
            let innermost = Executor::new();
            let child = innermost.spawn(async { spawn(async { 1 }).await.unwrap() });
            let value = spawn(async move { child.await.unwrap() });
            for _ in 0..5 {
                innermost.run_until_stalled();
                yield_now().await;
            }
            drop(guard);
            value.await.unwrap()
        });
        let mut value = spawn(async move { task.await.unwrap() });
        while !value.is_finished() {
            inner.run_until_stalled();
            yield_now().await;
        }
        assert_eq!(value.take_result().unwrap().unwrap(), 1);
    });
    assert_eq!(drops.count(), 1);
}

#[test]
fn who_awaits_a_task_is_woken_though_a_reason_comes_to_it_meanwhile() {
    run(async {
        for reason in [CancelReason::RaceLost, CancelReason::from("a text, which takes room")] {
            let task = spawn(pending::<()>());
            let watched = task.task_ref().unwrap();
            let waiting = spawn(async { task.await.is_err() });
            yield_now().await;
            watched.cancel(reason);
            assert!(waiting.await.unwrap());
        }
    });
}

#[test]
fn the_newest_of_those_who_await_a_task_is_woken_be_it_foreign_or_ours() {
    for foreign_last in [false, true] {
        let woken = Rc::new(RefCell::new(Vec::new()));
        let executor = Executor::new();
        let calls = woken.clone();
        let foreign = bomb(move |now| {
            if now == Op::Wake {
                calls.borrow_mut().push("foreign");
            }
        });
        let calls = woken.clone();
        executor.run(async move {
            let mut task = spawn(yield_now());
            let mut waits = false;
            spawn(std::future::poll_fn(move |cx| {
                if std::mem::replace(&mut waits, true) {
                    calls.borrow_mut().push("ours");
                    return Poll::Ready(());
                }
                for is_foreign in [!foreign_last, foreign_last] {
                    assert!(poll(&mut task, if is_foreign { &foreign } else { cx.waker() }).is_pending());
                }
                Poll::Pending
            }))
            .detach();
            for _ in 0..5 {
                yield_now().await;
            }
        });
        assert_eq!(*woken.borrow(), [if foreign_last { "foreign" } else { "ours" }]);
        defuse();
    }
}
