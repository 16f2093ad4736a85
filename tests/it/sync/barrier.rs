//! asyncio's `Barrier`, fact by fact.

use crate::kit::{
    hosts::{Hand, everywhere, now, pass},
    probe::panic_of,
};
use evenkeel::sync::{Barrier, Broken};
use std::rc::Rc;

#[test]
fn barrier_parties_at_least_one() {
    assert!(panic_of(|| Barrier::new(0)).contains("at least one"));
    assert_eq!(Barrier::new(3).parties(), 3);
}

#[test]
fn barrier_filling_tasks_check_return_value_exactly_one_is_the_leader() {
    for parties in 1..6 {
        let barrier = Barrier::new(parties);
        let mut waiters: Vec<_> = (1..parties).map(|_| Hand::waiting(barrier.wait())).collect();
        assert_eq!(now(barrier.wait()), Ok(true), "the last to come leads");
        assert!(waiters.iter_mut().all(|waiter| waiter.ready() == Ok(false)));
    }
}

#[test]
fn barrier_filling_one_task_and_twice_one_party_never_waits() {
    let barrier = Barrier::new(1);
    assert_eq!((now(barrier.wait()), now(barrier.wait())), (Ok(true), Ok(true)));
    assert_eq!(barrier.stats().entered, 0);
}

#[test]
fn barrier_filling_task_by_task_the_count_grows_and_the_last_opens() {
    let barrier = Barrier::new(3);
    let one = Hand::waiting(barrier.wait());
    assert_eq!(barrier.waiting(), 1);
    let two = Hand::waiting(barrier.wait());
    assert_eq!(barrier.waiting(), 2);
    assert_eq!(now(barrier.wait()), Ok(true));
    assert_eq!(barrier.waiting(), 0);
    assert!(one.is_woken() && two.is_woken());
}

#[test]
fn barrier_filling_tasks_wait_twice_it_is_reusable() {
    let record = everywhere(|tasks, record| {
        let barrier = Rc::new(Barrier::new(3));
        for n in 0..3 {
            let (barrier, record) = (barrier.clone(), record.clone());
            tasks.spawn(async move {
                for round in 0..3 {
                    for _ in 0..n {
                        pass().await;
                    }
                    record.add(round);
                    barrier.wait().await.unwrap();
                }
            });
        }
    });
    assert_eq!(record, [0, 0, 0, 1, 1, 1, 2, 2, 2]);
}

#[test]
fn barrier_draining_state_and_blocking_tasks_while_draining_do_not_exist_rounds_do_not_mix() {
    let barrier = Barrier::new(2);
    let mut one = Hand::waiting(barrier.wait());
    assert_eq!(now(barrier.wait()), Ok(true));
    // `one` has not run yet, and the next round fills already.
    let mut next = Hand::waiting(barrier.wait());
    assert_eq!(barrier.waiting(), 1);
    assert_eq!(one.ready(), Ok(false));
    assert!(next.is_pending());
    assert_eq!(now(barrier.wait()), Ok(true));
    assert_eq!(next.ready(), Ok(false));
}

#[test]
fn barrier_filling_tasks_cancel_one_it_leaves_and_one_more_is_needed() {
    let barrier = Barrier::new(3);
    let mut one = Hand::waiting(barrier.wait());
    drop(Hand::waiting(barrier.wait()));
    assert_eq!((barrier.waiting(), barrier.is_broken()), (1, false));
    let mut three = Hand::waiting(barrier.wait());
    assert_eq!(now(barrier.wait()), Ok(true));
    assert_eq!((one.ready(), three.ready()), (Ok(false), Ok(false)));
}

#[test]
fn barrier_a_waiter_released_and_then_dropped_was_there() {
    let barrier = Barrier::new(2);
    let one = Hand::waiting(barrier.wait());
    assert_eq!(now(barrier.wait()), Ok(true));
    drop(one);
    assert_eq!(barrier.waiting(), 0);
    assert!(Hand::new(barrier.wait()).is_pending());
}

