//! Semaphores at their limits: weights, extremes, closing, owned permits.

use crate::kit::hosts::{Hand, everywhere, now, pass};
use evenkeel::sync::{AcquireError, Closed, Semaphore, TryAcquireError};
use std::{cell::Cell, rc::Rc};

#[test]
fn sync_02_a_weight_above_the_total_is_an_error_at_once_and_not_a_hang() {
    let semaphore = Semaphore::new(3);
    let _held = semaphore.try_acquire().unwrap();
    let error = now(semaphore.acquire_many(4)).unwrap_err();
    assert_eq!(error, AcquireError::TooMany { asked: 4, total: 3 });
    assert!(error.to_string().contains("Semaphore::growing"), "{error}");
    assert_eq!(semaphore.try_acquire_many(4).unwrap_err(), TryAcquireError::Never(error));
    assert_eq!(Closed::from(error), Closed);
}

#[test]
fn sync_02_a_weight_that_becomes_impossible_in_line_is_refused_then_and_others_are_served() {
    let semaphore = Semaphore::new(3);
    let mut held = semaphore.try_acquire_many(3).unwrap();
    let mut heavy = Hand::waiting(semaphore.acquire_many(3));
    let mut light = Hand::waiting(semaphore.acquire());
    drop(held.split(1));
    assert!(!light.is_woken(), "it is behind the heavy one");
    held.split(1).unwrap().forget();
    assert_eq!(heavy.ready().unwrap_err(), AcquireError::TooMany { asked: 3, total: 2 });
    assert!(light.ready().is_ok());
}

#[test]
fn sync_02_a_growing_semaphore_refuses_no_weight() {
    let semaphore = Semaphore::growing(0);
    let mut all = Hand::waiting(semaphore.acquire_many(3));
    for _ in 0..3 {
        assert!(all.is_pending());
        semaphore.add_permits(1);
    }
    assert_eq!(all.ready().unwrap().count(), 3);
}

#[test]
fn usize_max_permits_are_as_good_as_no_bound() {
    let semaphore = Semaphore::new(usize::MAX);
    let one = semaphore.try_acquire().unwrap();
    let mut all = Hand::waiting(semaphore.acquire_many(usize::MAX));
    drop(one);
    let all = all.ready().unwrap();
    assert_eq!((all.count(), semaphore.available_permits()), (usize::MAX, 0));
    drop(all);
    assert_eq!(semaphore.available_permits(), usize::MAX);
}

#[test]
fn sync_01_zero_permits_are_had_without_waiting_and_without_overtaking() {
    let semaphore = Semaphore::new(1);
    let _held = semaphore.try_acquire().unwrap();
    let _waiter = Hand::waiting(semaphore.acquire());
    assert_eq!(now(semaphore.acquire_many(0)).unwrap().count(), 0);
    semaphore.close();
    assert_eq!(now(semaphore.acquire_many(0)).unwrap_err(), AcquireError::Closed);
}

#[test]
fn sync_01_a_heavy_waiter_at_the_head_is_not_starved_by_light_ones() {
    let record = everywhere(|tasks, record| {
        let semaphore = Rc::new(Semaphore::new(4));
        let light_done = Rc::new(Cell::new(0));
        for n in 0..40 {
            let (semaphore, done) = (semaphore.clone(), light_done.clone());
            tasks.spawn(async move {
                // They come a few at a time, so that permits are always on the move.
                for _ in 0..n / 2 {
                    pass().await;
                }
                let _permit = semaphore.acquire().await.unwrap();
                for _ in 0..3 {
                    pass().await;
                }
                done.set(done.get() + 1);
            });
        }
        tasks.spawn(async move {
            for _ in 0..5 {
                pass().await;
            }
            let before = light_done.get();
            let _all = semaphore.acquire_many(4).await.unwrap();
            // Only those who had permits or stood before it went first.
            record.add(light_done.get() - before <= 8);
        });
    });
    assert_eq!(record, [true]);
}

#[test]
fn sync_03_close_ends_all_waits_and_leaves_permits_valid() {
    let semaphore = Semaphore::new(1);
    let held = semaphore.try_acquire().unwrap();
    let mut granted = Hand::waiting(semaphore.acquire());
    let mut waiting = Hand::waiting(semaphore.acquire_many(1));
    drop(held);
    semaphore.close();
    semaphore.close();
    let permit = granted.ready().unwrap();
    assert_eq!(waiting.ready().unwrap_err(), AcquireError::Closed);
    assert_eq!(now(semaphore.acquire()).unwrap_err(), Closed);
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Never(AcquireError::Closed));
    drop(permit);
    assert_eq!((semaphore.available_permits(), semaphore.is_closed()), (1, true));
}

#[test]
fn owned_permits_move_into_tasks_and_keep_the_semaphore() {
    evenkeel::run(async {
        let semaphore = Rc::new(Semaphore::new(2));
        let mut permit = semaphore.acquire_many_owned(2).await.unwrap();
        let half = permit.split(1).unwrap();
        assert!(Rc::ptr_eq(half.semaphore(), &semaphore));
        let task = evenkeel::spawn(async move {
            pass().await;
            drop(permit);
        });
        let waiting = semaphore.clone();
        let waiter = evenkeel::spawn(async move { waiting.acquire_owned().await.unwrap() });
        task.await.unwrap();
        let other = waiter.await.unwrap();
        assert!(semaphore.try_acquire_owned().is_err());
        drop(semaphore);
        drop((half, other));
    });
}
