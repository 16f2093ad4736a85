//! asyncio's queues, fact by fact: putting and getting.

use crate::kit::hosts::{Hand, everywhere, now};
use evenkeel::sync::{PutError, Queue, Refused, TryGetError};
use std::rc::Rc;

#[test]
fn queue_basic_empty_full_order_and_maxsize() {
    let queue = Queue::new(2);
    assert!(queue.is_empty() && !queue.is_full());
    now(queue.put(1)).unwrap();
    assert!(!queue.is_empty() && !queue.is_full());
    now(queue.put(2)).unwrap();
    assert!(queue.is_full());
    assert_eq!((queue.len(), queue.capacity()), (2, Some(2)));
    let mut third = Hand::waiting(queue.put(3));
    assert_eq!(now(queue.get()), Ok(1));
    assert_eq!(third.ready(), Ok(()));
    assert_eq!((now(queue.get()), now(queue.get())), (Ok(2), Ok(3)));
}

#[test]
fn get_blocking_nonblocking_and_nonblocking_exception() {
    let queue = Queue::new(1);
    assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    queue.try_put(1).unwrap();
    assert_eq!(now(queue.get()), Ok(1));
    queue.try_put(2).unwrap();
    assert_eq!(queue.try_get(), Ok(2));
    assert!(TryGetError::Empty.to_string().contains("get()"));
}

#[test]
fn get_with_putters_wakes_a_waiting_putter() {
    let queue = Queue::new(1);
    queue.try_put(1).unwrap();
    let mut putter = Hand::waiting(queue.put(2));
    assert_eq!(now(queue.get()), Ok(1));
    assert!(putter.is_woken());
    assert_eq!(queue.len(), 1, "its item is in already");
    assert_eq!(putter.ready(), Ok(()));
}

#[test]
fn get_blocking_get_wait_suspends_until_a_put() {
    let queue = Queue::new(1);
    let mut getter = Hand::waiting(queue.get());
    now(queue.put("x")).unwrap();
    assert!(getter.is_woken());
    assert_eq!(getter.ready(), Ok("x"));
}

#[test]
fn get_cancelled_race_the_item_reaches_the_second() {
    for cancel_first in [true, false] {
        let queue = Queue::new(5);
        let [one, mut two] = [0; 2].map(|_| Hand::waiting(queue.get()));
        if cancel_first {
            drop(one);
            queue.try_put(7).unwrap();
        } else {
            queue.try_put(7).unwrap();
            drop(one);
        }
        assert_eq!(two.ready(), Ok(7));
    }
}

#[test]
fn get_with_waiting_putters_items_come_in_order() {
    let queue = Queue::new(1);
    queue.try_put(0).unwrap();
    let putters: Vec<_> = (1..4).map(|n| Hand::waiting(queue.put(n))).collect();
    for n in 0..4 {
        assert_eq!(now(queue.get()), Ok(n));
    }
    assert!(putters.iter().all(Hand::is_woken));
}

#[test]
fn get_why_are_getters_waiting_producer_and_consumer_over_a_queue_of_one() {
    for capacity in [0, 1, 2] {
        let record = everywhere(|tasks, record| {
            let queue = Rc::new(Queue::new(capacity));
            let (puts, gets) = (queue.clone(), queue);
            tasks.spawn(async move {
                for n in 0..20 {
                    puts.put(n).await.unwrap();
                }
            });
            tasks.spawn(async move {
                for _ in 0..20 {
                    record.add(gets.get().await.unwrap());
                }
            });
        });
        assert_eq!(record, (0..20).collect::<Vec<_>>());
    }
}

#[test]
fn get_cancelled_getters_not_being_held() {
    let queue = Queue::<u8>::new(1);
    drop(Hand::waiting(queue.get()));
    assert_eq!((queue.waiting_getters(), queue.getter_stats().left), (0, 1));
}

#[test]
fn put_blocking_nonblocking_and_nonblocking_exception() {
    let queue = Queue::new(1);
    now(queue.put(1)).unwrap();
    let error = queue.try_put(2).unwrap_err();
    assert_eq!(error, PutError(2, Refused::Full));
    assert!(error.to_string().contains("put()"));
    assert_eq!(queue.try_get(), Ok(1));
}

#[test]
fn put_blocking_put_wait_suspends_until_a_get() {
    let queue = Queue::new(1);
    queue.try_put(1).unwrap();
    let mut putter = Hand::waiting(queue.put(2));
    assert!(putter.is_pending());
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!(putter.ready(), Ok(()));
}

#[test]
fn put_get_cancel_drop_one_pending_reader_the_item_is_not_lost_and_stays_first() {
    let queue = Queue::new(3);
    let reader = Hand::waiting(queue.get());
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    assert!(reader.is_woken());
    drop(reader);
    assert_eq!((queue.try_get(), queue.try_get()), (Ok(1), Ok(2)));
}

#[test]
fn put_get_cancel_drop_many_pending_readers_the_others_get_both_items() {
    let queue = Queue::new(3);
    let [one, mut two, mut three] = [0; 3].map(|_| Hand::waiting(queue.get()));
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    drop(one);
    assert_eq!((two.ready(), three.ready()), (Ok(2), Ok(1)));
}

