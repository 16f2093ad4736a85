//! asyncio's semaphore, fact by fact, with the bugs that it had.

use crate::kit::{
    hosts::{Hand, everywhere, now, pass},
    probe::{Record, panic_of},
};
use evenkeel::sync::{Semaphore, TryAcquireError};
use std::rc::Rc;

#[test]
fn semaphore_initial_value_zero_is_allowed_and_locked() {
    let semaphore = Semaphore::new(0);
    assert!(semaphore.is_locked());
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    let mut waiter = Hand::waiting(semaphore.acquire());
    semaphore.add_permits(1);
    assert!(waiter.ready().is_ok());
}

#[test]
fn semaphore_value_counts_what_is_free() {
    let semaphore = Semaphore::new(2);
    let one = semaphore.try_acquire().unwrap();
    assert_eq!((semaphore.available_permits(), semaphore.total_permits(), semaphore.is_locked()), (1, 2, false));
    let two = semaphore.try_acquire().unwrap();
    assert!(semaphore.is_locked());
    drop((one, two));
    assert_eq!(semaphore.available_permits(), 2);
}

#[test]
fn semaphore_acquire_two_releases_let_exactly_two_of_three_through() {
    let record = everywhere(|tasks, record| {
        let semaphore = Rc::new(Semaphore::new(0));
        for n in 0..3 {
            let (semaphore, record) = (semaphore.clone(), record.clone());
            tasks.spawn(async move {
                semaphore.acquire().await.unwrap().forget();
                record.add(n);
            });
        }
        tasks.spawn(async move {
            semaphore.add_permits(2);
            for _ in 0..5 {
                pass().await;
            }
            record.add(10 + semaphore.waiting());
            semaphore.add_permits(1);
        });
    });
    assert_eq!(record, [0, 1, 11, 2]);
}

