//! asyncio's queues, fact by fact: jobs, join, shutdown, streams and channels.

use crate::kit::{
    hosts::{Hand, everywhere, now, pass},
    probe::{Drops, panic_of},
};
use evenkeel::sync::{
    Closed, LifoQueue, Order, OrderedQueue, PriorityQueue, PutError, Queue, Refused, TryGetError, channel,
    unbounded_channel,
};
use futures::{FutureExt, StreamExt};
use std::rc::Rc;

/// A test that runs on all three kinds of queues, each with room for two.
macro_rules! on_all_kinds {
    ($(#[test] fn $name:ident($queue:ident) $body:block)*) => { $(
        #[test]
        fn $name() {
            fn check<O: Order<u32>>($queue: OrderedQueue<u32, O>) $body
            check(Queue::new(2));
            check(LifoQueue::new(2));
            check(PriorityQueue::new(2));
        }
    )* };
}

on_all_kinds! {
    #[test]
    fn join_task_done_waits_for_every_item(queue) {
        queue.try_put(1).unwrap();
        queue.try_put(2).unwrap();
        let mut join = Hand::waiting(queue.join());
        let one = now(queue.get_job()).unwrap();
        let two = queue.try_get_job().unwrap();
        assert_eq!(queue.unfinished(), 2);
        drop(one);
        assert!(join.is_pending());
        drop(two);
        assert!(join.is_woken());
        join.ready();
    }

    #[test]
    fn join_empty_queue_does_not_wait(queue) {
        now(queue.join());
    }

    #[test]
    fn join_task_done_underflow_cannot_be_written(queue) {
        // A job is done once, by its drop, or at once for whoever takes the plain item.
        queue.try_put(1).unwrap();
        assert_eq!(now(queue.get()), Ok(1));
        assert_eq!(queue.unfinished(), 0);
        queue.try_put(2).unwrap();
        assert_eq!(now(queue.get_job()).unwrap().into_inner(), 2);
        assert_eq!(queue.unfinished(), 0);
    }

    #[test]
    fn fact_72_a_job_that_panics_is_done(queue) {
        queue.try_put(1).unwrap();
        let text = panic_of(|| {
            let _job = queue.try_get_job().unwrap();
            panic!("while working");
        });
        assert_eq!((text.as_str(), queue.unfinished()), ("while working", 0));
    }

    #[test]
    fn join_a_job_that_was_handed_over_and_not_taken_still_counts(queue) {
        let getter = Hand::waiting(queue.get_job());
        queue.try_put(1).unwrap();
        let mut join = Hand::waiting(queue.join());
        drop(getter);
        assert!(join.is_pending());
        drop(queue.try_get_job());
        join.ready();
    }

    #[test]
    fn shutdown_empty_waiting_gets_and_all_later_calls_fail_and_join_works(queue) {
        let mut getter = Hand::waiting(queue.get());
        queue.close();
        queue.close();
        assert_eq!(getter.ready(), Err(Closed));
        assert_eq!(now(queue.get()), Err(Closed));
        assert_eq!(queue.try_get(), Err(TryGetError::Closed));
        assert_eq!(queue.try_put(1), Err(PutError(1, Refused::Closed)));
        assert_eq!(now(queue.put(1)), Err(PutError(1, Refused::Closed)));
        assert_eq!(now(queue.get_many(3)), Err(Closed));
        assert!(now(queue.get_job()).is_err());
        now(queue.join());
    }

    #[test]
    fn shutdown_nonempty_waiting_puts_fail_gets_drain_and_join_waits(queue) {
        queue.try_put(1).unwrap();
        queue.try_put(1).unwrap();
        let mut putter = Hand::waiting(queue.put(3));
        queue.close();
        assert_eq!(putter.ready(), Err(PutError(3, Refused::Closed)));
        let mut join = Hand::waiting(queue.join());
        assert_eq!(now(queue.get()), Ok(1));
        let job = now(queue.get_job()).unwrap();
        assert_eq!(now(queue.get()), Err(Closed));
        assert!(join.is_pending());
        drop(job);
        join.ready();
    }

    #[test]
    fn shutdown_immediate_empties_the_queue_and_releases_join(queue) {
        queue.try_put(1).unwrap();
        queue.try_put(2).unwrap();
        let mut putter = Hand::waiting(queue.put(3));
        let mut join = Hand::waiting(queue.join());
        let mut drained = queue.close_now();
        drained.sort_unstable();
        assert_eq!(drained, [1, 2]);
        assert_eq!(putter.ready().unwrap_err().into_inner(), 3);
        join.ready();
        assert_eq!(now(queue.get()), Err(Closed));
        assert!(queue.close_now().is_empty());
    }

    #[test]
    fn shutdown_immediate_with_unfinished_a_taken_item_still_needs_its_end(queue) {
        queue.try_put(1).unwrap();
        queue.try_put(1).unwrap();
        let job = queue.try_get_job().unwrap();
        let mut join = Hand::waiting(queue.join());
        assert_eq!(queue.close_now(), [1]);
        assert!(join.is_pending());
        drop(job);
        join.ready();
    }

    #[test]
    fn fact_73_immediate_may_follow_a_gentle_one(queue) {
        queue.try_put(1).unwrap();
        queue.close();
        assert_eq!(queue.close_now(), [1]);
        queue.close();
        assert!(queue.is_closed() && queue.is_empty());
        now(queue.join());
    }

    #[test]
    fn shutdown_immediate_an_item_in_a_getters_hands_is_not_lost_and_does_not_hold_up_join(queue) {
        let [mut takes, leaves] = [0; 2].map(|_| Hand::waiting(queue.get()));
        queue.try_put(1).unwrap();
        queue.try_put(2).unwrap();
        assert!(queue.close_now().is_empty());
        let mut join = Hand::waiting(queue.join());
        assert_eq!(takes.ready(), Ok(1), "it had been handed over");
        assert!(join.is_pending());
        drop(leaves);
        join.ready();
        assert_eq!((queue.len(), queue.unfinished()), (1, 0));
        let job = queue.try_get_job().unwrap();
        assert_eq!((*job, queue.unfinished()), (2, 1));
        drop(job);
        now(queue.join());
    }
}

