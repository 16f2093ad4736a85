//! Groups among wakers that do what is waited for as they are cloned or dropped.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    groups::{Group, run_with_reports},
};
use evenkeel::{
    Executor,
    host::{Budget, Readiness},
    yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::{Future, pending},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// Polls `future` with a waker that calls `deed` in the first `op` that comes: it is ready, or is woken and is ready then. `is_first`
/// tells whether that is the future's first poll.
fn is_not_lost<F: Future>(mut future: Pin<&mut F>, op: Op, is_first: bool, deed: impl FnOnce() + 'static) -> F::Output {
    let deed = Cell::new(Some(deed));
    let woken = Rc::new(Cell::new(0));
    let wakes = woken.clone();
    let waker = bomb(move |what| {
        if what == op {
            if let Some(deed) = deed.take() {
                deed();
            }
        }
        if matches!(what, Op::Wake | Op::WakeByRef) {
            wakes.set(wakes.get() + 1);
        }
    });
    if !is_first {
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let mut polled = future.as_mut().poll(&mut Context::from_waker(&waker));
    if op == Op::Drop && polled.is_pending() {
        // The newest waker takes its place, and it is dropped.
        let newest = woken.clone();
        let newest = bomb(move |what| {
            if matches!(what, Op::Wake | Op::WakeByRef) {
                newest.set(newest.get() + 1);
            }
        });
        polled = future.as_mut().poll(&mut Context::from_waker(&newest));
    }
    let output = match polled {
        Poll::Ready(output) => output,
        Poll::Pending => {
            assert!(woken.get() > 0, "{op:?}: what it waits for is there, and nobody wakes it");
            match future.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(output) => output,
                Poll::Pending => panic!("{op:?}: it was woken in vain"),
            }
        }
    };
    defuse();
    output
}

const WAYS: [(Op, bool); 4] = [(Op::Clone, true), (Op::Clone, false), (Op::Drop, true), (Op::Drop, false)];

/// Holds a slot of the group until it is dropped.
fn hold(group: &Group) -> Pin<Box<dyn Future<Output = ()>>> {
    let group = group.clone();
    let mut holds = Box::pin(async move {
        let _slot = group.slot().await;
        pending::<()>().await;
    });
    assert!(holds.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    holds
}

#[test]
fn fault_44_a_slot_that_a_waker_gives_back_as_it_is_cloned_or_dropped_is_not_lost() {
    for (op, is_first) in WAYS {
        let (outcome, reports) = run_with_reports(Group::builder().limit(1).run(async |group| {
            let held = hold(&group);
            assert!(group.try_slot().is_none());
            let mut slot = Box::pin(group.slot());
            let slot = is_not_lost(slot.as_mut(), op, is_first, move || drop(held));
            assert!(group.try_slot().is_none(), "it is the one slot");
            slot.spawn(async { Ok::<_, &str>(()) }).await;
            assert_eq!((group.stats().slots_used, group.stats().slots_waiting), (0, 0));
            Ok(())
        }));
        assert_eq!((outcome.is_ok(), reports), (true, Vec::new()));
    }
}

#[test]
fn fault_44_a_group_that_a_waker_cancels_as_it_is_cloned_or_dropped_has_a_slot_for_all() {
    for (op, is_first) in WAYS {
        let (outcome, reports) = run_with_reports(Group::builder().limit(1).run(async |group| {
            let held = hold(&group);
            let mut slot = Box::pin(group.slot());
            let cancels = group.clone();
            drop(is_not_lost(slot.as_mut(), op, is_first, move || cancels.cancel("by a waker")));
            drop(held);
            Ok("the body ends in this poll")
        }));
        assert_eq!((outcome.unwrap(), reports), ("the body ends in this poll", Vec::new()));
    }
}

#[test]
fn fault_44_a_child_that_is_ready_as_a_waker_is_cloned_or_dropped_is_not_missed() {
    for (op, is_first) in WAYS {
        let (outcome, reports) = run_with_reports(Group::run(async |group| {
            let ready = Rc::new(RefCell::new(None));
            let gives = ready.clone();
            let mut started = Box::pin(group.start(async move |ready| {
                *gives.borrow_mut() = Some(ready);
                pending::<Result<(), _>>().await
            }));
            // Its first poll spawns the child.
            assert!(started.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            yield_now().await;
            let ready = ready.take().expect("the child has begun");
            let (value, _) = is_not_lost(started.as_mut(), op, is_first, move || ready.set(5));
            group.cancel("the child never ends");
            Ok(value)
        }));
        assert_eq!((outcome.unwrap(), reports), (5, Vec::new()));
    }
}

/// Ticks for as long as there is something to do.
fn drive(executor: &Executor) {
    while executor.tick(Budget::polls(100)).readiness == Readiness::MoreReady {}
}

/// A sibling: a child's value that comes in the middle of a poll of its handle, by a waker that drives another executor.
#[test]
fn fault_44_a_child_that_ends_as_a_waker_is_cloned_or_dropped_is_not_missed() {
    for (op, is_first) in WAYS {
        let (here, there) = (Executor::new(), Rc::new(Executor::new()));
        let handle = Rc::new(RefCell::new(None));
        let gives = handle.clone();
        let mut group = there.spawn(Group::run(async move |group| {
            *gives.borrow_mut() = Some(group.spawn(async {
                yield_now().await;
                Ok(())
            }));
            Ok(())
        }));
        there.tick(Budget::polls(1));
        let mut child = Box::pin(handle.take().expect("the body has begun"));
        let drives = there.clone();
        here.run(async move {
            is_not_lost(child.as_mut(), op, is_first, move || drive(&drives));
        });
        assert!(matches!(group.take_result(), Some(Ok(Ok(())))));
    }
}

/// A sibling: the group's own future, whose children end in the middle of its poll.
#[test]
fn fault_44_a_group_whose_children_end_as_its_waker_is_cloned_or_dropped_ends() {
    for (op, is_first) in WAYS {
        let (here, there) = (Executor::new(), Rc::new(Executor::new()));
        // The child is a task of the other executor, as that is the current one when it is spawned.
        let outside = Rc::new(RefCell::new(None));
        let gives = outside.clone();
        let mut group = Box::pin(Group::run(async move |group| {
            *gives.borrow_mut() = Some(group);
            yield_now().await;
            Ok(())
        }));
        let drives = there.clone();
        here.run(async move {
            assert!(group.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            let outside = outside.take().expect("the body has begun");
            let spawns = there.spawn(async move {
                drop(outside.spawn(async {
                    yield_now().await;
                    Ok(())
                }))
            });
            there.tick(Budget::polls(1));
            spawns.detach();
            is_not_lost(group.as_mut(), op, is_first, move || drive(&drives)).unwrap();
        });
    }
}