#[test]
fn semaphore_acquire_cancel_removes_the_waiter() {
    let semaphore = Semaphore::new(0);
    let waiter = Hand::waiting(semaphore.acquire());
    assert_eq!(semaphore.waiting(), 1);
    drop(waiter);
    assert_eq!((semaphore.waiting(), semaphore.stats().left), (0, 1));
    semaphore.add_permits(1);
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn semaphore_acquire_cancel_before_awoken_the_third_gets_it() {
    let semaphore = Semaphore::new(0);
    let [one, two, mut three, mut four] = [0; 4].map(|_| Hand::waiting(semaphore.acquire()));
    drop((one, two));
    semaphore.add_permits(1);
    assert!(three.is_woken() && !four.is_woken());
    assert!(three.ready().is_ok());
    assert!(four.is_woken(), "the third has dropped its permit: now it is the fourth's");
    assert!(four.ready().is_ok());
}

#[test]
fn semaphore_acquire_hang_first_cancelled_and_release_in_one_tick_serves_the_second() {
    for release_first in [false, true] {
        let semaphore = Semaphore::new(1);
        let held = semaphore.try_acquire().unwrap();
        let [one, mut two] = [0; 2].map(|_| Hand::waiting(semaphore.acquire()));
        if release_first {
            drop(held);
            drop(one);
        } else {
            drop(one);
            drop(held);
        }
        assert!(two.is_woken());
        assert!(two.ready().is_ok());
        assert_eq!(semaphore.available_permits(), 1);
    }
}

#[test]
fn semaphore_acquire_no_hang_a_permit_granted_to_a_cancelled_waiter_is_not_lost() {
    let semaphore = Semaphore::new(1);
    let held = semaphore.try_acquire().unwrap();
    let one = Hand::waiting(semaphore.acquire());
    drop(held);
    assert!(one.is_woken());
    assert_eq!(semaphore.available_permits(), 0, "it is the waiter's");
    drop(one);
    assert_eq!(semaphore.available_permits(), 1);
    assert!(now(semaphore.acquire()).is_ok());
}

#[test]
fn bounded_semaphore_release_not_acquired_cannot_be_written() {
    // There is no release: a permit is returned by its drop, once, and `forget` takes it out of the total.
    let semaphore = Semaphore::new(1);
    drop(semaphore.try_acquire().unwrap());
    assert_eq!((semaphore.available_permits(), semaphore.total_permits()), (1, 1));
    semaphore.try_acquire().unwrap().forget();
    assert_eq!((semaphore.available_permits(), semaphore.total_permits()), (0, 0));
}

#[test]
fn semaphore_release_no_waiters_returns_the_value() {
    let semaphore = Semaphore::new(1);
    let permit = now(semaphore.acquire()).unwrap();
    assert!(semaphore.is_locked());
    drop(permit);
    assert!(!semaphore.is_locked());
}

/// Three tasks that take the only permit twice each.
fn takes_turns(hold: impl Fn(usize) -> usize + Copy + 'static) -> Vec<char> {
    everywhere(|tasks, record| {
        let semaphore = Rc::new(Semaphore::new(1));
        for (index, name) in ['a', 'b', 'c'].into_iter().enumerate() {
            let (semaphore, record): (_, Record<char>) = (semaphore.clone(), record.clone());
            tasks.spawn(async move {
                for _ in 0..2 {
                    let _permit = semaphore.acquire().await.unwrap();
                    record.add(name);
                    for _ in 0..hold(index) {
                        pass().await;
                    }
                }
            });
        }
    })
}

#[test]
fn semaphore_acquire_fifo_order_release_then_acquire_goes_to_the_back() {
    // asyncio until 3.8 gave "aaccbb" here.
    assert_eq!(takes_turns(|_| 1).iter().collect::<String>(), "abcabc");
}

#[test]
fn semaphore_acquire_fifo_order_2_also_within_one_step() {
    let record = everywhere(|tasks, record| {
        let semaphore = Rc::new(Semaphore::new(1));
        for name in ["one", "two"] {
            let (semaphore, record) = (semaphore.clone(), record.clone());
            tasks.spawn(async move {
                let permit = semaphore.acquire().await.unwrap();
                pass().await;
                record.add(name);
                drop(permit);
                // At once again: the permit is the other's already.
                let _permit = semaphore.acquire().await.unwrap();
                record.add(name);
            });
        }
    });
    assert_eq!(record, ["one", "two", "one", "two"]);
}

#[test]
fn semaphore_acquire_fifo_order_3_a_cancelled_head_does_not_break_the_order() {
    let record = everywhere(|tasks, record| {
        let semaphore = Rc::new(Semaphore::new(0));
        let take = |name: &'static str| {
            let (semaphore, record) = (semaphore.clone(), record.clone());
            async move {
                semaphore.acquire().await.unwrap().forget();
                record.add(name);
            }
        };
        let head = tasks.spawn_abortable(take("head"));
        tasks.spawn(take("second"));
        tasks.spawn(take("third"));
        tasks.spawn(async move {
            pass().await;
            head.abort();
            semaphore.add_permits(2);
        });
    });
    assert_eq!(record, ["second", "third"]);
}

#[test]
fn semaphore_acquire_fifo_order_4_several_releases_wake_in_order() {
    // asyncio 3.10 to 3.12 gave 1, 2, 4, 3 here.
    let record = everywhere(|tasks, record| {
        let semaphore = Rc::new(Semaphore::new(0));
        let take = |n: usize| {
            let (semaphore, record) = (semaphore.clone(), record.clone());
            async move {
                semaphore.acquire().await.unwrap().forget();
                record.add(n);
            }
        };
        for n in 1..=3 {
            tasks.spawn(take(n));
        }
        let releasing = semaphore.clone();
        tasks.spawn(async move {
            for _ in 0..4 {
                releasing.add_permits(1);
            }
        });
        // Made after the waiters, it comes when a permit is free, and after them.
        tasks.spawn(take(4));
    });
    // The fourth found a permit that was free in its first poll, which came before the others were polled again.
    assert_eq!(record, [4, 1, 2, 3]);
}