#[test]
fn barrier_reset_barrier_without_waiters_has_no_effect() {
    let barrier = Barrier::new(1);
    barrier.reset();
    assert_eq!(now(barrier.wait()), Ok(true));
}

#[test]
fn barrier_reset_barrier_while_tasks_waiting_they_get_broken_and_it_is_usable() {
    let barrier = Barrier::new(3);
    let mut waiters = [0; 2].map(|_| Hand::waiting(barrier.wait()));
    barrier.reset();
    assert!(waiters.iter_mut().all(|waiter| waiter.ready() == Err(Broken)));
    assert_eq!((barrier.waiting(), barrier.is_broken()), (0, false));
    let _waiters = [0; 2].map(|_| Hand::waiting(barrier.wait()));
    assert_eq!(now(barrier.wait()), Ok(true));
}

#[test]
fn barrier_reset_barrier_when_tasks_half_draining_those_who_were_released_are_out() {
    let barrier = Barrier::new(3);
    let mut waiters = [0; 2].map(|_| Hand::waiting(barrier.wait()));
    assert_eq!(now(barrier.wait()), Ok(true));
    assert_eq!(waiters[0].ready(), Ok(false));
    let mut next = Hand::waiting(barrier.wait());
    barrier.reset();
    assert_eq!(waiters[1].ready(), Ok(false), "its round was complete");
    assert_eq!(next.ready(), Err(Broken), "its round was not");
}

#[test]
fn barrier_reset_barrier_while_tasks_waiting_and_waiting_again() {
    let record = everywhere(|tasks, record| {
        let barrier = Rc::new(Barrier::new(2));
        let waiting = (barrier.clone(), record.clone());
        tasks.spawn(async move {
            let (barrier, record) = waiting;
            record.add(barrier.wait().await);
            record.add(barrier.wait().await);
        });
        tasks.spawn(async move {
            barrier.reset();
            pass().await;
            pass().await;
            record.add(barrier.wait().await);
        });
    });
    assert_eq!(record, [Err(Broken), Ok(true), Ok(false)]);
}

#[test]
fn barrier_reset_barrier_while_tasks_draining_by_the_last_one_out_harms_nobody() {
    let barrier = Barrier::new(2);
    let mut one = Hand::waiting(barrier.wait());
    assert_eq!(now(barrier.wait()), Ok(true));
    barrier.reset();
    assert_eq!(one.ready(), Ok(false));
}

#[test]
fn barrier_abort_barrier_breaks_it_without_waiters_and_for_later_ones() {
    let barrier = Barrier::new(2);
    barrier.abort();
    assert!(barrier.is_broken());
    assert_eq!((now(barrier.wait()), now(barrier.wait())), (Err(Broken), Err(Broken)));
}

#[test]
fn barrier_abort_barrier_when_tasks_half_draining_breaks_those_who_wait_only() {
    let barrier = Barrier::new(2);
    let mut out = Hand::waiting(barrier.wait());
    assert_eq!(now(barrier.wait()), Ok(true));
    let mut inside = Hand::waiting(barrier.wait());
    barrier.abort();
    assert_eq!((out.ready(), inside.ready()), (Ok(false), Err(Broken)));
}

#[test]
fn fact_68_barrier_abort_barrier_when_exception_then_resetting_repairs_it() {
    let barrier = Barrier::new(2);
    let mut waiter = Hand::waiting(barrier.wait());
    barrier.abort();
    let error = waiter.ready().unwrap_err();
    assert!(error.to_string().contains("Barrier::reset"), "{error}");
    assert_eq!(now(barrier.wait()), Err(Broken));
    barrier.reset();
    let mut waiter = Hand::waiting(barrier.wait());
    assert_eq!(now(barrier.wait()), Ok(true));
    assert_eq!(waiter.ready(), Ok(false));
}