#[test]
fn put_get_cancel_drop_all_readers_items_stand_in_their_old_order() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]] {
        let queue = Queue::new(2);
        let mut readers: Vec<_> = (0..3).map(|_| Some(Hand::waiting(queue.get()))).collect();
        for n in 0..3 {
            queue.try_put(n).unwrap();
        }
        queue.try_put(3).unwrap();
        for index in order {
            readers[index] = None;
        }
        assert!(queue.len() == 4 && queue.is_full(), "for a moment there is more than the capacity");
        assert!(queue.try_put(9).unwrap_err().is_full());
        let rest: Vec<_> = std::iter::from_fn(|| queue.try_get().ok()).collect();
        assert_eq!(rest, [0, 1, 2, 3], "{order:?}");
    }
}

#[test]
fn put_cancel_drop_a_queued_putter_takes_its_item_with_it() {
    let queue = Queue::new(1);
    queue.try_put(1).unwrap();
    drop(Hand::waiting(queue.put(2)));
    assert_eq!(queue.waiting_putters(), 0);
    let mut retry = Hand::waiting(queue.put(2));
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!(retry.ready(), Ok(()));
    assert_eq!((queue.try_get(), queue.try_get()), (Ok(2), Err(TryGetError::Empty)));
}

#[test]
fn put_cancel_drop_once_there_was_room_the_item_is_in() {
    // Otherwise than in asyncio, where a woken putter has yet to put.
    let queue = Queue::new(1);
    queue.try_put(1).unwrap();
    let putter = Hand::waiting(queue.put(2));
    assert_eq!(queue.try_get(), Ok(1));
    drop(putter);
    assert_eq!(queue.try_get(), Ok(2));
}

#[test]
fn put_cancelled_race_a_cancelled_putter_does_not_block_the_others() {
    let queue = Queue::new(1);
    queue.try_put(0).unwrap();
    let [mut one, two, mut three] = [1, 2, 3].map(|n| Hand::waiting(queue.put(n)));
    drop(two);
    assert_eq!(queue.try_get(), Ok(0));
    assert_eq!(one.ready(), Ok(()));
    assert!(three.is_pending());
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!(three.ready(), Ok(()));
    assert_eq!(queue.try_get(), Ok(3));
}

#[test]
fn put_with_waiting_getters_reaches_one() {
    let queue = Queue::new(1);
    let mut getter = Hand::waiting(queue.get());
    assert_eq!(now(queue.put("a")), Ok(()));
    assert!(queue.is_empty());
    assert_eq!(getter.ready(), Ok("a"));
}

#[test]
fn put_why_are_putters_waiting_several_are_released_by_several_gets() {
    let queue = Queue::new(2);
    queue.try_put(0).unwrap();
    queue.try_put(1).unwrap();
    let mut putters: Vec<_> = (2..6).map(|n| Hand::waiting(queue.put(n))).collect();
    for n in 0..6 {
        assert_eq!(queue.try_get(), Ok(n));
    }
    assert!(putters.iter_mut().all(|putter| putter.ready() == Ok(())));
}

#[test]
fn put_cancelled_puts_not_being_held() {
    let queue = Queue::new(1);
    queue.try_put(1).unwrap();
    drop(Hand::waiting(queue.put(2)));
    assert_eq!((queue.waiting_putters(), queue.putter_stats().left), (0, 1));
    // Nor does one that was never polled do anything.
    drop(queue.put(3));
    assert_eq!(queue.putter_stats().entered, 1);
}

#[test]
fn fact_69_a_queue_has_the_capacity_that_was_asked_for() {
    let unbounded = Queue::unbounded();
    for n in 0..10_000 {
        unbounded.try_put(n).unwrap();
    }
    assert_eq!((unbounded.capacity(), unbounded.is_full()), (None, false));
    assert_eq!(Queue::<u8>::new(usize::MAX).capacity(), None);
    assert_eq!(Queue::<u8>::new(0).capacity(), Some(0));
}

#[test]
fn a_queue_of_capacity_zero_is_a_rendezvous() {
    let queue = Queue::new(0);
    assert!(queue.is_empty() && queue.is_full());
    assert!(queue.try_put(1).unwrap_err().is_full());
    let mut putter = Hand::waiting(queue.put(1));
    assert_eq!(queue.len(), 0);
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!(putter.ready(), Ok(()));
    assert_eq!(queue.try_get(), Err(TryGetError::Empty));

    let mut getter = Hand::waiting(queue.get());
    assert_eq!(queue.try_put(2), Ok(()));
    assert_eq!(getter.ready(), Ok(2));

    let late = Hand::waiting(queue.get());
    assert_eq!(queue.try_put(3), Ok(()));
    drop(late);
    assert_eq!(queue.try_get(), Ok(3), "an item that was handed over is not lost");
}

#[test]
fn fact_70_nobody_takes_the_item_of_a_woken_getter() {
    let queue = Queue::new(1);
    let mut getter = Hand::waiting(queue.get());
    queue.try_put(1).unwrap();
    assert_eq!(queue.try_get(), Err(TryGetError::Empty), "it is the getter's");
    let mut late = Hand::waiting(queue.get());
    assert_eq!(getter.ready(), Ok(1));
    assert!(late.is_pending());
    queue.try_put(2).unwrap();
    assert_eq!(late.ready(), Ok(2));
}

#[test]
fn fact_71_a_woken_getter_that_is_cancelled_hands_its_item_to_the_next() {
    let queue = Queue::new(1);
    let [one, two, mut three] = [0; 3].map(|_| Hand::waiting(queue.get()));
    queue.try_put(1).unwrap();
    drop(one);
    assert!(two.is_woken());
    drop(two);
    assert!(three.is_woken());
    assert_eq!(three.ready(), Ok(1));
}
