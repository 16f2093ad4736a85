//! Waiters that are dropped at every possible point: nothing is lost, and the next is served.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    cases::all_cases,
    hosts::{Hand, now},
    probe::{Drops, on_drop},
};
use evenkeel::sync::{
    Condition, LifoQueue, Mutex, Notify, OwnedPermit, PriorityQueue, Queue, RwLock, Semaphore, oneshot,
};
use futures::{FutureExt, future::LocalBoxFuture};
use std::{cell::RefCell, rc::Rc};

/// Calls `f` with every sequence of `length` numbers below `base`.
fn every_sequence(base: usize, length: usize, mut f: impl FnMut(&[usize])) -> usize {
    let count = base.pow(length as u32);
    let mut sequence = vec![0; length];
    for number in 0..count {
        let mut rest = number;
        for place in &mut sequence {
            *place = rest % base;
            rest /= base;
        }
        f(&sequence);
    }
    count
}

type Acquired = LocalBoxFuture<'static, OwnedPermit>;

#[test]
fn fault_16_semaphore_every_order_of_release_poll_and_drop_conserves_the_permits() {
    // Two permits; waiters want 1, 2 and 1. 0: release one, 1..=3: poll, 4..=6: drop, 7: poll the first and drop it in the
    // same breath.
    const WEIGHTS: [usize; 3] = [1, 2, 1];
    let sequences = every_sequence(8, 5, |sequence| {
        let semaphore = Rc::new(Semaphore::new(2));
        let mut held: Vec<_> = (0..2).map(|_| semaphore.try_acquire_owned().unwrap()).collect();
        let mut waiters: Vec<Option<Hand<Acquired>>> = WEIGHTS
            .map(|weight| {
                let semaphore = semaphore.clone();
                Some(Hand::new(async move { semaphore.acquire_many_owned(weight).await.unwrap() }.boxed_local()))
            })
            .into();
        for &step in sequence {
            match step {
                0 => drop(held.pop()),
                1..=3 => poll(&mut waiters[step - 1], &mut held),
                7 => {
                    let mut waiter = waiters[0].take();
                    poll(&mut waiter, &mut held);
                }
                _ => waiters[step - 4] = None,
            }
            let held: usize = held.iter().map(OwnedPermit::count).sum();
            let free = semaphore.available_permits();
            assert!(free + held <= 2, "{sequence:?}");
            // Whoever is first in line wants more than is free.
            assert!(semaphore.waiting() == 0 || free < 2, "{sequence:?}");
        }
        // Everybody who is left is served in turn.
        held.clear();
        for _ in 0..WEIGHTS.len() {
            for waiter in &mut waiters {
                poll(waiter, &mut held);
            }
            held.clear();
        }
        assert!(waiters.iter().all(Option::is_none), "{sequence:?}");
        assert_eq!((semaphore.available_permits(), semaphore.waiting()), (2, 0), "{sequence:?}");
    });
    assert_eq!(sequences, 32_768);
}

fn poll(waiter: &mut Option<Hand<Acquired>>, held: &mut Vec<OwnedPermit>) {
    if let Some(std::task::Poll::Ready(permit)) = waiter.as_mut().map(Hand::poll) {
        held.push(permit);
        *waiter = None;
    }
}

