//! asyncio's `Condition`, fact by fact, with the bugs that it had.

use crate::kit::{
    hosts::{Hand, everywhere, now, pass},
    probe::panic_of,
};
use evenkeel::sync::{Condition, Mutex};
use std::rc::Rc;

#[test]
fn condition_wait_notified_waiters_run_after_the_lock_is_free_one_at_a_time_in_order() {
    let record = everywhere(|tasks, record| {
        let shared = Rc::new((Mutex::new(0), Condition::new()));
        for n in 0..3 {
            let (shared, record) = (shared.clone(), record.clone());
            tasks.spawn(async move {
                let mut guard = shared.0.lock().await;
                shared.1.wait(&mut guard).await;
                record.add((n, *guard));
                *guard += 1;
                pass().await;
            });
        }
        tasks.spawn(async move {
            pass().await;
            let guard = shared.0.lock().await;
            shared.1.notify(2);
            for _ in 0..3 {
                pass().await;
            }
            record.add((9, *guard));
            drop(guard);
            for _ in 0..9 {
                pass().await;
            }
            record.add((9, *shared.0.lock().await));
            shared.1.notify_one();
        });
    });
    assert_eq!(record, [(9, 0), (0, 0), (1, 1), (9, 2), (2, 2)]);
}

#[test]
fn condition_wait_cancel_leaves_a_guard_that_must_be_locked_again() {
    let (mutex, condition) = (Mutex::new(5), Condition::new());
    let mut guard = now(mutex.lock());
    drop(Hand::waiting(condition.wait(&mut guard)));
    assert_eq!(condition.waiting(), 0);
    assert!(!guard.is_held() && !mutex.is_locked());
    let text = panic_of(|| *guard);
    assert!(text.contains("relock"), "{text}");
    let text = panic_of(|| *guard = 1);
    assert!(text.contains("relock"), "{text}");
    let text = panic_of(|| now(condition.wait(&mut guard)));
    assert!(text.contains("relock"), "{text}");
    now(guard.relock());
    now(guard.relock());
    assert_eq!(*guard, 5);
    drop(guard);
    assert!(!mutex.is_locked());
}

#[test]
fn condition_wait_cancel_before_its_first_poll_keeps_the_lock() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let mut guard = now(mutex.lock());
    drop(condition.wait(&mut guard));
    assert!(guard.is_held() && mutex.is_locked());
}

#[test]
fn condition_wait_cancel_contested_a_guard_that_is_dropped_unlocked_unlocks_nobody_elses_lock() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let mut guard = now(mutex.lock());
    let waiter = Hand::waiting(condition.wait(&mut guard));
    let other = now(mutex.lock());
    condition.notify_one();
    drop(waiter);
    drop(guard);
    assert!(mutex.is_locked(), "it is the other's");
    drop(other);
    assert!(!mutex.is_locked());
}

#[test]
fn condition_timeout_in_block_the_block_can_lock_again_and_end_well() {
    evenkeel::testing::run(async {
        let (mutex, condition) = (Mutex::new(1), Condition::new());
        let mut guard = mutex.lock().await;
        let waited = futures::future::select(
            Box::pin(condition.wait(&mut guard)),
            Box::pin(evenkeel::sleep(std::time::Duration::from_millis(5))),
        )
        .await;
        drop(waited);
        guard.relock().await;
        *guard += 1;
        drop(guard);
        assert_eq!(mutex.into_inner(), 2);
    });
}

#[test]
fn condition_wait_for_loops_until_the_predicate_is_true() {
    let record = everywhere(|tasks, record| {
        let shared = Rc::new((Mutex::new(0), Condition::new()));
        let waiting = shared.clone();
        tasks.spawn(async move {
            let mut calls = 0;
            let mut guard = waiting.0.lock().await;
            let predicate = |value: &mut i32| {
                calls += 1;
                *value == 3
            };
            waiting.1.wait_for(&mut guard, predicate).await;
            record.add((calls, *guard));
        });
        tasks.spawn(async move {
            for _ in 0..3 {
                pass().await;
                *shared.0.lock().await += 1;
                shared.1.notify_one();
                pass().await;
            }
        });
    });
    assert_eq!(record, [(4, 3)]);
}

#[test]
fn fact_67_wait_for_what_is_true_returns_at_once() {
    let (mutex, condition) = (Mutex::new(3), Condition::new());
    let mut guard = now(mutex.lock());
    now(condition.wait_for(&mut guard, |value| *value == 3));
    assert_eq!(condition.stats().entered, 0);
}

