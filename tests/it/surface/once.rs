//! Cells that are filled once, and who waits for that.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    hosts::{Hand, everywhere, now, pass},
    probe::{Drops, Record, panic_of},
};
use crate::sync::model::check;
use evenkeel::sync::{OnceCell, SetOnce};
use proptest::prelude::*;
use std::{cell::Cell, rc::Rc};

// ---- scenarios: the cell that is set

#[test]
fn a_value_that_is_set_is_there_and_a_second_one_comes_back() {
    let cell = SetOnce::new();
    assert_eq!((cell.get(), cell.is_initialized()), (None, false));
    assert_eq!(cell.set("one"), Ok(()));
    assert_eq!(cell.set("two"), Err("two"));
    assert_eq!((cell.get(), cell.is_initialized()), (Some(&"one"), true));
    assert_eq!(cell.into_inner(), Some("one"));
}

#[test]
fn a_cell_may_be_made_with_a_value_or_without() {
    assert_eq!(SetOnce::from(2).get(), Some(&2));
    assert_eq!(SetOnce::new_with(Some(3)).into_inner(), Some(3));
    assert_eq!(SetOnce::<u8>::new_with(None), SetOnce::default());
    let mut cell = SetOnce::from(4);
    *cell.get_mut().unwrap() += 1;
    assert_eq!((cell.clone(), format!("{cell:?}")), (SetOnce::from(5), "SetOnce(Some(5))".to_owned()));
    assert_ne!(cell, SetOnce::new());
}

#[test]
fn all_who_wait_for_a_value_get_the_same_one_in_order() {
    let record = everywhere(|tasks, record: Record<(u8, u8)>| {
        let cell = Rc::new(SetOnce::new());
        for name in 0..3 {
            let (cell, record) = (cell.clone(), record.clone());
            tasks.spawn(async move { record.add((name, *cell.wait().await)) });
        }
        tasks.spawn(async move {
            pass().await;
            assert_eq!((cell.waiting(), cell.set(7), cell.waiting()), (3, Ok(()), 0));
            record.add((9, *cell.wait().await));
        });
    });
    assert_eq!(record, [(9, 7), (0, 7), (1, 7), (2, 7)]);
}

#[test]
fn who_waits_for_a_value_borrows_the_one_that_is_in_the_cell() {
    let cell = SetOnce::new();
    let mut waiter = Hand::waiting(cell.wait());
    cell.set(String::from("here")).unwrap();
    assert!(std::ptr::eq(waiter.ready(), cell.get().unwrap()));
    assert!(std::ptr::eq(now(cell.wait()), cell.get().unwrap()));
}

#[test]
fn a_value_is_dropped_once_with_its_cell_or_when_it_was_taken_out() {
    let drops = Drops::default();
    drop(SetOnce::from(drops.guard()));
    assert_eq!(drops.count(), 1);
    let value = SetOnce::new_with(Some(drops.guard())).into_inner();
    assert_eq!(drops.count(), 1);
    drop(value);
    assert_eq!(drops.count(), 2);
    let mut cell = OnceCell::from(drops.guard());
    let value = cell.take();
    drop(cell);
    assert_eq!(drops.count(), 2);
    drop(value);
    assert_eq!(drops.count(), 3);
}

// ---- scenarios: the cell that those fill who need it

#[test]
fn who_waits_for_a_cell_makes_no_value_but_gets_the_one_that_another_makes() {
    let cell = OnceCell::new();
    let mut waiter = Hand::waiting(cell.wait());
    let mut maker = Hand::new(cell.get_or_init(async || {
        pass().await;
        5
    }));
    assert!(maker.is_pending() && waiter.is_pending());
    assert_eq!((maker.ready(), waiter.ready(), now(cell.wait())), (&5, &5, &5));
    assert!(cell.is_initialized());
}

#[test]
fn who_waits_for_a_cell_goes_on_waiting_when_its_makers_fail_panic_or_are_dropped() {
    let cell = OnceCell::<u8>::new();
    let mut waiter = Hand::waiting(cell.wait());
    assert_eq!(now(cell.get_or_try_init(async || Err("failed"))), Err("failed"));
    assert_eq!(panic_of(|| now(cell.get_or_init(async || panic!("bang")))), "bang");
    drop(Hand::waiting(cell.get_or_init(std::future::pending)));
    assert!(waiter.is_pending() && !waiter.is_woken());
    assert_eq!(cell.set(1), Ok(()));
    assert_eq!(waiter.ready(), &1);
}

#[test]
fn a_value_that_is_set_while_another_is_made_wins_and_all_get_it() {
    let cell = OnceCell::new();
    let mut maker = Hand::waiting(cell.get_or_init(async || {
        pass().await;
        1
    }));
    let mut second = Hand::waiting(cell.get_or_init(async || 2));
    let mut waiter = Hand::waiting(cell.wait());
    assert_eq!((cell.set(3), cell.set(4)), (Ok(()), Err(4)));
    assert_eq!((waiter.ready(), second.ready(), maker.ready()), (&3, &3, &3));
}