#[test]
fn fault_16_queue_every_order_of_put_poll_and_drop_keeps_every_item_once() {
    // Room for one. 0: put without waiting, 1 and 2: poll a getter, 3 and 4: drop it, 5: poll a putter, 6: drop it.
    let sequences = every_sequence(7, 5, |sequence| {
        let queue = Rc::new(Queue::new(1));
        let (mut next, mut put, mut got) = (0, Vec::new(), Vec::new());
        let getter = || {
            let queue = queue.clone();
            Some(Hand::new(async move { queue.get().await.unwrap() }.boxed_local()))
        };
        let mut getters = [getter(), getter()];
        let putting = queue.clone();
        let mut putter = Some(Hand::new(async move { putting.put(100).await.unwrap() }.boxed_local()));
        let mut putter_stood_in_line = false;
        for &step in sequence {
            match step {
                0 => {
                    if queue.try_put(next).is_ok() {
                        put.push(next);
                    }
                    next += 1;
                }
                1 | 2 => {
                    if let Some(std::task::Poll::Ready(item)) = getters[step - 1].as_mut().map(Hand::poll) {
                        got.push(item);
                        getters[step - 1] = None;
                    }
                }
                3 | 4 => getters[step - 3] = None,
                5 => {
                    if let Some(hand) = &mut putter {
                        if hand.poll().is_ready() {
                            putter = None;
                            put.push(100);
                        } else {
                            putter_stood_in_line = true;
                        }
                    }
                }
                _ => {
                    // Its item is in if it had been let in, and gone otherwise.
                    if putter_stood_in_line && putter.is_some() && queue.waiting_putters() == 0 {
                        put.push(100);
                    }
                    putter = None;
                }
            }
            assert!(queue.waiting_getters() == 0 || (queue.is_empty() && queue.waiting_putters() == 0), "{sequence:?}");
            assert!(queue.waiting_putters() == 0 || queue.is_full(), "{sequence:?}");
        }
        for getter in &mut getters {
            if let Some(std::task::Poll::Ready(item)) = getter.as_mut().filter(|hand| hand.is_woken()).map(Hand::poll) {
                got.push(item);
            }
            *getter = None;
        }
        if putter_stood_in_line && putter.is_some() {
            put.push(100);
        }
        got.extend(std::iter::from_fn(|| queue.try_get().ok()));
        got.sort_unstable();
        put.sort_unstable();
        assert_eq!(got, put, "{sequence:?}");
        assert_eq!(queue.unfinished(), 0, "{sequence:?}");
    });
    assert_eq!(sequences, 16_807);
}

#[test]
fn fault_16_every_primitive_forgets_a_waiter_that_is_dropped() {
    // 0: before its first poll, 1 and 2: in line, without and with another behind it, 3: granted and not polled.
    for point in 0..4 {
        for case in all_cases().into_iter().filter(|case| case.room == 3) {
            let mut dropped = Some(Hand::new((case.wait)()));
            if point > 0 {
                assert!(dropped.as_mut().unwrap().is_pending());
            }
            if point == 1 {
                dropped = None;
            }
            let mut next = Hand::waiting((case.wait)());
            if point != 3 {
                dropped = None;
            }
            (case.serve)();
            drop(dropped);
            assert!(next.is_woken(), "{} {point}", case.name);
            next.ready();
        }
    }
}

#[test]
fn fault_16_a_waiter_that_is_granted_during_its_own_poll_has_it() {
    let semaphore = Rc::new(Semaphore::new(0));
    let adding = semaphore.clone();
    let waker = bomb(move |op| {
        if op == Op::Clone {
            adding.add_permits(1);
        }
    });
    let mut waiter = Hand::new(semaphore.acquire());
    let permit = waiter.poll_with(&waker);
    assert!(permit.is_ready());
    drop(permit);
    assert_eq!(semaphore.available_permits(), 1);
    defuse();
}

#[test]
fn fault_10_guards_drop_in_any_order_also_while_panicking() {
    let semaphore = Semaphore::new(3);
    let lock = Mutex::new(0);
    let table = RwLock::new(0);
    let queue = Queue::new(2);
    for panics in [false, true] {
        queue.try_put(1).unwrap();
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let first = semaphore.try_acquire().unwrap();
            let second = semaphore.try_acquire_many(2).unwrap();
            let _guard = lock.try_lock().unwrap();
            let (reader, _other) = (table.try_read().unwrap(), table.try_read().unwrap());
            let _job = queue.try_get_job().unwrap();
            drop(first);
            drop(reader);
            let _late = on_drop(|| assert!(lock.try_lock().is_none()));
            assert!(!panics, "on purpose");
            drop(second);
        }));
        assert_eq!(run.is_err(), panics);
        assert_eq!((semaphore.available_permits(), lock.is_locked(), queue.unfinished()), (3, false, 0));
        assert!(table.try_write().is_some());
    }
}

#[test]
fn primitives_that_are_dropped_with_waiters_in_line_drop_what_these_brought() {
    let drops = Drops::default();
    let queue = Queue::new(1);
    queue.try_put(drops.guard()).unwrap();
    for _ in 0..3 {
        // A future that is forgotten stays in line.
        std::mem::forget(Hand::waiting(queue.put(drops.guard())));
    }
    assert_eq!((queue.waiting_putters(), drops.count()), (3, 0));
    drop(queue);
    assert_eq!(drops.count(), 4);

    let semaphore = Rc::new(Semaphore::new(0));
    let waiting = semaphore.clone();
    let mut waiter = Hand::waiting(async move { waiting.acquire_owned().await.is_ok() });
    drop(semaphore);
    assert!(waiter.is_pending(), "it keeps the semaphore alive");
    drop(waiter);
}

