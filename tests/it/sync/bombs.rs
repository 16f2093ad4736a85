//! Wakers that panic, that come back in, or that are replaced: at every primitive.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    cases::all_cases,
    hosts::Hand,
    probe::Wakes,
};
use evenkeel_testkit::unlike;
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    task::Waker,
};

fn caught<T>(f: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(f)).ok()
}

#[test]
fn fault_14_every_primitive_wakes_the_newest_waker_only() {
    for case in all_cases() {
        let (old, old_waker) = Wakes::new();
        let (new, new_waker) = Wakes::new();
        let mut waiter = Hand::new((case.wait)());
        for waker in [&old_waker, &new_waker, &old_waker, &new_waker, &new_waker] {
            assert!(waiter.poll_with(waker).is_pending(), "{}", case.name);
        }
        (case.serve)();
        assert_eq!((old.count(), new.count()), (0, 1), "{}", case.name);
        assert!(waiter.poll_with(&old_waker).is_ready(), "{}", case.name);
    }
}

#[test]
fn fault_14_every_primitive_wakes_a_waker_that_is_unlike_its_clones() {
    for case in all_cases() {
        let (wakes, waker) = Wakes::new();
        let waker = unlike(waker);
        let mut waiter = Hand::new((case.wait)());
        for _ in 0..3 {
            assert!(waiter.poll_with(&waker).is_pending(), "{}", case.name);
        }
        (case.serve)();
        assert_eq!(wakes.count(), 1, "{}", case.name);
        assert!(waiter.poll_with(&waker).is_ready(), "{}", case.name);
    }
}

#[test]
fn fault_14_every_primitive_works_inside_other_peoples_combinators() {
    use futures::{StreamExt, stream::FuturesUnordered};
    for case in all_cases() {
        let waits: FuturesUnordered<_> = (0..case.room).map(|_| (case.wait)()).collect();
        let serve = case.serve.clone();
        let count = case.room;
        let done = evenkeel::run(async move {
            let waits = evenkeel::spawn(async move { waits.count().await });
            evenkeel::yield_now().await;
            serve();
            waits.await.unwrap()
        });
        assert_eq!(done, count, "{}", case.name);
    }
}

#[test]
fn fault_11_a_waker_that_panics_does_not_keep_the_others_asleep() {
    for op in [Op::Wake, Op::Drop, Op::Clone] {
        for case in all_cases().into_iter().filter(|case| case.room == 3) {
            let armed = Rc::new(Cell::new(false));
            let fuse = armed.clone();
            let waker = bomb(move |happened| {
                let same = happened == op || (op == Op::Wake && happened == Op::WakeByRef);
                assert!(!(same && fuse.get()), "bang");
            });
            let mut first = Hand::waiting((case.wait)());
            let mut victim = Hand::new((case.wait)());
            armed.set(op == Op::Clone);
            let polled = caught(|| victim.poll_with(&waker).is_pending());
            assert_eq!(polled, (op != Op::Clone).then_some(true), "{}", case.name);
            let mut last = Hand::waiting((case.wait)());

            armed.set(op == Op::Wake);
            let served = caught(|| (case.serve)());
            if case.at_once {
                assert_eq!(served.is_none(), op == Op::Wake, "{}", case.name);
                assert!(first.is_woken() && last.is_woken(), "{} {op:?}", case.name);
            }
            // Those who pass it on from one to the next do so when the one before is done, or dropped; and a panic may have
            // kept others from being served.
            for _ in 0..3 {
                let _ = caught(|| (case.serve)());
            }
            let _ = caught(|| first.ready());
            armed.set(op == Op::Drop);
            let _ = caught(|| drop(victim));
            armed.set(false);
            assert!(last.is_woken(), "{} {op:?}", case.name);
            assert!(last.poll().is_ready(), "{} {op:?}", case.name);
            defuse();
        }
    }
}