#[test]
fn owned_jobs_move_into_tasks() {
    evenkeel::run(async {
        let queue = Rc::new(Queue::new(2));
        queue.put(String::from("a")).await.unwrap();
        let mut job = queue.get_job_owned().await.unwrap();
        let task = evenkeel::spawn(async move {
            pass().await;
            job.push('!');
            job.into_inner()
        });
        queue.join().await;
        assert_eq!(task.await.unwrap(), "a!");
        queue.close();
        assert_eq!(queue.get_job_owned().await.unwrap_err(), Closed);
    });
}

#[test]
fn fact_75_items_are_a_stream_that_ends_with_the_queue() {
    let record = everywhere(|tasks, record| {
        let queue = Rc::new(Queue::new(1));
        let puts = queue.clone();
        tasks.spawn(async move {
            for n in 0..4 {
                puts.put(n).await.unwrap();
            }
            puts.close();
        });
        tasks.spawn(async move {
            record.add(queue.items().next().await.unwrap());
            queue.items().for_each(async |n| record.add(n)).await;
            assert_eq!(queue.items().next().await, None);
        });
    });
    assert_eq!(record, [0, 1, 2, 3]);
}

#[test]
fn a_stream_keeps_its_place_in_line_and_next_does_not() {
    let queue = Queue::new(4);
    let mut stream = queue.items();
    assert!(stream.next().now_or_never().is_none());
    assert_eq!(queue.waiting_getters(), 0, "`next` was dropped");
    assert!(StreamExt::next(&mut stream).now_or_never().is_none());
    assert_eq!(queue.waiting_getters(), 1, "`poll_next` cannot know");
    queue.try_put(1).unwrap();
    assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    assert_eq!(stream.next().now_or_never(), Some(Some(1)));
    assert!(StreamExt::next(&mut stream).now_or_never().is_none());
    queue.try_put(2).unwrap();
    drop(stream);
    assert_eq!(queue.try_get(), Ok(2), "what it was handed is not lost");
}

// ---- channels

#[test]
fn a_channel_closes_when_the_last_sender_is_gone() {
    let record = everywhere(|tasks, record| {
        let (sender, receiver) = channel(1);
        for n in 0..3 {
            let sender = sender.clone();
            tasks.spawn(async move { sender.send(n).await.unwrap() });
        }
        drop(sender);
        tasks.spawn(async move {
            while let Some(n) = receiver.recv().await {
                record.add(n);
            }
            record.add(99);
        });
    });
    assert_eq!(record, [0, 1, 2, 99]);
}

#[test]
fn a_channel_closes_when_the_last_receiver_is_gone_and_drops_what_is_left() {
    let drops = Drops::default();
    let (sender, receiver) = channel(1);
    let second = receiver.clone();
    sender.try_send(drops.guard()).unwrap();
    drop(receiver);
    assert!(!sender.is_closed());
    let mut waiting = Hand::waiting(sender.send(drops.guard()));
    drop(second);
    assert_eq!(drops.count(), 1);
    assert!(waiting.ready().unwrap_err().is_closed());
    assert!(sender.is_closed() && sender.try_send(drops.guard()).is_err());
    assert_eq!(drops.count(), 3);
}

#[test]
fn a_channel_shares_items_among_receivers_and_streams_them() {
    let (sender, receiver) = unbounded_channel();
    let other = receiver.clone();
    for n in 0..4 {
        sender.try_send(n).unwrap();
    }
    assert_eq!((sender.len(), sender.capacity()), (4, None));
    assert_eq!((receiver.try_recv(), other.try_recv()), (Ok(0), Ok(1)));
    assert_eq!(now(other.recv_many(9)), Ok(vec![2, 3]));
    assert!(receiver.is_empty());
    receiver.close();
    assert!(sender.try_send(5).unwrap_err().is_closed());
    assert!(now(receiver.items().collect::<Vec<_>>()).is_empty());
    assert_eq!(now(receiver.items().next()), None);
}