#[test]
fn semaphore_acquire_fifo_order_4_a_late_one_does_not_take_what_was_released_for_others() {
    let semaphore = Semaphore::new(0);
    let mut early: Vec<_> = (0..3).map(|_| Hand::waiting(semaphore.acquire())).collect();
    semaphore.add_permits(1);
    semaphore.add_permits(1);
    let mut late = Hand::waiting(semaphore.acquire());
    semaphore.add_permits(1);
    semaphore.add_permits(1);
    assert!(early.iter().all(Hand::is_woken) && late.is_woken());
    for waiter in &mut early {
        waiter.ready().unwrap().forget();
    }
    late.ready().unwrap().forget();
    assert_eq!(semaphore.available_permits(), 0);
}

#[test]
fn fact_59_locked_while_anybody_waits_and_try_acquire_fails_then() {
    let semaphore = Semaphore::new(2);
    let held = semaphore.try_acquire().unwrap();
    let mut heavy = Hand::waiting(semaphore.acquire_many(2));
    assert_eq!(semaphore.available_permits(), 1);
    assert!(semaphore.is_locked());
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    drop(held);
    assert_eq!(heavy.ready().unwrap().count(), 2);
}

#[test]
fn fact_60_a_permit_is_handed_over_at_the_time_of_release() {
    let semaphore = Semaphore::new(1);
    let held = semaphore.try_acquire().unwrap();
    let mut waiter = Hand::waiting(semaphore.acquire());
    drop(held);
    assert_eq!((semaphore.available_permits(), semaphore.waiting()), (0, 0));
    assert!(semaphore.try_acquire().is_err());
    let mut late = Hand::waiting(semaphore.acquire());
    assert!(waiter.ready().is_ok());
    assert!(late.ready().is_ok());
}

#[test]
fn fact_61_a_permit_that_comes_back_from_a_cancelled_waiter_wakes_as_many_as_it_serves() {
    let semaphore = Semaphore::new(3);
    let held = semaphore.try_acquire_many(3).unwrap();
    let heavy = Hand::waiting(semaphore.acquire_many(3));
    let mut light: Vec<_> = (0..3).map(|_| Hand::waiting(semaphore.acquire())).collect();
    drop(held);
    assert!(heavy.is_woken());
    drop(heavy);
    assert!(light.iter().all(Hand::is_woken));
    let permits: Vec<_> = light.iter_mut().map(|waiter| waiter.ready().unwrap()).collect();
    assert_eq!((permits.len(), semaphore.available_permits()), (3, 0));
}

#[test]
fn fact_62_history_every_order_of_release_and_cancel_leaves_the_counts_right() {
    // (b), the hang of 3.9: acquire, release and cancel in one tick, then acquire again.
    let record = everywhere(|tasks, record| {
        let semaphore = Rc::new(Semaphore::new(1));
        let (first, second, third) = (semaphore.clone(), semaphore.clone(), semaphore);
        let seen = record.clone();
        let victim = tasks.spawn_abortable(async move {
            // Enters behind the holder below.
            pass().await;
            let _permit = second.acquire().await.unwrap();
            seen.add("never");
        });
        tasks.spawn(async move {
            let permit = first.acquire().await.unwrap();
            pass().await;
            pass().await;
            drop(permit);
            victim.abort();
        });
        tasks.spawn(async move {
            pass().await;
            let _permit = third.acquire().await.unwrap();
            record.add("no hang");
        });
    });
    assert_eq!(record, ["no hang"]);
}

#[test]
fn fact_63_more_is_never_released_than_was_taken() {
    let semaphore = Semaphore::new(2);
    let mut permit = semaphore.try_acquire_many(2).unwrap();
    let other = permit.split(1).unwrap();
    assert!(permit.split(2).is_none());
    permit.merge(other);
    assert_eq!(permit.count(), 2);
    drop(permit);
    assert_eq!(semaphore.available_permits(), 2);
    let text = panic_of(|| Semaphore::new(usize::MAX).add_permits(1));
    assert!(text.contains("usize::MAX"), "{text}");
    let strange = Semaphore::new(1);
    let text = panic_of(|| semaphore.try_acquire().unwrap().merge(strange.try_acquire().unwrap()));
    assert!(text.contains("two semaphores"), "{text}");
    assert_eq!((semaphore.available_permits(), strange.available_permits()), (2, 1));
}