#[test]
fn a_cell_whose_value_was_taken_is_like_new() {
    let mut cell = OnceCell::new_with(Some(1));
    assert_eq!((cell.take(), cell.take(), cell.is_initialized()), (Some(1), None, false));
    {
        let mut waiter = Hand::waiting(cell.wait());
        assert_eq!(now(cell.get_or_init(async || 2)), &2);
        assert_eq!(waiter.ready(), &2);
    }
    assert_eq!(cell.clone(), OnceCell::from(2));
    assert_eq!(cell.take(), Some(2));
    assert_eq!(cell, OnceCell::default());
}

#[test]
fn a_waiter_that_was_forgotten_does_not_keep_a_taken_cell_from_being_filled() {
    let mut cell = OnceCell::new();
    std::mem::forget(Hand::waiting(cell.wait()));
    std::mem::forget(Hand::waiting(cell.get_or_init(std::future::pending)));
    assert_eq!(cell.take(), None::<u8>);
    assert_eq!(now(cell.get_or_init(async || 1)), &1);
}

// ---- wakers that do harm

#[test]
fn wakers_that_panic_keep_nobody_from_a_value() {
    let cell = OnceCell::new();
    let mut maker = Hand::waiting(cell.get_or_init(async || {
        pass().await;
        1
    }));
    let waker = bomb(|op| assert!(!matches!(op, Op::Wake | Op::WakeByRef), "bang"));
    let mut in_turn = Hand::new(cell.get_or_init(async || 2));
    assert!(in_turn.poll_with(&waker).is_pending());
    let mut bomber = Hand::new(cell.wait());
    assert!(bomber.poll_with(&waker).is_pending());
    let mut waiter = Hand::waiting(cell.wait());
    assert_eq!(panic_of(|| cell.set(3)), "bang");
    assert!(waiter.is_woken(), "both lines were told");
    assert_eq!([waiter.ready(), bomber.ready(), in_turn.ready(), maker.ready()], [&3; 4]);
    defuse();
}

#[test]
fn a_waker_that_sets_the_cell_while_it_is_cloned_is_not_overlooked() {
    let cell = Rc::new(SetOnce::new());
    let (sets, times) = (cell.clone(), Rc::new(Cell::new(0)));
    let counted = times.clone();
    let waker = bomb(move |op| {
        if op == Op::Clone {
            counted.set(counted.get() + 1);
            let _ = sets.set(counted.get());
        }
    });
    let mut waiter = Hand::new(cell.wait());
    assert_eq!(waiter.poll_with(&waker), std::task::Poll::Ready(&1));
    defuse();
}

// ---- against a model

#[derive(Clone, Copy, Debug)]
enum Deed {
    Wait,
    Poll(usize),
    Drop(usize),
    Set,
}

#[test]
fn random_programs_of_waits_and_sets_agree_with_a_flag() {
    let deed = prop_oneof![
        5 => Just(Deed::Wait),
        6 => any::<usize>().prop_map(Deed::Poll),
        3 => any::<usize>().prop_map(Deed::Drop),
        1 => Just(Deed::Set),
    ];
    check("set-once", prop::collection::vec(deed, 1..60), |program| {
        let (once, cell) = (SetOnce::new(), OnceCell::new());
        let (mut first, mut number) = (None, 0);
        let mut waits = Vec::new();
        for deed in &program {
            number += 1;
            match *deed {
                Deed::Wait => waits.push((Hand::new(once.wait()), Hand::new(cell.wait()), false)),
                Deed::Poll(_) | Deed::Drop(_) if waits.is_empty() => {}
                Deed::Poll(n) => {
                    let at = n % waits.len();
                    let (one, two, stands) = &mut waits[at];
                    assert_eq!(
                        (one.is_woken(), two.is_woken()),
                        (*stands && first.is_some(), *stands && first.is_some())
                    );
                    let polled = (one.poll().map(|n| Some(*n)), two.poll().map(|n| Some(*n)));
                    *stands = true;
                    if first.is_some() {
                        assert_eq!(polled, (std::task::Poll::Ready(first), std::task::Poll::Ready(first)));
                        waits.swap_remove(at);
                    } else {
                        assert!(polled.0.is_pending() && polled.1.is_pending());
                    }
                }
                Deed::Drop(n) => drop(waits.swap_remove(n % waits.len())),
                Deed::Set => {
                    let wanted = if first.is_some() { Err(number) } else { Ok(()) };
                    assert_eq!((once.set(number), cell.set(number)), (wanted, wanted));
                    first = first.or(Some(number));
                }
            }
            let standing = waits.iter().filter(|(.., stands)| *stands && first.is_none()).count();
            assert_eq!((once.waiting(), once.get(), cell.get()), (standing, first.as_ref(), first.as_ref()));
        }
        program.len()
    });
}