#[test]
fn fault_12_destructors_of_items_may_use_their_queue() {
    type Shared = Rc<RefCell<Option<Queue<crate::kit::probe::OnDrop<Box<dyn FnOnce()>>>>>>;
    let queue: Shared = Rc::new(RefCell::new(Some(Queue::new(1).when_full(evenkeel::sync::Full::DropOldest))));
    let item = |queue: &Shared| {
        let queue = queue.clone();
        let f: Box<dyn FnOnce()> = Box::new(move || {
            if let Ok(queue) = queue.try_borrow() {
                if let Some(queue) = &*queue {
                    let _ = (queue.len(), queue.try_get().map(std::mem::forget), queue.is_closed());
                }
            }
        });
        on_drop(f)
    };
    let borrowed = queue.borrow();
    let inner = borrowed.as_ref().unwrap();
    for _ in 0..3 {
        // The evicted item's destructor takes the new one out again.
        inner.try_put(item(&queue)).unwrap_or_else(|_| unreachable!());
    }
    drop(inner.close_now());
    assert!(inner.is_empty());
    drop(borrowed);
    let ended = queue.take();
    drop(ended);
}

#[test]
fn fault_16_notify_and_condition_pass_a_single_notification_on() {
    let notify = Notify::new();
    let [one, mut two] = [0; 2].map(|_| Hand::waiting(notify.notified()));
    notify.notify_one();
    drop(one);
    two.ready();
    let three = Hand::waiting(notify.notified());
    notify.notify_one();
    drop(three);
    now(notify.notified());
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let mut guard = now(mutex.lock());
    let waiter = Hand::waiting(condition.wait(&mut guard));
    condition.notify_one();
    drop(waiter);
    assert_eq!((condition.waiting(), condition.stats().granted), (0, 1));
}

#[test]
fn fault_36_oneshot_every_order_of_send_close_poll_and_drop() {
    // 0: poll the receiver, 1: send, 2: drop the sender, 3: close, 4: drop the receiver.
    let sequences = every_sequence(5, 5, |sequence| {
        let drops = Drops::default();
        let (sender, receiver) = oneshot::channel();
        let (mut sender, mut receiver) = (Some(sender), Some(Hand::new(receiver)));
        let (mut sent, mut received, mut told) = (false, false, false);
        for &step in sequence {
            match step {
                0 => {
                    if let Some(Some(std::task::Poll::Ready(got))) =
                        (!told && !received).then(|| receiver.as_mut().map(Hand::poll))
                    {
                        received |= got.is_ok();
                        told |= got.is_err();
                        assert!(got.is_ok() == sent || got.is_err(), "{sequence:?}");
                    }
                }
                1 => sent |= sender.take().is_some_and(|sender| sender.send(drops.guard()).is_ok()),
                2 => sender = None,
                3 => receiver.iter_mut().for_each(|hand| hand.with(oneshot::Receiver::close)),
                _ => receiver = None,
            }
        }
        if let (Some(hand), false, false, None) = (&mut receiver, received, told, &sender) {
            assert_eq!(hand.ready().is_ok(), sent, "{sequence:?}");
        }
        drop((sender, receiver));
    });
    assert_eq!(sequences, 3125);
}

#[test]
fn items_that_nobody_takes_are_dropped_with_any_kind_of_queue() {
    let drops = Drops::default();
    let (queue, lifo) = (Queue::new(3), LifoQueue::unbounded());
    queue.try_put(drops.guard()).unwrap_or_else(|_| unreachable!());
    lifo.try_put(drops.guard()).unwrap_or_else(|_| unreachable!());
    let priority = PriorityQueue::new(1);
    priority.try_put((1, ())).unwrap();
    let getter = Hand::waiting(async {
        let _first = queue.get().await;
        queue.get().await
    });
    drop(getter);
    drop((queue, lifo, priority));
    assert_eq!(drops.count(), 2);
}
