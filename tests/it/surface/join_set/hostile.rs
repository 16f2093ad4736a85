//! Panics, foreign wakers, code that comes back in.

use super::{Set, after, run_heard};
use crate::kit::{
    groups::Group,
    probe::{Drops, Record, Wakes, ms, on_drop, reason_of},
    stage::run_clean,
};
use evenkeel::{CancelReason, Executor, JoinError, TaskGroup, finally, group::JoinSet, sleep, spawn, yield_now};
use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    task::{Context, Poll, Waker},
};

#[test]
fn a_values_destructor_may_panic_where_nobody_reads_it() {
    #[derive(Debug)]
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in the destructor");
        }
    }
    let ((), heard) = run_heard(async {
        let outcome = Group::run(async |group| {
            let set = group.join_set();
            for _ in 0..3 {
                set.spawn(async { Bomb });
            }
            // It ends when the set is gone.
            let late = finally(pending::<()>(), async |_: Option<&()>| ());
            set.spawn(async {
                late.await;
                Bomb
            });
            sleep(ms(1)).await;
            drop(set);
            Ok(())
        });
        outcome.await.unwrap();
    });
    assert_eq!(heard, ["destructor: in the destructor"; 3]);
}

#[test]
fn a_destructor_of_the_future_that_panics_as_it_is_cancelled_is_the_childs_panic() {
    run_clean(Group::run(async |group| {
        let mut set: Set<()> = group.join_set();
        let child = set.spawn(async {
            let _bomb = on_drop(|| panic!("in the destructor"));
            pending().await
        });
        yield_now().await;
        child.cancel("enough");
        assert!(matches!(set.join_next().await, Some(Err(JoinError::Panicked(panic))) if panic.message() == "in the destructor"));
        Ok(())
    }))
    .unwrap();
}

#[test]
fn a_waker_may_join_and_spawn_and_drop_the_set() {
    use crate::kit::bomb::{Op, bomb, defuse};
    run_clean(Group::run(async |group| {
        let set: Rc<RefCell<Option<Set<u8>>>> = Rc::new(RefCell::new(Some(group.join_set())));
        let (inner, joined) = (set.clone(), Record::new());
        let says = joined.clone();
        let waker = bomb(move |op| {
            if let Op::Wake = op {
                let mut set = inner.borrow_mut();
                says.add(set.as_mut().unwrap().try_join_next().unwrap().unwrap());
                set.as_ref().unwrap().spawn(async { 9 });
                set.take();
            }
        });
        set.borrow().as_ref().unwrap().spawn(after(1, 7));
        let polled = set.borrow_mut().as_mut().unwrap().poll_join_next(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        sleep(ms(2)).await;
        assert_eq!((joined.take(), set.borrow().is_none()), (vec![7], true));
        defuse();
        Ok(())
    }))
    .unwrap();
}

/// The host polls the set from outside, with a waker whose clone drives the executor.
#[test]
fn a_waker_in_whose_clone_a_child_ends_does_not_lose_it() {
    use crate::kit::bomb::{Op, bomb, defuse};
    let executor = Rc::new(Executor::new());
    let kept: Rc<RefCell<Option<JoinSet<u8, String>>>> = Rc::default();
    let keeps = kept.clone();
    let (sender, receiver) = evenkeel::sync::oneshot::channel();
    let task = executor.spawn(TaskGroup::<String>::run(async move |group| {
        let set = group.join_set();
        set.spawn(async move { receiver.await.unwrap() });
        *keeps.borrow_mut() = Some(set);
        pending::<()>().await;
        Ok(())
    }));
    executor.run_until_stalled();
    let (sender, drives) = (Cell::new(Some(sender)), executor.clone());
    let waker = bomb(move |op| {
        if let (Op::Clone, Some(sender)) = (op, sender.take()) {
            sender.send(7_u8).unwrap();
            drives.run_until_stalled();
        }
    });
    let mut set = kept.take().unwrap();
    let polled = set.poll_join_next(&mut Context::from_waker(&waker));
    assert!(matches!(polled, Poll::Ready(Some(Ok(7)))), "{polled:?}");
    defuse();
    drop((set, task));
}

/// The waker of whoever joined goes with the set: a destructor of its that panics is not its children's.
#[test]
fn a_set_that_is_dropped_drops_its_joiners_waker_at_once_and_a_panic_of_that_is_no_childs() {
    use crate::kit::bomb::{Op, bomb, defuse};
    let ((), heard) = run_heard(async {
        let outcome = Group::run(async |group| {
            let mut set: Set<()> = group.join_set();
            set.spawn(finally(pending(), async |_: Option<&()>| sleep(ms(2)).await));
            sleep(ms(1)).await;
            let dropped = Rc::new(Cell::new(0));
            let (counts, is_armed) = (dropped.clone(), Rc::new(Cell::new(true)));
            let armed = is_armed.clone();
            {
                let waker = bomb(move |op| {
                    if let Op::Drop = op {
                        counts.set(counts.get() + 1);
                        if counts.get() == 1 && armed.get() {
                            panic!("in the waker's destructor");
                        }
                    }
                });
                assert!(set.poll_join_next(&mut Context::from_waker(&waker)).is_pending());
                drop(set);
                is_armed.set(false);
                assert_eq!(dropped.get(), 1);
            }
            defuse();
            Ok(())
        });
        outcome.await.unwrap();
    });
    assert_eq!(heard, ["waker: in the waker's destructor"]);
}

#[test]
fn only_the_newest_waker_is_called_and_once() {
    run_clean(Group::run(async |group| {
        let mut set: Set<()> = group.join_set();
        set.spawn(after(1, ()));
        set.spawn(after(1, ()));
        let ((old, old_waker), (new, new_waker)) = (Wakes::new(), Wakes::new());
        assert!(set.poll_join_next(&mut Context::from_waker(&old_waker)).is_pending());
        assert!(set.poll_join_next(&mut Context::from_waker(&new_waker)).is_pending());
        sleep(ms(2)).await;
        assert_eq!((old.count(), new.count()), (0, 1));
        assert!(matches!(set.poll_join_next(&mut Context::from_waker(Waker::noop())), Poll::Ready(Some(Ok(())))));
        assert_eq!(set.len(), 1);
        Ok(())
    }))
    .unwrap();
}

#[test]
fn the_end_of_the_executor_ends_a_sets_children() {
    let drops = Drops::default();
    let guard = drops.guard();
    let executor = Executor::new();
    let kept: Rc<RefCell<Option<JoinSet<(), String>>>> = Rc::default();
    let keeps = kept.clone();
    executor.run(async move {
        spawn(TaskGroup::<String>::run(async move |group| {
            let set = group.join_set();
            set.spawn(async move {
                let _guard = guard;
                pending().await
            });
            *keeps.borrow_mut() = Some(set);
            pending::<()>().await;
            Ok(())
        }))
        .detach();
        yield_now().await;
        yield_now().await;
    });
    executor.close(ms(1_000));
    assert_eq!(drops.count(), 1);
    let mut set = kept.take().unwrap();
    assert_eq!(reason_of(set.try_join_next().unwrap()), CancelReason::Shutdown);
    assert!(set.is_empty());
}