#[test]
fn fault_11_all_wakers_panic_and_the_first_panic_comes_out() {
    for case in all_cases().into_iter().filter(|case| case.at_once) {
        let wakers: Vec<Waker> = (0..case.room)
            .map(|n| bomb(move |op| assert!(!matches!(op, Op::Wake | Op::WakeByRef), "bang {n}")))
            .collect();
        let mut waiters: Vec<_> = (0..case.room).map(|_| Hand::new((case.wait)())).collect();
        for (waiter, waker) in waiters.iter_mut().zip(&wakers) {
            assert!(waiter.poll_with(waker).is_pending());
        }
        let text = crate::kit::probe::panic_of(|| (case.serve)());
        assert_eq!(text, "bang 0", "{}", case.name);
        for waiter in &mut waiters {
            assert!(waiter.poll().is_ready(), "{}", case.name);
        }
        defuse();
    }
}

#[test]
fn fault_12_a_waker_that_uses_the_same_primitive_finds_nothing_borrowed() {
    for op in [Op::Clone, Op::Wake, Op::Drop] {
        for case in all_cases() {
            let depth = Rc::new(Cell::new(0));
            let (poke, pokes) = (case.poke.clone(), Rc::new(Cell::new(0)));
            let counted = pokes.clone();
            let waker = bomb(move |happened| {
                let same = happened == op || (op == Op::Wake && happened == Op::WakeByRef);
                if same && depth.get() == 0 {
                    depth.set(1);
                    poke();
                    counted.set(counted.get() + 1);
                    depth.set(0);
                }
            });
            let mut waiters: Vec<_> = (0..case.room).map(|_| Hand::new((case.wait)())).collect();
            for waiter in &mut waiters {
                assert!(waiter.poll_with(&waker).is_pending(), "{} {op:?}", case.name);
                // Replaced by another one, and by itself again: the old ones are dropped.
                assert!(waiter.poll().is_pending(), "{} {op:?}", case.name);
                assert!(waiter.poll_with(&waker).is_pending(), "{} {op:?}", case.name);
            }
            (case.serve)();
            // What the pokes took is there again.
            for waiter in &mut waiters {
                if waiter.poll_with(&waker).is_pending() {
                    (case.serve)();
                    assert!(waiter.poll_with(&waker).is_ready(), "{} {op:?}", case.name);
                }
            }
            drop(waiters);
            assert!(pokes.get() > 0, "{} {op:?}", case.name);
            defuse();
        }
    }
}

#[test]
fn fault_12_a_waker_that_serves_while_it_is_cloned_is_not_overlooked() {
    for case in all_cases() {
        let serve = case.serve.clone();
        let once = Cell::new(false);
        let waker = bomb(move |op| {
            if op == Op::Clone && !once.replace(true) {
                serve();
            }
        });
        let mut waiter = Hand::new((case.wait)());
        // Who wants to wait stands in line before his waker is cloned: so it is his.
        assert!(waiter.poll_with(&waker).is_ready(), "{}", case.name);
        drop(waiter);
        defuse();
    }
}

#[test]
fn fault_12_a_waker_that_drops_the_other_waiters_is_fine() {
    for case in all_cases().into_iter().filter(|case| case.room == 3) {
        type Waiters = Rc<std::cell::RefCell<Vec<Hand<futures::future::LocalBoxFuture<'static, ()>>>>>;
        let others: Waiters = Rc::default();
        let dropped = others.clone();
        let waker = bomb(move |op| {
            if matches!(op, Op::Wake | Op::WakeByRef) {
                drop(dropped.take());
            }
        });
        let mut first = Hand::new((case.wait)());
        assert!(first.poll_with(&waker).is_pending());
        others.borrow_mut().extend([0; 2].map(|_| Hand::waiting((case.wait)())));
        (case.serve)();
        assert!(others.borrow().is_empty());
        assert!(first.poll().is_ready(), "{}", case.name);
        // And nothing is stuck.
        let mut next = Hand::new((case.wait)());
        if next.is_pending() {
            (case.serve)();
            drop(next);
        }
        defuse();
    }
}