#[test]
fn condition_notify_n_more_than_present_and_all() {
    let (mutex, condition) = (Mutex::new(()), Condition::default());
    let waiters: Vec<_> = (0..6)
        .map(|_| {
            let waiter = async {
                let mut guard = mutex.lock().await;
                condition.wait(&mut guard).await;
            };
            Hand::waiting(waiter)
        })
        .collect();
    let woken = |waiters: &[Hand<_>]| waiters.iter().filter(|waiter| waiter.is_woken()).count();
    // The first has the lock, the others who were notified stand in its line.
    let standing = || (woken(&waiters), mutex.waiting(), condition.waiting());
    condition.notify_one();
    assert_eq!(standing(), (1, 0, 5));
    condition.notify(2);
    assert_eq!(standing(), (1, 2, 3));
    condition.notify(0);
    assert_eq!(standing(), (1, 2, 3));
    condition.notify(100);
    assert_eq!(standing(), (1, 5, 0));
    condition.notify_all();
    assert_eq!(standing(), (1, 5, 0));
    for mut waiter in waiters {
        waiter.ready();
    }
    // Who comes after a notification does not hear of it.
    let mut guard = now(mutex.lock());
    assert!(Hand::new(condition.wait(&mut guard)).is_pending());
}

#[test]
fn condition_notify_unacquired_needs_no_lock_and_wait_cannot_be_written_without() {
    // `wait` takes a guard, so it has the lock; and the lock may be free when somebody notifies.
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    condition.notify_one();
    condition.notify_all();
    let mut guard = now(mutex.lock());
    let mut waiter = Hand::waiting(condition.wait(&mut guard));
    assert!(!mutex.is_locked());
    condition.notify_one();
    waiter.ready();
}

#[test]
fn condition_explicit_lock_several_conditions_share_one() {
    let mutex = Mutex::new(());
    let (full, empty) = (Condition::new(), Condition::new());
    let mut one = Hand::waiting(async {
        let mut guard = mutex.lock().await;
        full.wait(&mut guard).await;
    });
    let mut two = Hand::waiting(async {
        let mut guard = mutex.lock().await;
        empty.wait(&mut guard).await;
    });
    empty.notify_one();
    assert!(two.is_woken() && !one.is_woken());
    two.ready();
    full.notify_one();
    one.ready();
}

/// Three who wait on a condition; the lock is free.
macro_rules! three_waiters {
    ($mutex:ident, $condition:ident) => {{
        let wait = || async {
            let mut guard = $mutex.lock().await;
            $condition.wait(&mut guard).await;
        };
        [Hand::waiting(wait()), Hand::waiting(wait()), Hand::waiting(wait())]
    }};
}

#[test]
fn condition_cancelled_wakeup_the_notification_goes_to_another() {
    // asyncio lost it until 3.12.1.
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let [one, mut two, three] = three_waiters!(mutex, condition);
    condition.notify_one();
    assert!(one.is_woken());
    drop(one);
    assert!(two.is_woken() && !three.is_woken());
    two.ready();
    assert!(!three.is_woken());
}

#[test]
fn condition_cancelled_wakeup_relock_the_notification_goes_to_another() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let [mut one, mut two, three] = three_waiters!(mutex, condition);
    let held = now(mutex.lock());
    condition.notify_one();
    assert!(one.is_pending(), "it was notified, and waits for the lock");
    drop(one);
    assert!(!two.is_woken(), "it is notified, and woken when it has the lock");
    drop(held);
    assert!(two.is_woken() && !three.is_woken());
    two.ready();
    assert!(!mutex.is_locked());
}

#[test]
fn fact_66_condition_wait_cancel_after_notify_all_notifies_nobody_else() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let [one, mut two, mut three] = three_waiters!(mutex, condition);
    condition.notify_all();
    let mut late = Hand::waiting(async {
        let mut guard = mutex.lock().await;
        condition.wait(&mut guard).await;
    });
    drop(one);
    assert!(!late.is_woken(), "it came after the notification");
    two.ready();
    three.ready();
    assert!(late.is_pending());
}

#[test]
fn condition_a_waiter_granted_the_lock_and_dropped_passes_both_on() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let [mut one, mut two, _three] = three_waiters!(mutex, condition);
    let held = now(mutex.lock());
    condition.notify_one();
    assert!(one.is_pending());
    drop(held); // hands the lock to `one`, which does not run any more
    assert!(mutex.is_locked());
    drop(one);
    assert!(two.is_woken() && mutex.is_locked());
    two.ready();
    assert!(!mutex.is_locked());
}
