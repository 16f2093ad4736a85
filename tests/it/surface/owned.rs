//! Futures that own what they wait for.

use crate::kit::{
    hosts::{Hand, now},
    probe::{Drops, panic_of},
};
use evenkeel::sync::{Closed, Mutex, OwnedJob, Queue, RwLock, Semaphore};
use futures::future::{FutureExt, LocalBoxFuture};
use std::{mem::forget, rc::Rc};

/// A future that may be kept anywhere.
fn kept<T>(future: impl Future<Output = T> + Unpin + 'static) -> Hand<impl Future<Output = T> + Unpin + 'static> {
    Hand::new(future)
}

#[test]
fn owned_futures_outlive_the_pointer_that_they_were_made_with() {
    let semaphore = Rc::new(Semaphore::new(3));
    let (one, two) = (semaphore.clone().acquire_owned(), semaphore.clone().acquire_many_owned(2));
    let mutex = Rc::new(Mutex::new(1)).lock_owned();
    let lock = Rc::new(RwLock::new(2));
    let (read, write, upgradable) =
        (lock.clone().read_owned(), Rc::clone(&lock).write_owned(), RwLock::upgradable_read_owned(&lock));
    drop(lock);
    let queue = Rc::new(Queue::new(1));
    queue.try_put(3).unwrap();
    let job = queue.get_job_owned();
    drop(queue);
    assert_eq!(now(one).unwrap().count() + now(two).unwrap().count(), 3);
    assert_eq!(*now(mutex), 1);
    *now(write) += 1;
    assert_eq!((*now(read), *now(upgradable)), (3, 3));
    assert_eq!(*now(job).unwrap(), 3);
}

#[test]
fn owned_futures_move_into_tasks_before_they_are_polled() {
    evenkeel::run(async {
        let mutex = Rc::new(Mutex::new(0));
        let tasks: Vec<_> = (0..3)
            .map(|n| {
                let locked = mutex.lock_owned();
                evenkeel::spawn(async move {
                    let mut guard = locked.await;
                    evenkeel::yield_now().await;
                    *guard = *guard * 10 + n;
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(Rc::try_unwrap(mutex).unwrap().into_inner(), 12);
    });
}

#[test]
fn owned_futures_are_spawned_as_they_are() {
    evenkeel::run(async {
        let lock = Rc::new(RwLock::new(String::from("a")));
        let writing = evenkeel::spawn(lock.write_owned());
        writing.await.unwrap().push('b');
        let reading = evenkeel::spawn(lock.read_owned());
        assert_eq!(*reading.await.unwrap(), "ab");
        let upgradable = evenkeel::spawn(lock.upgradable_read_owned()).await.unwrap();
        evenkeel::spawn(upgradable.upgrade()).await.unwrap().push('c');
        assert_eq!(*lock.read().await, "abc");
    });
}

#[test]
fn owned_futures_keep_a_share_until_they_are_dropped_and_leak_none() {
    let drops = Drops::default();
    let mutex = Rc::new(Mutex::new(drops.guard()));
    let held = mutex.try_lock_owned().unwrap();
    let mut waiter = kept(mutex.lock_owned());
    let other = kept(mutex.lock_owned());
    assert!(waiter.is_pending());
    drop(mutex);
    drop(held);
    drop(other);
    let guard = waiter.ready();
    assert_eq!(Rc::strong_count(guard.mutex()), 2);
    drop(waiter);
    assert_eq!((Rc::strong_count(guard.mutex()), drops.count()), (1, 0));
    drop(guard);
    assert_eq!(drops.count(), 1);
}

#[test]
fn owned_futures_pass_on_what_they_were_given_at_every_point() {
    type Wait = Box<dyn Fn() -> LocalBoxFuture<'static, ()>>;
    // What holds the primitive, how it is waited for, and whether nobody has it.
    let semaphore = Rc::new(Semaphore::new(1));
    let mutex = Rc::new(Mutex::new(()));
    let lock = Rc::new(RwLock::new(()));
    let queue = Rc::new(Queue::<()>::new(1));
    let put = |queue: &Rc<Queue<()>>| queue.try_put(()).unwrap();
    let done = |job: Result<OwnedJob<()>, Closed>| drop(job);
    let waits: [(&str, Wait); 7] = [
        (
            "semaphore",
            Box::new({
                let it = semaphore.clone();
                move || it.acquire_owned().map(drop).boxed_local()
            }),
        ),
        (
            "many",
            Box::new({
                let it = semaphore.clone();
                move || it.acquire_many_owned(1).map(drop).boxed_local()
            }),
        ),
        (
            "mutex",
            Box::new({
                let it = mutex.clone();
                move || it.lock_owned().map(drop).boxed_local()
            }),
        ),
        (
            "read",
            Box::new({
                let it = lock.clone();
                move || it.read_owned().map(drop).boxed_local()
            }),
        ),
        (
            "write",
            Box::new({
                let it = lock.clone();
                move || it.write_owned().map(drop).boxed_local()
            }),
        ),
        (
            "upgradable",
            Box::new({
                let it = lock.clone();
                move || it.upgradable_read_owned().map(drop).boxed_local()
            }),
        ),
        (
            "queue",
            Box::new({
                let it = queue.clone();
                move || it.get_job_owned().map(done).boxed_local()
            }),
        ),
    ];
    for (name, wait) in &waits {
        // 0: before its first poll, 1: in line, alone, 2: in line, before another one, 3: served and not polled.
        for point in 0..4 {
            let held = (semaphore.try_acquire_owned().unwrap(), mutex.try_lock_owned(), lock.try_write_owned());
            let mut dropped = Some(Hand::new(wait()));
            if point > 0 {
                assert!(dropped.as_mut().unwrap().is_pending());
            }
            if point <= 1 {
                dropped = None;
            }
            let mut next = Hand::waiting(wait());
            if point == 2 {
                dropped = None;
            }
            drop(held);
            put(&queue);
            drop(dropped);
            assert!(next.is_woken(), "{name} {point}");
            next.ready();
            let _ = queue.try_get();
        }
    }
    assert_eq!((semaphore.available_permits(), mutex.is_locked(), queue.unfinished()), (1, false, 0));
    assert!(lock.try_write().is_some());
}

#[test]
fn owned_futures_say_what_was_closed() {
    let (semaphore, queue) = (Rc::new(Semaphore::new(0)), Rc::new(Queue::<u8>::new(1)));
    let (mut permit, mut job) = (Hand::waiting(semaphore.acquire_owned()), Hand::waiting(queue.get_job_owned()));
    semaphore.close();
    queue.close();
    assert_eq!((permit.ready().unwrap_err(), job.ready().unwrap_err()), (Closed, Closed));
}

#[test]
fn owned_futures_that_are_forgotten_keep_their_place_and_the_primitive() {
    let mutex = Rc::new(Mutex::new(1));
    let held = mutex.try_lock_owned().unwrap();
    let mut waiter = mutex.lock_owned();
    assert!((&mut waiter).now_or_never().is_none());
    forget(waiter);
    drop(held);
    assert!(mutex.is_locked(), "it was handed to the one who was forgotten");
    assert_eq!(Rc::strong_count(&mutex), 2);
}

#[test]
fn owned_futures_end_once() {
    let mutex = Rc::new(Mutex::new(1));
    let mut locked = mutex.lock_owned();
    drop(now(&mut locked));
    assert!(panic_of(|| drop(now(&mut locked))).contains("after it gave its output"));
    assert!(!mutex.is_locked());
}
